"""Shards and the manifest are read back as written; damage is an error with a remedy."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from nspdata.config.build import Config
from nspdata.dataset.manifest import MANIFEST, Manifest, read_manifest, split_entries
from nspdata.dataset.schema import METADATA_KEY, RowMetadata, row_metadata, row_schema
from nspdata.dataset.shards import encode_shard, file_sha256, open_shard, read_rows, write_shard
from nspdata.errors import InputError, ShardError
from nspdata.files.local import LocalFiles, join
from nspdata.instances.rows import Rows
from tests.datasets import make_rows, small_vocabulary, write_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data", rows=5000, num_shards=2, validation_rows=30)


def test_the_manifest_says_what_is_in_the_files(dataset: Path) -> None:
    """Rows, tokens, bytes and sha256 of every shard; the same values give the same text."""
    manifest = read_manifest(dataset)
    assert sorted(manifest.splits) == ["train", "validation"]
    for entry in (entry for entries in manifest.splits.values() for entry in entries):
        data = (dataset / entry.path).read_bytes()
        assert (entry.bytes, entry.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert file_sha256(dataset / entry.path) == entry.sha256
        with pa.ipc.open_stream(data) as reader:
            table = reader.read_all()
        assert entry.rows == table.num_rows
        assert entry.tokens == sum(map(len, table["input_ids"].to_pylist()))
        assert sum(map(len, read_rows(dataset, entry))) == entry.rows
    text = (dataset / MANIFEST).read_text(encoding="utf-8")
    assert Manifest.from_json(text).to_json() == text
    assert Manifest.from_json(text) == manifest


def test_rows_are_read_in_batches(dataset: Path) -> None:
    """Row batches are views of the file, in its order."""
    entry = read_manifest(dataset).splits["train"][0]
    batches = list(read_rows(dataset, entry))
    assert len(batches) > 1
    table, metadata = open_shard(dataset, entry)
    assert Rows.concatenate(batches).input_ids.tolist() == [t for row in table["input_ids"].to_pylist() for t in row]
    assert metadata.vocab_size == 405


def test_a_directory_without_a_manifest_is_unfinished(tmp_path: Path, dataset: Path) -> None:
    """A missing manifest and an unfinished directory have different messages."""
    (dataset / MANIFEST).unlink()
    with pytest.raises(ShardError, match="run the same build again"):
        read_manifest(dataset)
    with pytest.raises(ShardError, match="no such directory"):
        read_manifest(tmp_path / "absent")


def damage(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def test_a_shard_that_is_cut_is_reported(dataset: Path) -> None:
    """A shard cut at the end of a batch is refused, although Arrow reads it as a shorter file."""
    entry = read_manifest(dataset).splits["train"][0]
    path = dataset / entry.path
    data = path.read_bytes()
    with pa.ipc.open_stream(data) as reader:
        schema, batches = reader.schema, list(reader)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batches[0])
    shorter = sink.getvalue().to_pybytes()
    for size in (0, 10, len(data) // 2, len(data) - 8, len(data) - 1):
        damage(path, data[:size])
        with pytest.raises(ShardError, match=f"{size} bytes, the manifest says {len(data)}; copy the shard again"):
            open_shard(dataset, entry)
    damage(path, shorter)
    with pytest.raises(ShardError, match=f"{batches[0].num_rows} rows, the manifest says {entry.rows}"):
        open_shard(dataset, dataclasses.replace(entry, bytes=len(shorter)))
    damage(path, b"\0" * len(data))
    with pytest.raises(ShardError, match="not a"):
        open_shard(dataset, entry)
    path.unlink()
    with pytest.raises(ShardError, match="missing, though the manifest names it"):
        open_shard(dataset, entry)


def test_a_shard_of_another_version_or_make_is_reported(dataset: Path) -> None:
    """Missing metadata, another version, another column and another type each have their message."""
    entry = read_manifest(dataset).splits["validation"][0]
    table, metadata = open_shard(dataset, entry)
    described = json.loads(table.schema.metadata[METADATA_KEY])

    def message(schema: pa.Schema) -> str:
        with pytest.raises(ShardError) as raised:
            row_metadata(schema, name="here")
        return str(raised.value)

    assert row_metadata(row_schema(metadata), name="here") == metadata
    assert "not a shard of nspdata" in message(table.schema.remove_metadata())
    later = table.schema.with_metadata({METADATA_KEY: json.dumps({**described, "version": 2})})
    assert "version 2; this nspdata reads version 1" in message(later)
    assert "sentence_b: absent" in message(table.schema.remove(table.schema.get_field_index("sentence_b")))
    assert "extra: unknown" in message(table.schema.append(pa.field("extra", pa.int8())))
    place = table.schema.get_field_index("next_sentence_label")
    assert "next_sentence_label: int64, not uint8" in message(
        table.schema.set(place, pa.field("next_sentence_label", pa.int64(), nullable=False))
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "version 99"),
        ({"version": None}, "version must be a whole number"),
        ({"splits": 5}, "not a manifest"),
        ({"surprise": 1}, "not a manifest"),
        ({"splits": {"train": [{"path": "x"}]}}, "not a manifest"),
    ],
)
def test_a_manifest_that_is_none_is_reported(change: dict[str, Any], message: str, dataset: Path) -> None:
    """Another version, or other keys."""
    values = json.loads((dataset / MANIFEST).read_text(encoding="utf-8"))
    with pytest.raises(ShardError, match=message):
        Manifest.from_json(json.dumps({**values, **change}))
    for text in ("", "{", "[]", "5", "{}"):
        with pytest.raises(ShardError, match="not a manifest"):
            Manifest.from_json(text)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a.arrow", "train/../../a", "a//b", "", "C:a", "a\\b", "./a", None, 5]
)
def test_a_manifest_names_no_file_outside_its_directory(path: Any, dataset: Path) -> None:
    """Neither by an absolute path nor by going up."""
    values = json.loads((dataset / MANIFEST).read_text(encoding="utf-8"))
    values["splits"]["train"][0]["path"] = path
    with pytest.raises(ShardError, match=r"not a plain path|path must be a string"):
        Manifest.from_json(json.dumps(values))
    values["splits"]["train"][0].update(path="a.arrow", rows=-1)
    with pytest.raises(ShardError, match="rows must be a whole number from 0"):
        Manifest.from_json(json.dumps(values))


def test_a_split_that_is_not_there_is_reported(dataset: Path) -> None:
    """With those that are."""
    with pytest.raises(ShardError, match="no split 'test' in this dataset; it has train, validation"):
        split_entries(read_manifest(dataset), "test")


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A file with its final name is complete, and a failure leaves nothing."""
    files = LocalFiles()
    files.write(join(str(tmp_path), "deep/er/a"), b"one")
    files.write(join(str(tmp_path), "deep/er/a"), b"two")
    assert files.match(str(tmp_path)) == [(str(tmp_path / "deep" / "er" / "a"), 3)]
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        files.write(str(tmp_path / "taken"), b"a directory is in the way")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "taken"]
    files.delete(str(tmp_path / "deep"))
    files.delete(str(tmp_path / "deep"))
    assert not files.exists(str(tmp_path / "deep"))


