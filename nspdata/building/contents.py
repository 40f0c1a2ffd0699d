"""Identity of the input files: their content is recorded when they are read and compared when the build is resumed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nspdata.building.listed import with_inputs
from nspdata.building.plan import CONTENTS
from nspdata.errors import InputError
from nspdata.files.checked_json import TEXT, list_of, record, tuple_of
from nspdata.files.lease import check_now_and_then
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

RECORD = record({"fingerprint": TEXT, "inputs": list_of(tuple_of(TEXT, TEXT, TEXT))})
"""Name, content and version of each input file."""


def changed_inputs(sources: Sequence[Source], recorded: Mapping[str, tuple[str, str]], files: Files) -> list[str]:
    """Returns the names of the files whose content differs from the record.

    Args:
        sources: the files as they are now.
        recorded: content and version of each file by name; a file with the recorded version is not read.
        files: the file system of the inputs.
    """

    def changed(source: Source) -> bool:
        content, version = recorded.get(source.name, ("", ""))
        return not (version and version == source.version) and content != content_of(source.path, files)

    with ThreadPoolExecutor(READERS) as pool:
        return [source.name for source, other in zip(sources, pool.map(changed, sources), strict=True) if other]


def keep_contents(plan: BuildPlan, summary: ReadSummary, files: Files) -> None:
    """Records the content of the inputs before the first shard is built, or compares it with the content of the finished shards.

    Raises:
        InputError: the content of a file has changed.
    """
    contents = {name: hexadecimal(content) for name, content in sorted(summary.contents.items())}
    path = join(plan.output, CONTENTS)
    recorded = read_state(files, path, RECORD) if plan.finished else None
    if recorded is not None and (
        changed := [name for name, content, _ in recorded["inputs"] if contents.get(name) != content]
    ):
        raise changed_since(plan, changed)
    whole = with_inputs(plan, files)
    versions = dict(zip((name for name, _ in whole.inputs), whole.versions, strict=False))
    inputs = [[name, content, versions.get(name, "")] for name, content in contents.items()]
    check_now_and_then(plan.output, plan.lease, files)
    write_state(files, path, {"fingerprint": plan.fingerprint, "inputs": inputs})


def changed_since(plan: BuildPlan, changed: Sequence[str]) -> InputError:
    """Returns the error for input files that changed after shards were built from them."""
    more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
    return InputError(
        f"input file {changed[0]}{more}: its content changed since this build began, and {plan.output} has finished shards of the "
        "old content; restore the file, or build again with --overwrite"
    )
