"""Keeps the rejected records of a source in `rejected/`, in bounded memory."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Self

import xxhash

from nspdata.files.lease import check_now_and_then
from nspdata.files.local import join
from nspdata.reading.records import count_rejected

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from nspdata.building.plan import BuildPlan
    from nspdata.files.growing import GrowingFile
    from nspdata.files.local import Files
    from nspdata.reading import Rejected, Source


class RejectedRecords:
    """Writes the rejected records of a source, batch by batch; there is no file if there are none.

    The name of the file depends on the source, so a retry overwrites it.

    Args:
        plan: of the build.
        source: that the records are of.
        files: where the file is written.
    """

    def __init__(self, plan: BuildPlan, source: Source, files: Files) -> None:
        digest = xxhash.xxh3_64_hexdigest(f"{source.name}:{source.start}".encode())
        self._plan, self._files = plan, files
        self._path = join(plan.root, f"rejected/{digest}.jsonl")
        self._file: GrowingFile | None = None
        self._counts = Counter[str]()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.discard()  # if it is not finished

    def add(self, rejected: Sequence[Rejected]) -> None:
        """Writes some records."""
        if not rejected:
            return
        if self._file is None:
            check_now_and_then(self._plan.output, self._plan.lease, self._files)
            self._file = self._files.create(self._path)
        lines = "".join(json.dumps(asdict(record), ensure_ascii=True) + "\n" for record in rejected)
        self._file.write(memoryview(lines.encode()))
        self._counts.update(count_rejected(rejected))

    def finish(self) -> dict[str, int]:
        """Finishes the file; returns the counts of its records (see `count_rejected`)."""
        if self._file is not None:
            self._file.finish()
        return dict(self._counts)
