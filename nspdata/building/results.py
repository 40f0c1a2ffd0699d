"""The results of groups of shards: summed, and saved so that a later run of the same build does not build the shards again."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from nspdata.building.tokenize import add_counts
from nspdata.dataset.manifest import FILE, ShardEntry
from nspdata.errors import InputError, ShardError
from nspdata.files.checked_json import COUNT, OBJECT, TEXT, list_of, map_of, parse, record
from nspdata.files.state import read_state, seal, unseal_head
from nspdata.statistics import Statistics, from_dict, merge, to_dict, zero

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from nspdata.building.plan import BuildPlan
    from nspdata.files.local import FileInfo, Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The sum of finished shards; `+` is associative. It grows by about 200 bytes per shard, because statistics are summed.

    Attributes:
        entries: the shards' entries in the manifest, by key (the shard's index over all splits).
        counts: the sums of documents, sentences, tokens and rows, and how many were dropped, cut and forced.
        statistics: of the documents and rows of all the shards.
    """

    entries: dict[int, ShardEntry] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=zero)

    @staticmethod
    def merged(parts: Iterable[Built]) -> Built:
        """Merges several results; their order has no effect."""
        entries: dict[int, ShardEntry] = {}
        counts: dict[str, int] = {}
        statistics = zero()
        for part in parts:
            entries.update(part.entries)
            counts = add_counts(counts, part.counts)
            statistics = merge(statistics, part.statistics)
        return Built(entries=entries, counts=counts, statistics=statistics)

    def to_json(self) -> bytes:
        """Counts and statistics as JSON; the token counts are arrays in base64, because tens of thousands of numbers are slow to parse."""
        parts = {name: getattr(self.statistics, name) for name in PARTS}
        without = Statistics(**{name: replace(part, token_counts=NO_COUNTS) for name, part in parts.items()})
        values = {
            "counts": self.counts,
            "statistics": to_dict(without),
            "token_counts": {name: _packed(part.token_counts) for name, part in parts.items()},
        }
        return orjson.dumps(values)

    @staticmethod
    def from_values(keys: Iterable[int], entries: Iterable[dict[str, Any]], values: dict[str, Any]) -> Built:
        """Creates a result from its entries, and from the values that `to_json` writes.

        Raises:
            ValueError: the token counts are not arrays in base64, or there are not as many entries as keys.
        """
        without, packed = from_dict(values["statistics"]), values["token_counts"]
        parts = {name: replace(getattr(without, name), token_counts=_unpacked(packed[name])) for name in PARTS}
        return Built(
            entries={key: ShardEntry(**entry) for key, entry in zip(keys, entries, strict=True)},
            counts=values["counts"],
            statistics=Statistics(**parts),
        )


PARTS = ("corpus", "rows")
"""The parts of `Statistics`."""

NO_COUNTS = np.zeros(0, np.int64)


def _packed(counts: NDArray[np.int64]) -> dict[str, str]:
    dtype = np.min_scalar_type(counts.max(initial=0)).newbyteorder("<")
    return {"dtype": dtype.str, "data": base64.b64encode(counts.astype(dtype).tobytes()).decode()}


def _unpacked(packed: dict[str, str]) -> NDArray[np.int64]:
    return np.frombuffer(base64.b64decode(packed["data"], validate=True), packed["dtype"]).astype(np.int64)


PACKED = record({"dtype": {"type": "string", "enum": ["|u1", "<u2", "<u4", "<u8"]}, "data": {"type": "string"}})

SCHEMA = record(
    {
        "fingerprint": TEXT,
        "entries": list_of(FILE),
        "result": record(
            {
                "counts": map_of(COUNT),
                "statistics": OBJECT,
                "token_counts": record(dict.fromkeys(PARTS, PACKED)),
            }
        ),
    }
)
"""The saved result of a group."""

HEAD = re.compile(rb'\{"fingerprint": "([0-9a-f]+)", "entries": (\[[^\[\]]*\]), "format": 3, "result":\n')
"""The first bytes of a saved result. Those of nspdata before format 3 are ignored: their shards are built again."""

HEAD_BYTES = 32_768
"""Bytes that contain `HEAD`, even if paths are long."""


def write_result(plan: BuildPlan, group: int, built: Built, files: Files) -> None:
    """Saves the result of a group after its files were written; its entries come first, for `read_entries`."""
    entries = json.dumps([entry.to_dict() for _, entry in sorted(built.entries.items())])
    head = f'{{"fingerprint": "{plan.fingerprint}", "entries": {entries}, "format": 3, "result":\n'.encode()
    files.write(plan.result_path(group), seal(head + built.to_json() + b"}"))


def earlier_result(plan: BuildPlan, group: int, files: Files) -> Built:
    """Returns the saved result of a group that an earlier run has finished.

    Raises:
        InputError: it is missing or damaged. The documents of its shards were not tokenized, so they cannot be built in this run.
    """
    path = plan.result_path(group)
    values = read_state(files, path, SCHEMA)
    with suppress(ValueError):
        if values is not None and values["fingerprint"] == plan.fingerprint:
            return Built.from_values(plan.groups[group], values["entries"], values["result"])
    files.delete(path)
    raise InputError(f"{path}: was damaged and is removed; run the same command again, which builds its shards again")


def read_entries(plan: BuildPlan, group: int, info: FileInfo, files: Files) -> list[ShardEntry] | None:
    """The entries of a saved result; None if it is corrupt, from another plan, or of other shards than the group has.

    Of an object, only the first bytes are read: a store has no partial or altered objects, and 20,000 results have 7 GB.
    `earlier_result` checks the rest.
    """
    size = HEAD_BYTES if "://" in plan.output else info.size
    try:
        value = unseal_head(files.head(info, size), info.size)
        head = HEAD.match(value) if value else None
        if not head or head[1].decode() != plan.fingerprint:
            return None
        entries = [ShardEntry(**values) for values in parse(head[2], name=info.path, schema=list_of(FILE))]
    except (FileNotFoundError, ShardError):
        return None
    return entries if [entry.path for entry in entries] == [*map(plan.shard_path, plan.groups[group])] else None
