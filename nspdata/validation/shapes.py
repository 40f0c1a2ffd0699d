"""The shape of rows: columns, framing, token types and lengths; what passes can be read as `Rows`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nspdata.instances.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.validation.findings import Notes
    from nspdata.validation.spec import RowSpec

LISTS = ("input_ids", "token_type_ids", "masked_lm_positions", "masked_lm_labels")


def sound_rows(batch: pa.RecordBatch, spec: RowSpec, notes: Notes) -> tuple[Rows, Notes]:
    """Checks the shape of a batch's rows.

    Args:
        batch: with the columns of the schema, valid for Arrow.
        spec: what rows must be.
        notes: where to note what is wrong.

    Returns:
        The rows whose shape is right, and the notes for them.
    """
    batch, notes = _aligned(batch, notes)
    rows = Rows.from_batch(batch)
    broken = _unframed(rows, batch, spec, notes)
    if broken.any():
        rows, notes = Rows.from_batch(batch.filter(pa.array(~broken))), notes.keep(~broken)
    return rows, notes


def _aligned(batch: pa.RecordBatch, notes: Notes) -> tuple[pa.RecordBatch, Notes]:
    """Leaves out rows whose parallel lists have different lengths, and rows without ids."""
    ids, types, positions, labels = (np.diff(batch[name].offsets.to_numpy()) for name in LISTS)
    unequal = (ids != types) | (positions != labels)
    if "word_starts" in batch.schema.names:
        unequal |= ids != np.diff(batch["word_starts"].offsets.to_numpy())
    notes.add("ragged", unequal)
    short = (ids < 2) & ~unequal
    notes.add("framing", short, "the row is too short for [CLS] and [SEP]")
    broken = unequal | short
    if not broken.any():
        return batch, notes
    return batch.filter(pa.array(~broken)), notes.keep(~broken)


def _unframed(rows: Rows, batch: pa.RecordBatch, spec: RowSpec, notes: Notes) -> NDArray[np.bool_]:
    """Notes what is wrong with lengths, types, frame and ids; returns the rows that cannot be read as A and B."""
    lengths, ids, starts, ends = rows.lengths, rows.input_ids, rows.offsets[:-1], rows.offsets[1:]
    cls, sep = spec.special_ids["[CLS]"], spec.special_ids["[SEP]"]
    notes.add("row_length", lengths > spec.config.pairing.max_seq_length)
    mixed = _mixed_types(rows, batch)
    notes.add("token_types", mixed)
    middle, whole = np.clip(rows.lengths_a, 1, lengths), spec.objective == "none"
    unframed = (ids[starts] != cls) | (ids[starts + middle - 1] != sep) | (ids[ends - 1] != sep)
    unframed &= ~mixed
    hidden = _masked_frame(rows, middle) if unframed.any() else unframed
    notes.add("mask_special", unframed & hidden)
    notes.add("framing", unframed & ~hidden)
    length_b = lengths - rows.lengths_a - 1
    empty = (rows.lengths_a < 3) | ((length_b != -1) if whole else (length_b < 1))
    empty &= ~mixed & ~unframed
    notes.add("empty_segment", empty)
    unknown = _rows_over(ids, rows.offsets, spec.vocab_size)
    unknown |= _rows_over(rows.masked_lm_labels, rows.masked_offsets, spec.vocab_size)
    notes.add("vocabulary", unknown, f"an id is not below {spec.vocab_size:,}")
    broken: NDArray[np.bool_] = mixed | unframed | empty | unknown
    return broken


def _masked_frame(rows: Rows, middle: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Shape (num_rows,), bool: rows that are masked where [CLS] or [SEP] should be; `middle` is the end of each A."""
    row_of = np.repeat(np.arange(len(rows)), np.diff(rows.masked_offsets))
    positions = rows.masked_lm_positions
    at_frame = (positions == 0) | (positions == middle[row_of] - 1) | (positions == rows.lengths[row_of] - 1)
    hidden = np.zeros(len(rows), np.bool_)
    hidden[row_of[at_frame]] = True
    return hidden


def _rows_over(values: NDArray[Any], offsets: NDArray[np.int64], limit: int) -> NDArray[np.bool_]:
    """Shape (num_rows,), bool: rows that hold a value that is not below the limit."""
    over = np.zeros(len(offsets) - 1, np.bool_)
    if len(values) and values.max() >= limit:
        over[np.searchsorted(offsets, np.flatnonzero(values >= limit), side="right") - 1] = True
    return over


def _mixed_types(rows: Rows, batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """Rows whose token types are not some 0 and then some 1."""
    lists = batch["token_type_ids"]
    types = lists.values.to_numpy()[lists.offsets[0].as_py() : lists.offsets[-1].as_py()]
    mixed = np.zeros(len(rows), np.bool_)
    if not len(types):
        return mixed
    falls = types[1:] < types[:-1]
    falls[rows.offsets[1:-1] - 1] = False
    wrong = np.flatnonzero(falls)
    if types.max() > 1:
        wrong = np.concatenate([wrong, np.flatnonzero(types > 1)])
    if len(wrong):
        mixed[np.searchsorted(rows.offsets, wrong, side="right") - 1] = True
    mixed |= types[rows.offsets[:-1]] != 0
    return mixed
