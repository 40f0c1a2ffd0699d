"""Damage: whatever is wrong with a dataset directory is an error that names the file, never a short or a wrong epoch."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from nspdata.dataset import verification
from nspdata.dataset.manifest import MANIFEST, Manifest, read_manifest
from nspdata.dataset.schema import METADATA_KEY
from nspdata.dataset.shards import file_sha256
from nspdata.errors import ConfigError, ShardError
from nspdata.loading import Loader
from tests.datasets import rewrite_manifest, write_dataset

SHARD = "train/data-00001-of-00003.arrow"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("damage") / "data", rows=9000, num_shards=3, max_seq_length=16)


@pytest.fixture
def directory(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data"))


def load(directory: Path, **options: object) -> int:
    """Loads the rows of an epoch."""
    return sum(len(batch["next_sentence_label"]) for batch in Loader(directory, batch_size=500, **options))  # type: ignore[arg-type]


def refused(directory: Path, *words: str, **options: object) -> None:
    """Asserts that loading raises a `ShardError` whose message has all these words."""
    with pytest.raises(ShardError) as error:
        load(directory, **options)
    for word in words:
        assert word in str(error.value)


def change_entry(directory: Path, **changes: object) -> None:
    """Writes other values into the manifest's entry of the shard."""
    manifest = read_manifest(directory)
    entries = [
        dataclasses.replace(entry, **changes) if entry.path == SHARD else entry for entry in manifest.splits["train"]
    ]
    rewrite_manifest(directory, splits={"train": entries})


def agree(directory: Path) -> None:
    """Makes the manifest's size and sha256 those of the damaged shard, as a careless hand would."""
    path = directory / SHARD
    change_entry(directory, bytes=path.stat().st_size, sha256=file_sha256(path))


def test_the_sound_dataset_loads(sound: Path) -> None:
    """The undamaged dataset loads."""
    assert load(sound) == load(sound, verify="always") == 9000


def test_an_unfinished_directory(directory: Path) -> None:
    """A directory without a manifest is reported as an unfinished build."""
    (directory / MANIFEST).unlink()
    refused(directory, "data", "no manifest.json", "not a finished dataset")


def test_no_directory(tmp_path: Path) -> None:
    """A missing directory is an error with its name."""
    refused(tmp_path / "nowhere", "nowhere", "no such directory")


def test_a_missing_shard(directory: Path) -> None:
    """A missing shard is reported before the first batch."""
    (directory / SHARD).unlink()
    with pytest.raises(ShardError, match=f"{SHARD}: missing"):
        Loader(directory, batch_size=5)


def test_a_truncated_shard(directory: Path) -> None:
    """A shard of another size is reported before the first batch."""
    data = (directory / SHARD).read_bytes()
    (directory / SHARD).write_bytes(data[:-1000])
    with pytest.raises(ShardError, match=rf"{SHARD}: {len(data) - 1000} bytes, the manifest says {len(data)}"):
        Loader(directory, batch_size=5)


def cut_between_batches(directory: Path) -> None:
    """Ends the stream of the shard after its first record batch: it reads as a whole, shorter one."""
    reader = pa.ipc.open_stream((directory / SHARD).read_bytes())
    with pa.OSFile(str(directory / SHARD), "wb") as sink, pa.ipc.new_stream(sink, reader.schema) as writer:
        writer.write_batch(reader.read_next_batch())


def test_a_shard_cut_between_two_batches(directory: Path) -> None:
    """A stream truncated at a batch boundary is compared with the rows in the manifest."""
    cut_between_batches(directory)
    agree(directory)
    refused(directory, SHARD, "2048 rows, the manifest says 3000")


