"""Rows as arrays and as Arrow batches: the same rows, read back without a copy."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nspdata.config.build import Config, MaskingConfig, PairingConfig
from nspdata.dataset.schema import RowMetadata, row_schema
from nspdata.instances.assemble import build_instances
from nspdata.instances.rows import ROWS_PER_BATCH, Rows, take
from nspdata.tokenization.vocabulary import Vocabulary
from tests.datasets import make_rows, small_vocabulary
from tests.instances.corpora import make_documents, random_lengths, vocabulary_of


def schema_of(vocabulary: Vocabulary) -> pa.Schema:
    metadata = RowMetadata(
        objective="nsp",
        max_seq_length=64,
        max_predictions_per_seq=10,
        vocab_size=len(vocabulary),
        special_ids=vocabulary.special_ids,
        tokenizer_sha256=vocabulary.sha256,
    )
    return row_schema(metadata)


def same(one: Rows, other: Rows) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Rows.__slots__)


CONFIG = Config(pairing=PairingConfig(max_seq_length=64))


@pytest.mark.parametrize("num_rows", [0, 1, ROWS_PER_BATCH, ROWS_PER_BATCH + 1, 3 * ROWS_PER_BATCH - 1])
@pytest.mark.parametrize("vocab_size", [405, 70_000])
def test_rows_become_batches_and_rows_again(num_rows: int, vocab_size: int) -> None:
    """In batches of one size, the last one smaller, with the column types of the contract."""
    vocabulary = small_vocabulary(vocab_size)
    rows = make_rows(num_rows, CONFIG, vocabulary)
    batches = list(rows.to_batches(schema_of(vocabulary)))
    assert [batch.num_rows for batch in batches[:-1]] == [ROWS_PER_BATCH] * (len(batches) - 1)
    for batch in batches:
        batch.validate(full=True)
        assert batch.schema == schema_of(vocabulary)
    if batches:
        again = Rows.concatenate([Rows.from_batch(batch) for batch in batches])
        assert same(again, rows)
        assert again.input_ids.dtype == rows.input_ids.dtype == vocabulary.dtype
    assert sum(batch.num_rows for batch in batches) == num_rows


def test_a_slice_of_a_batch_is_read() -> None:
    """The offsets of a slice begin elsewhere; its rows are the same."""
    vocabulary = small_vocabulary()
    rows = make_rows(100, CONFIG, vocabulary)
    (batch,) = rows.to_batches(schema_of(vocabulary))
    parts = [Rows.from_batch(batch.slice(start, 25)) for start in range(0, 100, 25)]
    assert same(Rows.concatenate(parts), rows)


def test_columns_say_what_the_arrays_say() -> None:
    """Row by row, in plain Python: types, masks undone, positions and labels."""
    vocabulary = small_vocabulary()
    rows = make_rows(50, CONFIG, vocabulary)
    unmasked = rows.unmasked_ids()
    (batch,) = rows.to_batches(schema_of(vocabulary))
    for index, row in enumerate(batch.to_pylist()):
        begin, end = int(rows.offsets[index]), int(rows.offsets[index + 1])
        assert row["input_ids"] == rows.input_ids[begin:end].tolist()
        assert row["token_type_ids"].count(0) == rows.lengths_a[index]
        assert row["token_type_ids"] == sorted(row["token_type_ids"])
        ids = list(row["input_ids"])
        for position, label in zip(row["masked_lm_positions"], row["masked_lm_labels"], strict=True):
            ids[position] = label
        assert ids == unmasked[begin:end].tolist()
        assert row["document_a"] == int(rows.document_a[index])


def test_rows_without_a_second_segment_become_batches() -> None:
    """With `none` all token types are 0."""
    documents = make_documents(random_lengths(20, 1))
    config = Config(pairing=PairingConfig(objective="none"), masking=MaskingConfig(strategy="none"))
    vocabulary = vocabulary_of(documents)
    rows, _ = build_instances(documents, config, vocabulary, split="train", shard=0)
    schema = schema_of(vocabulary)
    again = Rows.concatenate([Rows.from_batch(batch) for batch in rows.to_batches(schema)])
    assert same(again, rows)
    assert not rows.token_type_ids().any()


def test_a_memory_mapped_batch_is_not_copied(tmp_path: Path) -> None:
    """Arrays of a memory-mapped row batch point into the file."""
    vocabulary = small_vocabulary()
    rows = make_rows(100, CONFIG, vocabulary)
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, schema_of(vocabulary)) as writer:
        for batch in rows.to_batches(schema_of(vocabulary)):
            writer.write_batch(batch)
    before = pa.total_allocated_bytes()
    with pa.ipc.open_stream(pa.memory_map(str(tmp_path / "a.arrow"))) as reader:
        again = Rows.from_batch(reader.read_next_batch())
    assert pa.total_allocated_bytes() - before < 10_000
    assert not again.input_ids.flags.owndata
    assert same(again, rows)


def test_rows_are_joined_in_order() -> None:
    """Concatenated rows have continuous offsets."""
    vocabulary = small_vocabulary()
    parts = [make_rows(count, CONFIG, vocabulary, seed=count) for count in (3, 0, 5)]
    joined = Rows.concatenate(parts)
    assert len(joined) == 8
    assert joined.lengths.tolist() == [length for part in parts for length in part.lengths.tolist()]
    assert joined.unmasked_ids().tolist() == [token for part in parts for token in part.unmasked_ids().tolist()]
    assert dataclasses.is_dataclass(joined)


@pytest.mark.parametrize(("start", "end"), [(0, 9), (0, 4), (3, 9), (4, 4)])
def test_a_part_has_the_rows_of_its_range(start: int, end: int) -> None:
    """Like `take` of the same rows; the tokens are views."""
    rows = make_rows(9, CONFIG, small_vocabulary())
    part = rows.part(start, end)
    assert same(part, take(rows, np.arange(start, end)))
    assert np.shares_memory(part.input_ids, rows.input_ids) == (start < end)