@pytest.mark.parametrize("sizes", [(0,), (1, 0, 2047), (2048, 2048), (3000, 1, 5000, 97), (10, 20, 30)])
def test_parts_are_written_like_one(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """Rows in parts of any size give the bytes, and the entry, of the same rows in one part."""
    config, vocabulary = Config(), small_vocabulary()
    schema = row_schema(RowMetadata.of(config.pairing, config.masking, vocabulary))
    parts = [make_rows(size, config, vocabulary, seed=size) for size in sizes]
    one = write_shard(LocalFiles(), str(tmp_path), "one.arrow", [Rows.concatenate(parts)], schema)
    several = write_shard(LocalFiles(), str(tmp_path), "several.arrow", iter(parts), schema)
    assert (tmp_path / "one.arrow").read_bytes() == (tmp_path / "several.arrow").read_bytes()
    assert dataclasses.replace(several, path="one.arrow") == one
    assert one.sha256 == file_sha256(tmp_path / "one.arrow")
    assert (one.rows, one.bytes) == (sum(sizes), (tmp_path / "one.arrow").stat().st_size)
    assert bytes(encode_shard(Rows.concatenate(parts), schema)) == (tmp_path / "one.arrow").read_bytes()


def test_a_shard_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    """An error between two parts leaves no file, not even a temporary one."""

    def failing() -> Iterator[Rows]:
        yield make_rows(3000, config, vocabulary, seed=1)
        raise InputError("the lease is lost")

    config, vocabulary = Config(), small_vocabulary()
    schema = row_schema(RowMetadata.of(config.pairing, config.masking, vocabulary))
    with pytest.raises(InputError, match="the lease is lost"):
        write_shard(LocalFiles(), str(tmp_path), "train/a.arrow", failing(), schema)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
