"""The small files that let `datasets` open a dataset directory: `load_from_disk` memory-maps the shards, no copy is made."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nspdata.dataset.manifest import ShardEntry


def dataset_files(splits: Mapping[str, Sequence[ShardEntry]], schema: pa.Schema) -> dict[str, bytes]:
    """`dataset_dict.json` and, for each split, `state.json` and `dataset_info.json`, by path."""
    features = {field.name: _feature(field.type) for field in schema}
    result: dict[str, Any] = {"dataset_dict.json": {"splits": list(splits)}}
    for split, entries in splits.items():
        rows, size = sum(entry.rows for entry in entries), sum(entry.bytes for entry in entries)
        result[f"{split}/state.json"] = {
            "_data_files": [{"filename": entry.path.removeprefix(f"{split}/")} for entry in entries],
            "_fingerprint": hashlib.sha256("".join(entry.sha256 for entry in entries).encode()).hexdigest()[:16],
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": split,
        }
        result[f"{split}/dataset_info.json"] = {
            "features": features,
            "splits": {split: {"name": split, "num_bytes": size, "num_examples": rows}},
        }
    return {path: (json.dumps(value, indent=1) + "\n").encode() for path, value in result.items()}


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "Sequence"}
    return {"dtype": str(kind), "_type": "Value"}
