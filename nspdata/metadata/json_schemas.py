"""The JSON Schemas of a dataset directory's files, derived from the code that writes them; `schemas/` holds them as files.

`python -m nspdata.metadata.json_schemas schemas` writes them; a test compares the files with this module.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nspdata.config.build import Config
from nspdata.dataset.manifest import Manifest, ShardEntry
from nspdata.dataset.schema import OPTIONAL, SCHEMA_VERSION, RowMetadata, row_schema
from nspdata.statistics import values as statistics
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
CONTENT = {
    "type": "string",
    "pattern": "^[0-9a-f]{32}$",
    "description": "sum modulo 2^128 of XXH3-128 of each block of 64 KiB of the file, seeded with the block's index",
}
COUNT = {"type": "integer", "minimum": 0}
PLAIN = {str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"}}


def manifest_schema() -> dict[str, Any]:
    """Of `manifest.json`."""
    path = {"type": "string", "pattern": r"^[^/\\:]+(/[^/\\:]+)*$"}
    shard = _object({"path": path, "rows": COUNT, "tokens": COUNT, "bytes": COUNT, "sha256": SHA256})
    tokenizer = {"sha256": SHA256, "vocab_size": COUNT, "lowercase": PLAIN[bool], "strip_accents": PLAIN[bool]}
    counts = {
        "read": {**_map(COUNT), "properties": {"rejected": _map(COUNT), "rejected_bytes": _map(COUNT)}},
        "built": _map(COUNT),
    }
    assert {field.name for field in dataclasses.fields(ShardEntry)} == set(shard["properties"])
    properties = {
        "version": {"const": SCHEMA_VERSION},
        "config": _settings(Config),
        "config_fingerprint": SHA256,
        "tokenizer": {**_object(tokenizer), "properties": {**tokenizer, "tokenizer_json": SHA256}},
        "inputs": {"type": "array", "items": _object({"name": PLAIN[str], "bytes": COUNT, "content": CONTENT})},
        "counts": _object(counts),
        "splits": _map({"type": "array", "items": shard}),
    }
    assert {field.name for field in dataclasses.fields(Manifest)} == set(properties)
    return _titled("manifest", _object(properties))


def statistics_schema() -> dict[str, Any]:
    """Of `statistics.json`."""
    counts = {"type": "array", "items": COUNT}
    histogram = {
        "rounded": {**PLAIN[bool], "description": "whether a bin holds several values, `values` the least of each"},
        "relative_error": {
            **PLAIN[float],
            "description": "how far a bin's middle is from a value in it at most, as a share",
        },
        "total": {**COUNT, "description": "the exact sum"},
        "maximum": {**COUNT, "description": "the exact greatest value"},
        "values": counts,
        "counts": counts,
    }
    part = {"counts": _map(COUNT), "histograms": _map(_object(histogram)), "token_counts": counts}
    properties = {"version": {"const": statistics.STATISTICS_VERSION}, "corpus": _object(part), "rows": _object(part)}
    return _titled("statistics", _object(properties))


def row_description() -> dict[str, Any]:
    """Of a row: the Arrow columns of a shard (ids are uint32 from 65,537 tokens on) and the schema's metadata."""
    hints = typing.get_type_hints(RowMetadata)
    metadata = {name: _type(hint) for name, hint in hints.items()}
    metadata |= {"version": {"const": SCHEMA_VERSION}, "tokenizer_sha256": SHA256}
    metadata["special_ids"] = _object(dict.fromkeys(SPECIAL_TOKENS, COUNT))
    example = RowMetadata(
        objective="nsp",
        max_seq_length=128,
        max_predictions_per_seq=20,
        vocab_size=30_522,
        special_ids=dict(zip(SPECIAL_TOKENS, range(5), strict=True)),
        tokenizer_sha256="0" * 64,
    )
    always = row_schema(example).names
    columns = [
        {"name": field.name, "type": str(field.type), "nullable": field.nullable}
        | ({} if field.name in always else {"only_with": "word_segmenter"})
        for field in row_schema(dataclasses.replace(example, word_segmenter="jieba"))
    ]
    described = _object(metadata)
    described["required"] = [name for name in metadata if name not in OPTIONAL]
    return {"title": "nspdata row", "version": SCHEMA_VERSION, "columns": columns, "metadata": described}


SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "manifest": manifest_schema,
    "statistics": statistics_schema,
    "row": row_description,
}
"""By name, as in `schemas/<name>.schema.json`."""


def schema_files() -> dict[str, str]:
    """The files of `schemas/`, by name."""
    return {f"{name}.schema.json": json.dumps(make(), indent=1) + "\n" for name, make in SCHEMAS.items()}


def _titled(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"nspdata {name}.json", **schema}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _map(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def _settings(kind: type[Any]) -> dict[str, Any]:
    return _object({name: _type(hint) for name, hint in typing.get_type_hints(kind).items()})


def _type(hint: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(hint):
        return _settings(typing.cast("type[Any]", hint))
    if typing.get_origin(hint) is Literal:
        return {"enum": list(typing.get_args(hint))}
    if isinstance(hint, types.UnionType):
        return {"anyOf": [_type(kind) for kind in typing.get_args(hint)]}
    if hint is types.NoneType:
        return {"type": "null"}
    if typing.get_origin(hint) is dict:
        return _map(_type(typing.get_args(hint)[1]))
    return PLAIN[hint]


if __name__ == "__main__":
    for name, text in schema_files().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
