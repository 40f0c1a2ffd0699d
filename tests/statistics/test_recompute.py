"""Statistics from the shards themselves, which are checked while they are read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from nspdata.dataset.manifest import ShardEntry, read_manifest
from nspdata.errors import ShardError
from nspdata.statistics.recompute import entries_of, summarize_stream
from nspdata.tokenization.vocabulary import Vocabulary
from tests.datasets import write_dataset


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ShardEntry, Vocabulary]:
    """A shard, its entry in the manifest, and the vocabulary."""
    directory = Path(write_dataset(tmp_path_factory.mktemp("statistics") / "data", rows=40, max_seq_length=16))
    entry = entries_of(read_manifest(directory))[0]
    vocabulary = Vocabulary.parse((directory / "tokenizer/vocab.txt").read_text(encoding="utf-8"))
    return (directory / entry.path).read_bytes(), entry, vocabulary


def test_a_shard_is_summarized(shard: tuple[bytes, ShardEntry, Vocabulary]) -> None:
    """Its rows are counted."""
    data, entry, vocabulary = shard
    assert summarize_stream(io.BytesIO(data), entry, vocabulary, name="x").rows.counts["rows"] == entry.rows


@pytest.mark.parametrize("value", [1 << 62, 1 << 40, 0xFFFFFFFF])
def test_a_damaged_shard_gives_no_statistics(shard: tuple[bytes, ShardEntry, Vocabulary], value: int) -> None:
    """Eight bytes are replaced at one place after the other: lengths, offsets, ids. Each is refused in one line."""
    data, entry, vocabulary = shard
    for start in range(0, len(data) - 8, 101):
        damaged = data[:start] + value.to_bytes(8, "little") + data[start + 8 :]
        with pytest.raises(ShardError, match=r"^x: ") as error:
            summarize_stream(io.BytesIO(damaged), entry, vocabulary, name="x")
        assert len(str(error.value).splitlines()) == 1
