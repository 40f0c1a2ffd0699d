"""Runs an export: claims the destination, writes the missing parts in worker processes, puts the finished whole in place."""

from __future__ import annotations

from concurrent.futures import as_completed
from dataclasses import asdict
from typing import TYPE_CHECKING

from nspdata.building.pool import ProcessPool
from nspdata.building.workers import how_many
from nspdata.dataset.directory import open_directory
from nspdata.dataset.manifest import MANIFEST, SPLITS
from nspdata.errors import ConfigError, InputError
from nspdata.exporting.card import card
from nspdata.exporting.manifest import collected, index_files, manifest_text, read_exported
from nspdata.exporting.parts import export_part, finished_parts
from nspdata.exporting.plan import PLAN, context_of, opened
from nspdata.exporting.tfrecord import crc32c
from nspdata.files.any import AnyFiles
from nspdata.files.local import join
from nspdata.files.lock import WORK, locked
from nspdata.files.state import read_state, write_state
from nspdata.files.swap import clear, commit, complete, pending, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nspdata.dataset.directory import Directory
    from nspdata.dataset.manifest import ShardEntry
    from nspdata.exporting.manifest import Exported
    from nspdata.exporting.plan import ExportPlan
    from nspdata.files.lease import Lease
    from nspdata.files.local import Files

OWNED = (MANIFEST, "README.md", "dataset_dict.json", "tokenizer", *SPLITS)
"""Names that an export replaces in its directory; it removes nothing else."""


def run_export(
    plan: ExportPlan,
    *,
    num_workers: int = 0,
    overwrite: bool = False,
    on_part: Callable[[int, int], None] | None = None,
    files: Files | None = None,
) -> Exported:
    """Writes an export; an interrupted one is resumed, a finished one of the same rows and options is returned as it is.

    Args:
        plan: what to write.
        num_workers: processes; 0 for one per processor.
        overwrite: whether another export in the destination may be replaced.
        on_part: called with the number of finished parts and of all parts.
        files: where the export is written; with several workers, each opens its own.

    Raises:
        ConfigError: the destination holds something else.
        InputError: it cannot be written, or another process is writing to it.
        ShardError: a shard is not the one that the dataset's manifest names.
    """
    files = files or AnyFiles()
    if plan.options.to == "tfrecord":
        crc32c()
    _check_foreign(plan, files)
    try:
        with locked(plan.destination, files) as lease:
            if (there := _claim(plan, files, overwrite=overwrite)) is not None:
                clear(plan.destination, files)
                return there
            _write_all(plan, files, num_workers, on_part or (lambda _done, _all: None), lease)
    except OSError as error:
        raise InputError(
            f"{plan.destination}: cannot be written ({error.strerror or error}); free it, or give another directory with -o"
        ) from error
    result = read_exported(plan.destination, files)
    assert result is not None
    return result


def _check_foreign(plan: ExportPlan, files: Files) -> None:
    if files.stat(join(plan.destination, MANIFEST)) or files.exists(join(plan.destination, WORK)):
        return
    if foreign := files.listing(plan.destination):
        raise ConfigError(
            f"{plan.destination} is not empty and holds no export (there is {foreign[0].path}); "
            "give the export a directory of its own with -o"
        )


def _claim(plan: ExportPlan, files: Files, *, overwrite: bool) -> Exported | None:
    """The finished export if it is this one; else the staging directory is ready for this plan."""
    if pending(plan.destination, files):
        complete(plan.destination, files)
    there = read_exported(plan.destination, files)
    if there is not None and _is_same(there, plan):
        return there
    if there is not None and not overwrite:
        changed = there.options["to"] == plan.options.to and there.source["fingerprint"] != plan.source_fingerprint
        what = (
            "an export of other rows: the dataset has changed" if changed else f"another export ({there.options['to']})"
        )
        raise ConfigError(
            f"{plan.destination} holds {what}; give another directory with -o, or --overwrite to replace it"
        )
    sweep(plan.destination, files, owned=OWNED)
    left = read_state(files, join(plan.destination, PLAN))
    if left is not None and left != plan.identity:
        if not overwrite:
            changed = isinstance(left, dict) and left.get("source") != plan.source_fingerprint
            what = "the dataset has changed since" if changed else "its options were others"
            raise ConfigError(
                f"{plan.destination} holds an unfinished export, and {what}; "
                "give another directory with -o, or --overwrite to discard it"
            )
        clear(plan.destination, files)
    write_state(files, join(plan.destination, PLAN), plan.identity)
    return None


def _is_same(there: Exported, plan: ExportPlan) -> bool:
    options = {key: value for key, value in there.options.items() if key != "label_convention"}
    return options == asdict(plan.options) and there.source["fingerprint"] == plan.source_fingerprint


def _write_all(
    plan: ExportPlan, files: Files, num_workers: int, on_part: Callable[[int, int], None], lease: Lease
) -> None:
    parts = finished_parts(plan, files)
    on_part(len(parts), len(plan.parts))
    waiting = [number for number in range(len(plan.parts)) if number not in parts]
    for number, entries in _exported(plan, waiting, num_workers, files):
        lease.check()
        parts[number] = entries
        on_part(len(parts), len(plan.parts))
    directory = open_directory(plan.dataset)
    context, splits = context_of(directory, plan), collected(plan, parts)
    written = index_files(plan, splits, context)
    written |= {f"tokenizer/{name}": content for name, content in directory.tokenizer_files().items()}
    written["README.md"] = card(plan, splits, context).encode()
    written[MANIFEST] = manifest_text(plan, splits, context)
    for path, data in written.items():
        files.write(join(plan.stage, path), data)
    commit(plan.destination, files, last=MANIFEST, owned=OWNED, lease=lease.token)


def _exported(
    plan: ExportPlan, waiting: list[int], num_workers: int, files: Files
) -> Iterator[tuple[int, list[ShardEntry]]]:
    """Exports parts, in this process or in several; yields each when it is finished."""
    num_workers = how_many(num_workers, len(waiting))
    if num_workers <= 1:
        directory = opened(plan)
        for number in waiting:
            yield number, export_part(plan, directory, number, files)
        return
    with ProcessPool(num_workers, initialize=_begin, arguments=(plan,)) as pool:
        futures = {pool.submit(f"exporting {plan.parts[number][1].path}", _part, number): number for number in waiting}
        for future in as_completed(futures):
            yield futures[future], future.result()


_workers: list[tuple[ExportPlan, Directory]] = []


def _begin(plan: ExportPlan) -> None:
    """Opens the dataset in a worker process."""
    _workers[:] = [(plan, opened(plan))]


def _part(number: int) -> list[ShardEntry]:
    plan, directory = _workers[0]
    return export_part(plan, directory, number, AnyFiles())
