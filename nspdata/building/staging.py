"""The staging directory of a build: locked, cleared of stale files, with the finished shards of earlier runs."""

from __future__ import annotations

import dataclasses
import logging
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.building.contents import RECORD, changed_inputs, changed_since
from nspdata.building.earlier import finished_shards
from nspdata.building.plan import CONTENTS, PLAN, RESULTS
from nspdata.dataset.manifest import MANIFEST, OWNED, read_manifest
from nspdata.errors import ConfigError, InputError
from nspdata.files.local import join
from nspdata.files.lock import locked
from nspdata.files.owners import WORK
from nspdata.files.state import read_state, write_state
from nspdata.files.swap import NEW, clear, complete, pending, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.dataset.manifest import Manifest
    from nspdata.files.lease import Lease
    from nspdata.files.local import Files
    from nspdata.reading import Source

LOG = logging.getLogger("nspdata")


@dataclass(frozen=True, slots=True)
class Claim:
    """An output directory that this build may write.

    Attributes:
        plan: with the finished shards and the directory to write to.
        manifest: of the dataset, if an interrupted replacement by this build has just been completed.
        lease: of the directory.
    """

    plan: BuildPlan
    manifest: Manifest | None = None
    lease: Lease | None = None


@contextmanager
def claimed(plan: BuildPlan, sources: Sequence[Source], files: Files, *, overwrite: bool) -> Iterator[Claim]:
    """Holds the lock of OUT and prepares its staging directory. The present dataset in OUT is not changed.

    Raises:
        ConfigError: OUT contains something else.
        InputError: OUT cannot be written, another build is writing to it, or an input file changed since its first run.
    """
    check_foreign(plan, files)
    with ExitStack() as stack:
        try:
            lease = stack.enter_context(locked(plan.output, files))
            plan = dataclasses.replace(plan, lease=lease.token)
            claim = dataclasses.replace(_claim(plan, sources, files, overwrite=overwrite), lease=lease)
        except OSError as error:
            raise InputError(
                f"{plan.output}: cannot be written ({error.strerror or error}); make it writable, or give another directory with -o"
            ) from error
        yield claim


def _claim(plan: BuildPlan, sources: Sequence[Source], files: Files, *, overwrite: bool) -> Claim:
    if pending(plan.output, files):
        complete(plan.output, files)
        manifest = read_manifest(plan.output, files=files)
        recorded = {entry["name"]: (entry.get("content", ""), "") for entry in manifest.inputs}
        if not differences(manifest, plan) and not changed_inputs(sources, recorded, files):
            return Claim(plan, manifest)
    if not overwrite and files.stat(join(plan.output, MANIFEST)):
        raise ConfigError(f"{plan.output}: another build has just finished here; run the same command again to compare")
    sweep(plan.output, files, owned=OWNED)
    plan = dataclasses.replace(plan, stage=_stage(plan, files))
    plan = dataclasses.replace(plan, finished=_take_over(plan, sources, files, overwrite=overwrite))
    _write_plan(plan, files)
    return Claim(plan)


def differences(manifest: Manifest, plan: BuildPlan) -> list[str]:
    """Returns how a finished dataset differs from the plan, by the names and sizes of the files."""
    inputs = [(entry.get("name"), entry.get("bytes")) for entry in manifest.inputs]
    changes = {
        "settings": manifest.config == plan.config.to_dict(),
        "tokenizer": manifest.tokenizer == plan.tokenizer_identity,
        "input files": inputs == list(plan.inputs),
    }
    return [what for what, same in changes.items() if not same]


def check_foreign(plan: BuildPlan, files: Files) -> None:
    """Refuses an OUT that has files but is neither a dataset nor an unfinished build.

    Raises:
        ConfigError: there are such files.
    """
    if files.stat(join(plan.output, MANIFEST)) or files.exists(join(plan.output, WORK)):
        return
    if foreign := files.listing(plan.output):
        raise ConfigError(
            f"{plan.output} is not empty and holds no build of nspdata (there is {foreign[0].path}); "
            "give a directory of its own with -o"
        )


def _stage(plan: BuildPlan, files: Files) -> str:
    """Returns the directory to write to: a separate one, or OUT itself on an object store (no renames) if it has no dataset."""
    direct = "://" in plan.output and not files.stat(join(plan.output, MANIFEST))
    return "" if direct else join(plan.output, NEW)


def _take_over(plan: BuildPlan, sources: Sequence[Source], files: Files, *, overwrite: bool) -> frozenset[int]:
    """Returns the shards that an unfinished run of the same plan has finished; removes the files of other runs."""
    left = read_state(files, join(plan.output, PLAN))
    results = files.listing(join(plan.output, RESULTS))
    same = _is_of(plan, left, [file.path for file in results], files)
    if not same and results and not overwrite:
        raise ConfigError(
            f"{plan.output} holds an unfinished build of other settings, tokenizer or input files; run that command again "
            "to finish it, give another -o, or --overwrite to discard it"
        )
    finished = finished_shards(plan, files) if same and results else frozenset()
    record = read_state(files, join(plan.output, CONTENTS), RECORD) if finished else None
    if record is None or record["fingerprint"] != plan.fingerprint:
        if results and not overwrite:
            LOG.warning(
                "%s: the state of an unfinished build is damaged; its %d shards are built again",
                plan.output,
                len(results),
            )
        _remove_stale(plan, files)
        return frozenset()
    recorded = {name: (content, version) for name, content, version in record["inputs"]}
    if changed := changed_inputs(sources, recorded, files):
        if not overwrite:
            raise changed_since(plan, changed)
        _remove_stale(plan, files)
        return frozenset()
    files.delete(join(plan.root, "rejected"), join(plan.output, f"{WORK}/spill"))
    return finished


def _is_of(plan: BuildPlan, left: object, results: Sequence[str], files: Files) -> bool:
    """Whether an unfinished run was of this plan; if its `plan.json` is missing or damaged, its shard results say so."""
    if isinstance(left, dict):
        return left.get("fingerprint") == plan.fingerprint
    found = (read_state(files, path) for path in results)
    known = next((value for value in found if isinstance(value, dict)), None)
    return known is None or known.get("fingerprint") == plan.fingerprint


def _remove_stale(plan: BuildPlan, files: Files) -> None:
    clear(plan.output, files)
    if plan.root == plan.output:
        files.delete(*(join(plan.output, name) for name in OWNED))


def _write_plan(plan: BuildPlan, files: Files) -> None:
    """Records the plan, which also shows that OUT can be written."""
    write_state(files, join(plan.output, PLAN), {"fingerprint": plan.fingerprint, **plan.identity()})


def discard_leftovers(plan: BuildPlan, files: Files) -> None:
    """Removes the files of a build that was killed after its dataset was complete in OUT."""
    if files.exists(join(plan.output, WORK)):
        with suppress(InputError, OSError), locked(plan.output, files):
            clear(plan.output, files)
