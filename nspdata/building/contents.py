"""The identity of the input files of a build: their content, recorded when they were read and compared when it is resumed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nspdata.building.plan import CONTENTS
from nspdata.errors import InputError
from nspdata.files.local import join
from nspdata.files.state import read_state, write_state
from nspdata.reading.content import content_of, hexadecimal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.building.tokenize import ReadSummary
    from nspdata.files.local import Files
    from nspdata.reading import Source

READERS = 8
"""Files that are hashed at the same time."""


def changed_inputs(sources: Sequence[Source], recorded: Mapping[str, tuple[str, str]], files: Files) -> list[str]:
    """The names of the files whose content is not the recorded one.

    Args:
        sources: the files as they are now.
        recorded: content and version of each file by name; a file of the same, known version is not read.
        files: where they are.
    """

    def changed(source: Source) -> bool:
        content, version = recorded.get(source.name, ("", ""))
        return not (version and version == source.version) and content != content_of(source.path, files)

    with ThreadPoolExecutor(READERS) as pool:
        return [source.name for source, other in zip(sources, pool.map(changed, sources), strict=True) if other]


def keep_contents(plan: BuildPlan, summary: ReadSummary, files: Files) -> None:
    """Records what was read before the first shard is built, or compares it with what the finished shards were built from.

    Raises:
        InputError: a file has another content.
    """
    contents = {name: hexadecimal(content) for name, content in sorted(summary.contents.items())}
    path = join(plan.output, CONTENTS)
    record = read_state(files, path) if plan.finished else None
    if record is not None and (
        changed := [name for name, content, _ in record["inputs"] if contents.get(name) != content]
    ):
        raise changed_since(plan, changed)
    versions = dict(zip((name for name, _ in plan.inputs), plan.versions, strict=False))
    inputs = [[name, content, versions.get(name, "")] for name, content in contents.items()]
    write_state(files, path, {"fingerprint": plan.fingerprint, "inputs": inputs})


def changed_since(plan: BuildPlan, changed: Sequence[str]) -> InputError:
    """The error for input files that are not what the finished shards were built from."""
    more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
    return InputError(
        f"input file {changed[0]}{more}: its content changed since this build began, and {plan.output} has finished shards of the "
        "old content; restore the file, or build again with --overwrite"
    )
