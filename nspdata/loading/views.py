"""Views of one record batch of a mapped file, from which only the requested rows are copied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.ragged import copy_runs
from nspdata.arrays.ragged import offsets as offsets_of
from nspdata.instances.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

PLAIN = ("next_sentence_label", "document_a", "document_b", "sentence_a", "sentence_b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """The columns of a record batch.

    Attributes:
        ids, types: shape (num_tokens,).
        offsets: shape (num_rows + 1,), int32, into the two above.
        positions, labels: shape (num_masked,).
        masked_offsets: shape (num_rows + 1,), int32, into the two above.
        plain: the columns with one value per row, in the order of `PLAIN`.
        starts: shape (num_tokens,), the column `word_starts`; None if it is not needed.
    """

    ids: NDArray[Any]
    types: NDArray[np.uint8]
    offsets: NDArray[np.int32]
    positions: NDArray[np.uint16]
    labels: NDArray[Any]
    masked_offsets: NDArray[np.int32]
    plain: list[NDArray[Any]]
    starts: NDArray[np.uint8] | None

    @staticmethod
    def of(batch: pa.RecordBatch, *, word_starts: bool = False) -> Views:
        """Returns the views of a record batch; its offsets are checked, so that no row can point outside.

        Args:
            batch: the record batch.
            word_starts: whether the rows need their column `word_starts`.

        Raises:
            ValueError: offsets decrease, point outside, or differ between columns that must agree.
        """
        ids, types, positions, labels = (
            batch[name] for name in ("input_ids", "token_type_ids", "masked_lm_positions", "masked_lm_labels")
        )
        starts = batch["word_starts"] if word_starts else None
        if starts is not None:
            _offsets(ids, starts, "input_ids and word_starts")
        return Views(
            ids=ids.values.to_numpy(),
            types=types.values.to_numpy(),
            offsets=_offsets(ids, types, "input_ids and token_type_ids"),
            positions=positions.values.to_numpy(),
            labels=labels.values.to_numpy(),
            masked_offsets=_offsets(positions, labels, "masked_lm_positions and masked_lm_labels"),
            plain=[batch[name].to_numpy() for name in PLAIN],
            starts=None if starts is None else starts.values.to_numpy(),
        )

    def rows(self, some: NDArray[np.int64]) -> Rows:
        """Returns the rows with these numbers (ascending, distinct, at least one); views if they are neighbours."""
        first, last = int(some[0]), int(some[-1])
        if last - first + 1 == len(some):
            return self._run(first, last + 1)
        ids, offsets = _gathered(self.ids, self.offsets, some)
        types, _ = _gathered(self.types, self.offsets, some)
        positions, masked_offsets = _gathered(self.positions, self.masked_offsets, some)
        labels, _ = _gathered(self.labels, self.masked_offsets, some)
        rows = _rows(ids, types, offsets, positions, labels, masked_offsets, [column[some] for column in self.plain])
        return rows if self.starts is None else replace(rows, word_starts=_gathered(self.starts, self.offsets, some)[0])

    def _run(self, first: int, end: int) -> Rows:
        offsets = self.offsets[first : end + 1].astype(np.int64)
        masked_offsets = self.masked_offsets[first : end + 1].astype(np.int64)
        tokens, masked = slice(offsets[0], offsets[-1]), slice(masked_offsets[0], masked_offsets[-1])
        rows = _rows(
            self.ids[tokens],
            self.types[tokens],
            offsets - offsets[0],
            self.positions[masked],
            self.labels[masked],
            masked_offsets - masked_offsets[0],
            [column[first:end] for column in self.plain],
        )
        return rows if self.starts is None else replace(rows, word_starts=self.starts[tokens])


def _offsets(one: pa.ListArray, other: pa.ListArray, names: str) -> NDArray[np.int32]:
    offsets: NDArray[np.int32] = one.offsets.to_numpy()
    inside = offsets[0] >= 0 and offsets[-1] <= min(len(one.values), len(other.values))
    if not inside or bool((np.diff(offsets) < 0).any()) or not np.array_equal(offsets, other.offsets.to_numpy()):
        raise ValueError(f"the rows of {names} are not whole")
    return offsets


def _gathered(
    values: NDArray[Any], offsets: NDArray[np.int32], some: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    starts = offsets[some].astype(np.int64)
    ends = offsets_of(offsets[some + 1] - starts)
    return copy_runs(values, starts, ends), ends


def _rows(
    ids: NDArray[Any],
    types: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    positions: NDArray[np.uint16],
    labels: NDArray[Any],
    masked_offsets: NDArray[np.int64],
    plain: list[NDArray[Any]],
) -> Rows:
    lengths = np.diff(offsets)
    there = offsets[:-1][lengths > 0]  # `reader.check_rows` reports rows without tokens
    seconds = np.zeros(len(lengths), np.int64)
    seconds[lengths > 0] = np.add.reduceat(types, there, dtype=np.int64)
    return Rows(
        input_ids=ids,
        offsets=offsets,
        lengths_a=lengths - seconds,
        masked_lm_positions=positions,
        masked_lm_labels=labels,
        masked_offsets=masked_offsets,
        **dict(zip(PLAIN, plain, strict=True)),
    )
