"""One part of an export: a shard read and checked, and its files written; finished parts are recorded and found again."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from nspdata.dataset.directory import Shard
from nspdata.dataset.manifest import FILE, ShardEntry
from nspdata.exporting.batches import without_masks
from nspdata.exporting.files import PartFiles
from nspdata.exporting.plan import ENCODERS, PARTS, context_of
from nspdata.files.checked_json import list_of, record
from nspdata.files.local import join
from nspdata.files.state import read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.dataset.directory import Directory
    from nspdata.exporting.plan import ExportPlan
    from nspdata.files.local import Files
    from nspdata.instances.rows import Rows

SCHEMA = record({"files": list_of(FILE)})
"""The record of a finished part; it has the identity of the plan too."""


def export_part(plan: ExportPlan, directory: Directory, number: int, files: Files) -> list[ShardEntry]:
    """Writes the files of one shard and then the record of the part.

    Raises:
        ShardError: the shard is not the one that the manifest names.
    """
    _, entry = plan.parts[number]
    shard = Shard(store=directory.store, entry=entry, metadata=directory.metadata)
    encoder = ENCODERS[plan.options.to]
    new_file = PartFiles(plan.stage, plan.stem(number), encoder.SUFFIX, files)
    encoder.write(_batches(shard, plan), context_of(directory, plan), new_file)
    entries = [file.entry for file in new_file.opened]
    write_state(files, plan.part_path(number), {**plan.identity, "files": [asdict(entry) for entry in entries]})
    return entries


def finished_parts(plan: ExportPlan, files: Files) -> dict[int, list[ShardEntry]]:
    """The parts that an interrupted run of the same plan finished, and whose files have the recorded sizes."""
    recorded = {file.path for file in files.listing(join(plan.destination, PARTS))}
    sizes = {file.path: file.size for file in files.listing(plan.stage)} if recorded else {}
    identity, found = json.loads(json.dumps(plan.identity)), {}
    for number in range(len(plan.parts)):
        if plan.part_path(number) not in recorded:
            continue
        state = read_state(files, plan.part_path(number), SCHEMA)
        if state is None or {key: state.get(key) for key in identity} != identity:
            continue
        entries = [ShardEntry(**entry) for entry in state["files"]]
        if all(sizes.get(join(plan.stage, entry.path)) == entry.bytes for entry in entries):
            found[number] = entries
    return found


def _batches(shard: Shard, plan: ExportPlan) -> Iterator[Rows]:
    for rows in shard.batches():
        if len(rows):
            yield without_masks(rows) if plan.options.masking == "none" else rows
