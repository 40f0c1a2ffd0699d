"""What an export writes, where, and from which shards: fixed before it starts and the same in every worker."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nspdata.dataset.directory import open_directory
from nspdata.errors import ConfigError
from nspdata.exporting import delimited, mds, parquet, saved, tfrecord
from nspdata.exporting.options import Context
from nspdata.files.local import join
from nspdata.files.lock import WORK
from nspdata.files.swap import NEW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from nspdata.dataset.directory import Directory
    from nspdata.dataset.manifest import ShardEntry
    from nspdata.exporting.options import ExportOptions

VERSION = 1
"""Version of the exported files and of their manifest."""

ENCODERS: dict[str, ModuleType] = {
    "mds": mds,
    "parquet": parquet,
    "tfrecord": tfrecord,
    "hf": saved,
    "csv": delimited,
}
"""The module of each format: `SUFFIX` and `write`."""

PLAN, PARTS = f"{WORK}/plan.json", f"{WORK}/parts"
"""In DEST until the export is finished: its identity, and what each finished part wrote."""


@dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """An export.

    Attributes:
        dataset: path or URL of the dataset.
        destination: path or URL of the directory to write.
        options: what to write.
        parts: split and entry of each shard to export, in order.
        tokenizer_sha256: of the vocabulary.
        config_fingerprint: of the dataset's settings.
    """

    dataset: str
    destination: str
    options: ExportOptions
    parts: tuple[tuple[str, ShardEntry], ...]
    tokenizer_sha256: str
    config_fingerprint: str

    @cached_property
    def source_fingerprint(self) -> str:
        """Hexadecimal hash of the rows and the vocabulary that are exported."""
        shards = [[split, entry.path, entry.rows, entry.sha256] for split, entry in self.parts]
        return hashlib.sha256(json.dumps([self.tokenizer_sha256, shards]).encode()).hexdigest()

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for an export to be resumed, or to be the one that is already there."""
        return {"version": VERSION, "options": asdict(self.options), "source": self.source_fingerprint}

    @property
    def stage(self) -> str:
        """The directory to write to until all parts are finished."""
        return join(self.destination, NEW)

    def part_path(self, number: int) -> str:
        """The record of a finished part."""
        return join(self.destination, f"{PARTS}/{number:06d}.json")

    def stem(self, number: int) -> str:
        """The path of a part's file without its suffix, relative to the destination."""
        return self.parts[number][1].path.removesuffix(".arrow")


def make_plan(
    directory: Directory, destination: str, options: ExportOptions, splits: Sequence[str] | None = None
) -> ExportPlan:
    """The plan of an export.

    Args:
        directory: the dataset.
        destination: path or URL of the directory to write.
        options: what to write.
        splits: names of splits; None for all.

    Raises:
        ConfigError: there is no such split, or the destination is the dataset.
    """
    known = directory.manifest.splits
    if unknown := [split for split in splits or () if split not in known]:
        raise ConfigError(f"{directory.name} has no split {unknown[0]!r}; it has {', '.join(known)}")
    if destination.rstrip("/") == directory.name.rstrip("/"):
        raise ConfigError(f"{destination} is the dataset itself; give the export a directory of its own with -o")
    chosen = [split for split in known if splits is None or split in splits]
    return ExportPlan(
        dataset=directory.name,
        destination=destination,
        options=options,
        parts=tuple((split, entry) for split in chosen for entry in known[split]),
        tokenizer_sha256=directory.vocabulary.sha256,
        config_fingerprint=directory.manifest.config_fingerprint,
    )


def context_of(directory: Directory, plan: ExportPlan) -> Context:
    """Returns what encoders need to know about the dataset."""
    return Context(options=plan.options, metadata=directory.metadata, vocabulary=directory.vocabulary)


def opened(plan: ExportPlan) -> Directory:
    """The dataset, opened in this process."""
    return open_directory(plan.dataset)
