"""Any JSON is either accepted or refused with the file and the key; there is no other exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nspdata.dataset.manifest import MANIFEST, STATISTICS, Manifest
from nspdata.dataset.schema import METADATA_KEY, row_metadata
from nspdata.dataset.shards import open_shard
from nspdata.errors import ConfigError, NspdataError, ShardError
from nspdata.files.checked_json import (
    BOOLEAN,
    COUNT,
    INTEGER,
    LARGEST,
    NUMBER,
    SHA256,
    TEXT,
    check,
    exactly,
    list_of,
    map_of,
    one_of,
    parse,
    record,
)
from nspdata.statistics import from_json
from nspdata.tokenization.wordpiece import WordPiece
from tests.datasets import write_dataset
from tests.files.mutations import mutated


@pytest.mark.parametrize(
    ("value", "schema", "message"),
    [
        (
            {"rows": True},
            record({"rows": COUNT}),
            "f: rows must be a whole number from 0 to 9007199254740992, not true",
        ),
        ({"rows": 1.0}, record({"rows": COUNT}), "rows must be a whole number .*, not 1.0"),
        ({"rows": LARGEST + 1}, record({"rows": COUNT}), "rows must be a whole number .*, not 9007199254740993"),
        ({}, record({"rows": COUNT}), "f: rows is missing"),
        ({"a": 1}, exactly({}), "f: a is not a known key"),
        ([1, -1], list_of(COUNT), r"f: \[1\] must be a whole number"),
        ([1, 2], list_of(COUNT, max_items=1), "of at most 1 items"),
        ({"a": 1, "b": 2}, map_of(COUNT), None),
        ({"a": 1, "b": -1}, map_of(COUNT), "f: b must be a whole number .*, not -1"),
        ({"a": 1, "b": True}, map_of(COUNT), "f: b must be a whole number .*, not true"),
        ({"a": {"b": "x"}}, map_of(map_of(BOOLEAN)), 'a.b must be true or false, not "x"'),
        ("a" * 64, SHA256, None),
        ("a" * 63, SHA256, "must be a string like"),
        ("x", {"enum": ["y", 1]}, 'must be one of "y", 1, not "x"'),
        (1, {"const": True}, "must be true, not 1"),
        (None, one_of(INTEGER, {"type": "null"}), None),
        ("x", one_of(INTEGER, NUMBER), 'must be a number, not "x"'),
        ([], {"type": ["object", "null"]}, r"must be an object or null, not \[\]"),
        ({"a": "x" * 1_000_001}, record({}, {"a": TEXT}), "of at most 1,000,000 characters"),
    ],
)
def test_a_value_is_held_to_its_schema(value: Any, schema: dict[str, Any], message: str | None) -> None:
    """The message names the file, the key, the rule and the value."""
    if message is None:
        check(value, schema, name="f")
        return
    with pytest.raises(ShardError, match=message):
        check(value, schema, name="f")


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"\xff", b"NaN", b"[Infinity]", b"1e999", b"9" * 5000, b"[" * 100_000, b"[" * 100 + b"]" * 100,
        b'["\\ud800"]', b'{"a":' * 100 + b"1" + b"}" * 100,
    ],
)  # fmt: skip
def test_what_is_no_plain_json_is_refused(text: bytes) -> None:
    """JSON that is cut, not UTF-8, not finite or too deeply nested is refused."""
    with pytest.raises(ConfigError, match=r"^f: "):
        parse(text, name="f", error=ConfigError)


def read_metadata(schema: pa.Schema, data: bytes) -> None:
    row_metadata(schema.with_metadata({METADATA_KEY: data}), name="shard")


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, Callable[[bytes], object]]]:
    return kinds(tmp_path_factory.mktemp("files"))


def kinds(place: Path) -> dict[str, tuple[bytes, Callable[[bytes], object]]]:
    """A valid text of each kind of file, with the function that reads it."""
    directory = write_dataset(place / "data")
    manifest = (directory / MANIFEST).read_bytes()
    entry = next(iter(Manifest.from_json(manifest).splits.values()))[0]
    schema = open_shard(directory, entry)[0].schema
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b"]
    Path(directory / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    files = WordPiece.load(directory / "vocab.txt").files()

    def read_tokenizer(name: str, data: bytes) -> WordPiece:
        return WordPiece.from_files({**files, name: data})

    statistics = directory / STATISTICS
    found: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
        "manifest": (manifest, Manifest.from_json),
        "metadata": (schema.metadata[METADATA_KEY], partial(read_metadata, schema)),
        "tokenizer.json": (files["tokenizer.json"], partial(read_tokenizer, "tokenizer.json")),
        "tokenizer_config.json": (files["tokenizer_config.json"], partial(read_tokenizer, "tokenizer_config.json")),
    }
    if statistics.exists():
        found["statistics"] = (statistics.read_bytes(), from_json)
    else:
        from nspdata.statistics import to_dict, zero

        found["statistics"] = (json.dumps(to_dict(zero())).encode(), from_json)
    return found


@pytest.mark.parametrize("kind", ["manifest", "statistics", "metadata", "tokenizer.json", "tokenizer_config.json"])
def test_an_altered_file_never_gives_another_exception(
    readers: dict[str, tuple[bytes, Callable[[bytes], object]]], kind: str
) -> None:
    """Each of 400 mutated files (fixed seeds) is read, or refused with one line."""
    text, read = readers[kind]
    read(text)
    refused = 0
    for number in range(400):
        data = mutated(text, number)
        try:
            read(data)
        except NspdataError as error:
            refused += bool(str(error))
        except Exception as error:
            error.add_note(f"mutation {number}: {data[:2000]!r}")
            raise
    assert refused > 100
