"""Reads directories written by `datasets.save_to_disk`, without `datasets`."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING, Any

from nspdata.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.files.local import Files

STATE = "state.json"

DESCRIPTIONS = frozenset({STATE, "dataset_info.json", "dataset_dict.json"})


def saved_files(matched: Sequence[str], files: Files) -> tuple[set[str], set[str]]:
    """The Arrow files of the saved datasets among these files, and the directories of those datasets.

    Other files in those directories, such as caches, do not belong to the dataset.

    Raises:
        InputError: a file or a split is missing, or rows are selected by an indices file.
    """
    there = set(matched)
    arrow: set[str] = set()
    directories: set[str] = set()
    for path in sorted(path for path in there if posixpath.basename(path) == STATE):
        state = _json(path, files)
        if not isinstance(state.get("_data_files"), list):
            continue  # a state.json of another program
        directory = posixpath.dirname(path)
        named = {posixpath.join(directory, str(entry["filename"])) for entry in state["_data_files"]}
        if missing := sorted(named - there):
            raise InputError(f"{directory}: {STATE} names {missing[0]}, which is missing; save the dataset again")
        if state.get("_indices_data_files"):
            raise InputError(
                f"{directory}: its rows are selected by an indices file; call flatten_indices() and save it again"
            )
        arrow |= named
        directories.add(directory)
    for path in sorted(path for path in there if posixpath.basename(path) == "dataset_dict.json"):
        for split in _json(path, files).get("splits", []):
            if posixpath.join(posixpath.dirname(path), str(split)) not in directories:
                raise InputError(f"{path} names the split {split!r}, which has no {STATE}; save the dataset again")
    return arrow, directories


def _json(path: str, files: Files) -> dict[str, Any]:
    with files.open(path) as stream:
        try:
            value = json.loads(stream.read())
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}