def rewritten(directory: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Rewrites the shard with changed rows."""
    table = change(pa.ipc.open_stream((directory / SHARD).read_bytes()).read_all())
    with pa.OSFile(str(directory / SHARD), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    agree(directory)


def test_another_column(directory: Path) -> None:
    """A shard without the columns of the contract is refused, column by column."""
    rewritten(directory, lambda table: table.drop_columns(["next_sentence_label"]))
    refused(directory, SHARD, "next_sentence_label: absent")


def with_metadata(table: pa.Table, **changes: object) -> pa.Table:
    metadata = json.loads(table.schema.metadata[METADATA_KEY]) | changes
    return table.replace_schema_metadata({METADATA_KEY: json.dumps(metadata).encode()})


def test_an_unknown_schema_version(directory: Path) -> None:
    """A shard of a later schema version is refused; the error has both versions."""
    rewritten(directory, lambda table: with_metadata(table, version=99))
    refused(directory, SHARD, "schema version 99", "reads version 1")


def test_a_shard_of_another_tokenizer(directory: Path) -> None:
    """A shard that was built with another vocabulary is refused."""
    rewritten(directory, lambda table: with_metadata(table, tokenizer_sha256="0" * 64))
    refused(directory, SHARD, "tokenizer_sha256", "of another dataset")


def test_no_shard_at_all(directory: Path) -> None:
    """A file that is no Arrow stream is refused."""
    (directory / SHARD).write_bytes(b"\x00" * 5000)
    agree(directory)
    refused(directory, SHARD)


def test_another_tokenizer_beside_the_shards(directory: Path) -> None:
    """The vocabulary beside the shards must be the one they were built with."""
    path = directory / "tokenizer" / "vocab.txt"
    path.write_text(path.read_text() + "extra\n")
    refused(directory, "tokenizer/vocab.txt", "not the tokenizer")
    path.write_text("no\nspecials\n")
    refused(directory, "tokenizer/vocab.txt", "lacks [PAD]")
    path.unlink()
    refused(directory, "tokenizer/vocab.txt", "cannot be read")


@pytest.mark.parametrize(
    "path", ["../outside.arrow", "/etc/passwd", "train/../../x", "train//x", "C:\\x", "train/./x", ""]
)
def test_names_that_leave_the_directory(directory: Path, path: str) -> None:
    """A manifest cannot name files outside its directory."""
    text = (directory / MANIFEST).read_text().replace(json.dumps(SHARD), json.dumps(path))
    (directory / MANIFEST).write_text(text)
    refused(directory, MANIFEST, repr(path), "not a plain path")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 2}', '{"version": 1, "splits": 3}', "null"])
def test_a_damaged_manifest(directory: Path, text: str) -> None:
    """A manifest that is not JSON, or of another version, is refused by name."""
    (directory / MANIFEST).write_text(text)
    refused(directory, MANIFEST)


def test_damaged_settings(directory: Path) -> None:
    """Invalid settings are reported as damage of the manifest."""
    manifest = read_manifest(directory)
    rewrite_manifest(directory, config=manifest.config | {"pairing": {"objective": "nsp", "max_seq_length": "long"}})
    refused(directory, MANIFEST, "pairing.max_seq_length")


def test_no_such_split(directory: Path) -> None:
    """The error for a missing split names the existing ones."""
    refused(directory, "no split 'test'", "train", split="test")


def test_every_byte_with_verify(directory: Path) -> None:
    """A shard with one flipped bit is refused by default, wherever the bit is; with `verify="size"` only its shape is checked."""
    path = directory / SHARD
    data = bytearray(path.read_bytes())
    numbers = random.Random(1)
    for _ in range(20):
        place = numbers.randrange(len(data))
        data[place] ^= 4
        path.write_bytes(data)
        refused(directory, SHARD, "sha256", "copy the shard again")
        refused(directory, SHARD, "sha256", verify="always")
        data[place] ^= 4
    path.write_bytes(data)
    assert load(directory) == load(directory, verify="size") == 9000
    with pytest.raises(ConfigError, match="verify must be one of 'once', 'always', 'size', not True"):
        load(directory, verify=True)


def test_a_shard_is_hashed_once(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unchanged file is hashed once in a process, by whatever loader; a change of its time or its bytes hashes it again."""
    hashed: list[str] = []
    plain = verification.file_sha256

    def counted(path: Path) -> str:
        hashed.append(Path(path).name)
        return plain(path)

    monkeypatch.setattr(verification, "file_sha256", counted)
    for path in directory.glob("train/*.arrow"):
        os.utime(path, (1e9, 1e9))
    assert load(directory) == load(directory) == 9000
    assert len(hashed) == 3
    os.utime(directory / SHARD, (1e9 + 1, 1e9 + 1))
    load(directory)
    assert hashed[3:] == [Path(SHARD).name]
    load(directory, verify="always")
    load(directory, verify="size")
    assert len(hashed) == 7


def test_a_shard_that_leads_elsewhere(directory: Path, tmp_path: Path) -> None:
    """A shard that is a symbolic link out of the directory is refused; one to a file inside, or a linked directory, is not."""
    moved = (directory / SHARD).rename(directory / "train" / "elsewhere.arrow")
    (directory / SHARD).symlink_to(moved.name)
    (tmp_path / "linked").symlink_to(directory)
    assert load(tmp_path / "linked") == 9000
    outside = moved.rename(tmp_path / "outside.arrow")
    (directory / SHARD).unlink()
    (directory / SHARD).symlink_to(outside)
    refused(directory, SHARD, "a symbolic link to", "outside.arrow", "cp -rL")


def reported(directory: Path, way: dict[str, object]) -> str:
    """The error message of loading, or an empty string if all rows load."""
    try:
        return "" if load(directory, **way) == 9000 else "a short epoch"
    except ShardError as error:
        return str(error)


@pytest.mark.parametrize("way", [{}, {"masking": "dynamic"}, {"packing": True}, {"bins": 2}])
def test_altered_bytes_never_crash(sound: Path, tmp_path: Path, way: dict[str, object]) -> None:
    """With `verify="size"`, a block of overwritten bytes is an error that names the shard, or other values of the same shape."""
    directory = Path(shutil.copytree(sound, tmp_path / "data"))
    data, found = (sound / SHARD).read_bytes(), 0
    numbers = random.Random(2)
    for _ in range(60):
        start = numbers.randrange(len(data) - 64)
        altered = bytearray(data)
        altered[start : start + 64] = numbers.randbytes(64)
        (directory / SHARD).write_bytes(altered)
        message = reported(directory, way | {"verify": "size"})
        assert not message or SHARD in message
        found += bool(message)
    assert found > 10


def test_a_manifest_is_read_once_for_all(directory: Path) -> None:
    """What a loader was opened on is what it loads: a shard replaced later is reported when it is opened."""
    loader = Loader(directory, batch_size=500)
    cut_between_batches(directory)
    with pytest.raises(ShardError, match=SHARD):
        list(loader)
    assert isinstance(Manifest.from_json((directory / MANIFEST).read_bytes()), Manifest)
