"""Rows to batches: padded, packed, or flat; the only module that pads. Compiled if numba is installed; the bytes are the same without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled, is_compiled
from nspdata.arrays.ragged import ragged_indices
from nspdata.errors import ConfigError
from nspdata.instances.rows import take

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from nspdata.instances.rows import Rows
    from nspdata.loading.options import Names

    Batch = dict[str, NDArray[Any]]

IGNORED = -100
"""The label of positions without a prediction, as in torch's and Hugging Face's losses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """The width of a padded batch.

    Attributes:
        max_seq_length: of the dataset.
        multiple: the longest row's tokens are rounded up to a multiple of this; 0 for `max_seq_length` always.
    """

    max_seq_length: int
    multiple: int = 1

    @staticmethod
    def parse(text: str, max_seq_length: int) -> Padding:
        """Reads `longest`, `max` or `multiple_of=N`.

        >>> Padding.parse("multiple_of=8", 128).width(17)
        24
        """
        kind, equals, number = text.partition("=")
        if text in {"longest", "max"}:
            return Padding(max_seq_length=max_seq_length, multiple=int(text == "longest"))
        if kind == "multiple_of" and equals and number.isdecimal() and int(number) > 0:
            return Padding(max_seq_length=max_seq_length, multiple=int(number))
        raise ConfigError(f"padding must be 'longest', 'max' or 'multiple_of=N' with N of 1 or more, not {text!r}")

    def width(self, longest: int) -> int:
        """Width of a padded batch whose longest row has this many tokens."""
        return -(-longest // self.multiple) * self.multiple if self.multiple else self.max_seq_length


def collate(
    rows: Rows,
    indices: NDArray[np.int64] | None = None,
    *,
    pad_id: int,
    padding: Padding,
    dtype: DTypeLike = np.int64,
    names: Names = "huggingface",
    max_predictions: int = 0,
) -> Batch:
    """Returns a padded batch.

    Args:
        rows: rows.
        indices: shape (n,), int64, the rows of the batch, in order; None for all.
        pad_id: id of [PAD].
        padding: the width.
        dtype: of every array but `masked_lm_weights`, which is float32.
        names: `huggingface` gives the arguments of `BertForPreTraining`: `input_ids`, `token_type_ids`, `attention_mask` and `labels` (-100
            where nothing is predicted), shape (n, width), and `next_sentence_label`, shape (n,). `nvidia` gives the inputs of NVIDIA's and
            Google's loops: `input_ids`, `segment_ids`, `input_mask`, shape (n, width), `masked_lm_positions`, `masked_lm_ids`,
            `masked_lm_weights`, shape (n, max_predictions), and `next_sentence_labels`, shape (n,).
        max_predictions: the width of those three; larger if a row has more.
    """
    indices = np.arange(len(rows)) if indices is None else indices
    lengths = rows.offsets[indices + 1] - rows.offsets[indices]
    width = padding.width(int(lengths.max(initial=1)))
    ids, types, mask = (np.empty((len(indices), width), dtype) for _ in range(3))
    _fill(rows, indices, ids, types, mask, pad_id)
    label = rows.next_sentence_label[indices].astype(dtype)
    if names == "nvidia":
        batch = {"input_ids": ids, "segment_ids": types, "input_mask": mask}
        return batch | _predictions(rows, indices, max_predictions, dtype) | {"next_sentence_labels": label}
    labels = np.empty((len(indices), width), dtype)
    _fill_labels(rows, indices, labels)
    return {
        "input_ids": ids,
        "token_type_ids": types,
        "attention_mask": mask,
        "labels": labels,
        "next_sentence_label": label,
    }


def _predictions(rows: Rows, indices: NDArray[np.int64], max_predictions: int, dtype: DTypeLike) -> Batch:
    counts = rows.masked_offsets[indices + 1] - rows.masked_offsets[indices]
    width = max(max_predictions, int(counts.max(initial=0)))
    there = np.arange(width) < counts[:, None]
    source = ragged_indices(rows.masked_offsets[indices], counts)
    positions, ids = (np.zeros(there.shape, dtype) for _ in range(2))
    positions[there], ids[there] = rows.masked_lm_positions[source], rows.masked_lm_labels[source]
    return {"masked_lm_positions": positions, "masked_lm_ids": ids, "masked_lm_weights": there.astype(np.float32)}


def _fill(rows: Rows, indices: NDArray[np.int64], ids: Any, types: Any, mask: Any, pad_id: int) -> None:
    if is_compiled():
        _fill_rows(rows.input_ids, rows.offsets, rows.lengths_a, indices, ids, types, mask, pad_id)
        return
    lengths = rows.offsets[indices + 1] - rows.offsets[indices]
    places = np.arange(ids.shape[1])
    mask[:] = places < lengths[:, None]
    types[:] = (places >= rows.lengths_a[indices][:, None]) & (mask > 0)
    ids[:] = pad_id
    ids[mask > 0] = rows.input_ids[ragged_indices(rows.offsets[indices], lengths)]


@compiled
def _fill_rows(
    values: NDArray[Any],
    starts: NDArray[np.int64],
    lengths_a: NDArray[np.int64],
    indices: NDArray[np.int64],
    ids: NDArray[Any],
    types: NDArray[Any],
    mask: NDArray[Any],
    pad_id: int,
) -> None:
    for line in range(len(indices)):
        row = indices[line]
        begin, length, first = starts[row], starts[row + 1] - starts[row], lengths_a[row]
        for place in range(length):
            ids[line, place] = values[begin + place]
        ids[line, length:] = pad_id
        types[line, :first] = 0
        types[line, first:length] = 1
        types[line, length:] = 0
        mask[line, :length] = 1
        mask[line, length:] = 0


def _fill_labels(rows: Rows, indices: NDArray[np.int64], labels: NDArray[Any]) -> None:
    if is_compiled():
        _fill_label_rows(rows.masked_lm_positions, rows.masked_lm_labels, rows.masked_offsets, indices, labels)
        return
    labels[:] = IGNORED
    counts = rows.masked_offsets[indices + 1] - rows.masked_offsets[indices]
    source = ragged_indices(rows.masked_offsets[indices], counts)
    labels[np.repeat(np.arange(len(indices)), counts), rows.masked_lm_positions[source]] = rows.masked_lm_labels[source]


@compiled
def _fill_label_rows(
    positions: NDArray[np.uint16],
    values: NDArray[Any],
    starts: NDArray[np.int64],
    indices: NDArray[np.int64],
    labels: NDArray[Any],
) -> None:
    for line in range(len(indices)):
        row = indices[line]
        labels[line, :] = -100
        for one in range(starts[row], starts[row + 1]):
            labels[line, positions[one]] = values[one]


def collate_flat(rows: Rows, indices: NDArray[np.int64] | None = None, *, dtype: DTypeLike = np.int64) -> Batch:
    """Concatenates rows without padding, for attention over sequences of different lengths.

    Returns:
        `input_ids`, `token_type_ids`, `position_ids` (from 0 in each row), shape (num_tokens,); `cu_seqlens`, shape (n + 1,), int32:
        where each row begins; `masked_lm_positions` (into the tokens) and `masked_lm_ids`, shape (num_masked,); `cls_positions`
        (into the tokens) and `next_sentence_label`, shape (n,).
    """
    rows = rows if indices is None else take(rows, indices)
    return {
        "input_ids": rows.input_ids.astype(dtype),
        "token_type_ids": rows.token_type_ids().astype(dtype),
        "position_ids": ragged_indices(np.zeros(len(rows), np.int64), rows.lengths).astype(dtype, copy=False),
        "cu_seqlens": rows.offsets.astype(np.int32),
        "masked_lm_positions": rows.masked_token_indices.astype(dtype, copy=False),
        "masked_lm_ids": rows.masked_lm_labels.astype(dtype),
        "cls_positions": rows.offsets[:-1].astype(dtype),
        "next_sentence_label": rows.next_sentence_label.astype(dtype),
    }


def collate_packed(
    rows: Rows,
    starts: NDArray[np.int64],
    indices: NDArray[np.int64] | None = None,
    *,
    pad_id: int,
    max_seq_length: int,
    dtype: DTypeLike = np.int64,
) -> Batch:
    """Packs several rows into each sequence, with the arrays that separate them.

    Args:
        rows: rows.
        starts: shape (num_packs + 1,), int64: where each sequence begins in `indices`.
        indices: shape (n,), int64, the rows, sequence after sequence; None for all.
        pad_id: id of [PAD].
        max_seq_length: tokens of a sequence.
        dtype: of every array but `cu_seqlens`, which is int32.

    Returns:
        `input_ids`, `token_type_ids`, `position_ids` (from 0 in each row), `segments` (1, 2, ... for the rows of a sequence, 0 for
        padding: tokens see those of their own number), `labels` (-100 where nothing is predicted), shape (num_packs, max_seq_length);
        `cls_positions` (into the flattened tokens) and `next_sentence_label`, shape (n,), one for each row; `cu_seqlens`: where
        each row, and each padding at the end of a sequence, begins in the flattened tokens.
    """
    rows = rows if indices is None else take(rows, indices)
    counts, lengths = np.diff(starts), rows.lengths
    used = rows.offsets[starts[1:]] - rows.offsets[starts[:-1]]
    shape = (len(counts), max_seq_length)
    shift = np.repeat(np.arange(len(counts)) * max_seq_length - rows.offsets[starts[:-1]], counts)
    begins = rows.offsets[:-1] + shift
    tokens = ragged_indices(begins, lengths)
    segments = ragged_indices(np.ones(len(counts), np.int64), counts)
    tails = (np.arange(len(counts)) * max_seq_length + used)[used < max_seq_length]
    labels = np.full(shape, IGNORED, dtype)
    labels.reshape(-1)[rows.masked_token_indices + np.repeat(shift, np.diff(rows.masked_offsets))] = (
        rows.masked_lm_labels
    )
    return {
        "input_ids": _scattered(shape, tokens, rows.input_ids, dtype, pad_id),
        "token_type_ids": _scattered(shape, tokens, rows.token_type_ids(), dtype),
        "position_ids": _scattered(shape, tokens, ragged_indices(np.zeros(len(rows), np.int64), lengths), dtype),
        "segments": _scattered(shape, tokens, np.repeat(segments, lengths), dtype),
        "labels": labels,
        "next_sentence_label": rows.next_sentence_label.astype(dtype),
        "cls_positions": begins.astype(dtype),
        "cu_seqlens": np.append(np.sort(np.concatenate([begins, tails])), shape[0] * shape[1]).astype(np.int32),
    }


def _scattered(
    shape: tuple[int, int], places: NDArray[np.int64], values: NDArray[Any], dtype: DTypeLike, filler: int = 0
) -> NDArray[Any]:
    out = np.full(shape, filler, dtype)
    out.reshape(-1)[places] = values
    return out
