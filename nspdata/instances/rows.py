"""Rows of a shard as flat arrays, and the same rows as Arrow batches; without a copy if the layout allows it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nspdata.arrays.ragged import offsets as offsets_of
from nspdata.arrays.ragged import take_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray


def take(rows: Rows, indices: NDArray[np.int64]) -> Rows:
    """Returns the rows at these indices, in this order, as new flat arrays."""
    ids, offsets = take_runs(rows.input_ids, rows.offsets, indices)
    positions, masked_offsets = take_runs(rows.masked_lm_positions, rows.masked_offsets, indices)
    labels, _ = take_runs(rows.masked_lm_labels, rows.masked_offsets, indices)
    starts = None if rows.word_starts is None else take_runs(rows.word_starts, rows.offsets, indices)[0]
    return Rows(
        input_ids=ids,
        offsets=offsets,
        lengths_a=rows.lengths_a[indices],
        next_sentence_label=rows.next_sentence_label[indices],
        masked_lm_positions=positions,
        masked_lm_labels=labels,
        masked_offsets=masked_offsets,
        document_a=rows.document_a[indices],
        document_b=rows.document_b[indices],
        sentence_a=rows.sentence_a[indices],
        sentence_b=rows.sentence_b[indices],
        word_starts=starts,
    )


ROWS_PER_BATCH = 2048
"""Rows of one Arrow record batch."""


def record_batches(parts: Iterable[Rows], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yields the rows of all parts as record batches of `ROWS_PER_BATCH` rows; the last one of all may have fewer."""
    held: list[Rows] = []
    for part in parts:
        rows = Rows.concatenate([*held, part])
        whole = len(rows) - len(rows) % ROWS_PER_BATCH
        yield from rows.to_batches(schema, end=whole)
        held = [take(rows, np.arange(whole, len(rows))) if whole else rows] if whole < len(rows) else []
    for rows in held:
        yield from rows.to_batches(schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """`[CLS] A [SEP] B [SEP]` rows, flat.

    Attributes:
        input_ids: shape (num_tokens,), uint16 or uint32, masks applied, no padding.
        offsets: shape (num_rows + 1,), int64, into `input_ids`.
        lengths_a: shape (num_rows,), int64: tokens of type 0, which are `[CLS] A [SEP]`.
        next_sentence_label: shape (num_rows,), uint8.
        masked_lm_positions: shape (num_masked,), uint16, strictly increasing in each row.
        masked_lm_labels: shape (num_masked,), dtype of `input_ids`: the original ids there.
        masked_offsets: shape (num_rows + 1,), int64, into the two above.
        document_a, document_b: shape (num_rows,), uint64, xxh3-64 of the documents' ids.
        sentence_a, sentence_b: shape (num_rows,), uint32, index of each segment's first sentence in its document.
        word_starts: shape (num_tokens,), uint8: 1 where a token begins a word, if a word segmenter was used, otherwise None.
    """

    input_ids: NDArray[Any]
    offsets: NDArray[np.int64]
    lengths_a: NDArray[np.int64]
    next_sentence_label: NDArray[np.uint8]
    masked_lm_positions: NDArray[np.uint16]
    masked_lm_labels: NDArray[Any]
    masked_offsets: NDArray[np.int64]
    document_a: NDArray[np.uint64]
    document_b: NDArray[np.uint64]
    sentence_a: NDArray[np.uint32]
    sentence_b: NDArray[np.uint32]
    word_starts: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.next_sentence_label)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Shape (num_rows,), int64: tokens of each row."""
        return np.diff(self.offsets)

    @property
    def masked_token_indices(self) -> NDArray[np.int64]:
        """Shape (num_masked,), int64: indices of the masked positions in `input_ids`."""
        starts = np.repeat(self.offsets[:-1], np.diff(self.masked_offsets))
        return starts + self.masked_lm_positions

    @staticmethod
    def concatenate(parts: list[Rows]) -> Rows:
        """Concatenates the rows of all parts, in order; at least one part. All have word starts, or none."""
        if len(parts) == 1:
            return parts[0]
        ragged = ("offsets", "masked_offsets")
        joined: dict[str, Any] = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in dataclasses.fields(Rows)
            if field.name not in ragged and getattr(parts[0], field.name) is not None
        }
        ends: dict[str, Any] = {
            name: offsets_of(np.concatenate([np.diff(getattr(part, name)) for part in parts])) for name in ragged
        }
        return Rows(**joined, **ends)

    def part(self, start: int, end: int) -> Rows:
        """The rows from `start` to `end`; only the offsets are copied."""
        if start == 0 and end == len(self):
            return self
        tokens = slice(self.offsets[start], self.offsets[end])
        masked = slice(self.masked_offsets[start], self.masked_offsets[end])
        return Rows(
            input_ids=self.input_ids[tokens],
            offsets=self.offsets[start : end + 1] - self.offsets[start],
            lengths_a=self.lengths_a[start:end],
            next_sentence_label=self.next_sentence_label[start:end],
            masked_lm_positions=self.masked_lm_positions[masked],
            masked_lm_labels=self.masked_lm_labels[masked],
            masked_offsets=self.masked_offsets[start : end + 1] - self.masked_offsets[start],
            document_a=self.document_a[start:end],
            document_b=self.document_b[start:end],
            sentence_a=self.sentence_a[start:end],
            sentence_b=self.sentence_b[start:end],
            word_starts=None if self.word_starts is None else self.word_starts[tokens],
        )

    def unmasked_ids(self) -> NDArray[Any]:
        """Returns a copy of `input_ids` with the original ids restored."""
        ids = self.input_ids.copy()
        ids[self.masked_token_indices] = self.masked_lm_labels
        return ids

    def token_type_ids(self) -> NDArray[np.uint8]:
        """Shape (num_tokens,), uint8: 0 for `[CLS] A [SEP]`, 1 for `B [SEP]`."""
        lengths = self.lengths
        kinds = np.tile(np.array([0, 1], np.uint8), len(self))
        runs = np.stack([self.lengths_a, lengths - self.lengths_a], axis=1).ravel()
        return np.repeat(kinds, runs)

    def to_batches(self, schema: pa.Schema, *, end: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yields the rows, or those before `end`, as record batches of `ROWS_PER_BATCH` rows, columns in the schema's order."""
        num_rows = len(self) if end is None else end
        for start in range(0, num_rows, ROWS_PER_BATCH):
            part = self.part(start, min(start + ROWS_PER_BATCH, num_rows))
            columns = {
                "input_ids": _lists(part.input_ids, part.offsets),
                "token_type_ids": _lists(part.token_type_ids(), part.offsets),
                "masked_lm_positions": _lists(part.masked_lm_positions, part.masked_offsets),
                "masked_lm_labels": _lists(part.masked_lm_labels, part.masked_offsets),
            }
            if part.word_starts is not None:
                columns["word_starts"] = _lists(part.word_starts, part.offsets)
            arrays = [columns.get(name) or pa.array(getattr(part, name)) for name in schema.names]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    @staticmethod
    def from_batch(batch: pa.RecordBatch) -> Rows:
        """Returns the rows of one record batch. Only the offsets are copied."""
        ids, offsets = _flat(batch["input_ids"])
        types, _ = _flat(batch["token_type_ids"])
        positions, masked_offsets = _flat(batch["masked_lm_positions"])
        labels, _ = _flat(batch["masked_lm_labels"])
        plain = ("next_sentence_label", "document_a", "document_b", "sentence_a", "sentence_b")
        return Rows(
            input_ids=ids,
            offsets=offsets,
            lengths_a=np.diff(offsets) - _sums(types, offsets),
            masked_lm_positions=positions,
            masked_lm_labels=labels,
            masked_offsets=masked_offsets,
            word_starts=_flat(batch["word_starts"])[0] if "word_starts" in batch.schema.names else None,
            **{name: batch[name].to_numpy() for name in plain},
        )


def _lists(values: NDArray[Any], offsets: NDArray[np.int64]) -> pa.ListArray:
    """Values as lists; `offsets` begins with 0 and ends with the number of values."""
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))


def _flat(lists: pa.ListArray) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Values (num_values,) and offsets (num_lists + 1,) of a list array, offsets relative to its first value."""
    offsets = lists.offsets.to_numpy().astype(np.int64)
    values = lists.values.to_numpy()[offsets[0] : offsets[-1]]
    return values, offsets - offsets[0]


def _sums(values: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the sum of each run, shape (num_runs,), int64."""
    if len(offsets) > 1 and bool((np.diff(offsets) > 0).all()) and offsets[-1] <= len(values):
        sums: NDArray[np.int64] = np.add.reduceat(values[: offsets[-1]], offsets[:-1], dtype=np.int64)
        return sums
    return np.diff(np.concatenate([np.zeros(1, np.int64), np.cumsum(values, dtype=np.int64)])[offsets])
