"""Reads directories written by `datasets.save_to_disk`, without `datasets`."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nspdata.errors import InputError
from nspdata.files.checked_json import TEXT, check, list_of, parse, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nspdata.files.local import Files

STATE = "state.json"

MAX_BYTES = 100_000_000
"""The most that is read of a description."""

SAVED_STATE = record({"_data_files": list_of(record({"filename": TEXT}))})

SAVED_SPLITS = record({}, {"splits": list_of(TEXT, max_items=10_000)})

DESCRIPTIONS = frozenset({STATE, "dataset_info.json", "dataset_dict.json"})


@dataclass(frozen=True, slots=True)
class Saved:
    """The saved datasets among some files.

    Attributes:
        splits: path of each Arrow file of a dataset, and the split it belongs to ("" for a dataset without splits).
        directories: directories of the datasets; other files in them, such as caches, are not part of the dataset.
    """

    splits: dict[str, str]
    directories: set[str]


def saved_files(matched: Sequence[str], files: Files) -> Saved:
    """Finds the datasets that `save_to_disk` wrote: of a `Dataset`, or of a `DatasetDict` with its splits.

    Raises:
        InputError: a file or a split is missing, or rows are selected by an indices file.
    """
    there = set(matched)
    found: dict[str, str] = {}
    directories: set[str] = set()
    splits = _splits(there, files)
    for path in _named(there, STATE):
        state = _json(path, files)
        if "_data_files" not in state:
            continue  # a state.json of another program
        check(state, SAVED_STATE, name=path, error=InputError)
        directory = posixpath.dirname(path)
        named = {posixpath.join(directory, entry["filename"]) for entry in state["_data_files"]}
        if missing := sorted(named - there):
            raise InputError(f"{directory}: {STATE} names {missing[0]}, which is missing; save the dataset again")
        if state.get("_indices_data_files"):
            raise InputError(
                f"{directory}: its rows are selected by an indices file; call flatten_indices() and save it again"
            )
        found |= dict.fromkeys(named, splits.pop(directory, ""))
        directories.add(directory)
    if splits:
        directory, split = next(iter(splits.items()))
        raise InputError(f"{posixpath.dirname(directory)}: the split {split!r} has no {STATE}; save the dataset again")
    return Saved(found, directories)


def _splits(there: set[str], files: Files) -> dict[str, str]:
    """The directories of the splits of each `DatasetDict`, and the splits' names."""
    splits: dict[str, str] = {}
    for path in _named(there, "dataset_dict.json"):
        described = _json(path, files)
        check(described, SAVED_SPLITS, name=path, error=InputError)
        for split in described.get("splits", ()):
            splits[posixpath.join(posixpath.dirname(path), split)] = split
    return splits


def _named(paths: Iterable[str], name: str) -> list[str]:
    return sorted(path for path in paths if path.endswith(name) and posixpath.basename(path) == name)


def _json(path: str, files: Files) -> dict[str, Any]:
    with files.open(path) as stream:
        try:
            value = parse(stream.read(MAX_BYTES), name=path, error=InputError)
        except InputError:
            return {}
    return value if isinstance(value, dict) else {}
