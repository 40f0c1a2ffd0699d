"""Ragged gathers: rows picked out of flat arrays, compiled where numba is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.compiled import COMPILED, compiled
from nspdata.documents import offsets as offsets_of
from nspdata.documents import ragged_indices
from nspdata.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray


def take(rows: Rows, indices: NDArray[np.int64]) -> Rows:
    """The rows of these indices, in this order, as flat arrays of their own."""
    ids, offsets = take_runs(rows.input_ids, rows.offsets, indices)
    positions, masked_offsets = take_runs(rows.masked_lm_positions, rows.masked_offsets, indices)
    labels, _ = take_runs(rows.masked_lm_labels, rows.masked_offsets, indices)
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
    )


def take_runs(
    values: NDArray[Any], offsets: NDArray[np.int64], indices: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Runs picked out of ragged values.

    Args:
        values: shape (num_values,).
        offsets: shape (num_runs + 1,), int64.
        indices: shape (n,), int64, which runs.

    Returns:
        The values of those runs, and their offsets, shape (n + 1,), int64.

    >>> take_runs(np.array([5, 6, 7, 8]), np.array([0, 1, 1, 4]), np.array([2, 0]))[0].tolist()
    [6, 7, 8, 5]
    """
    starts = offsets[indices]
    ends = offsets_of(offsets[indices + 1] - starts)
    return copy_runs(values, starts, ends), ends


def copy_runs(values: NDArray[Any], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[Any]:
    """Runs of values, one after another, in memory of their own.

    Args:
        values: shape (num_values,).
        starts: shape (n,), int64: where each run begins in `values`.
        ends: shape (n + 1,), int64: where each begins in the result, and the end of the last.
    """
    if not COMPILED:
        return values[ragged_indices(starts, np.diff(ends))]
    out = np.empty(int(ends[-1]), values.dtype)
    _copy_runs(values, starts, ends, out)
    return out


@compiled
def _copy_runs(values: NDArray[Any], starts: NDArray[np.int64], ends: NDArray[np.int64], out: NDArray[Any]) -> None:
    for run in range(len(starts)):
        begin, place = (
            np.uint64(starts[run]),
            np.uint64(ends[run]),
        )  # unsigned: no test for an index counted from the end
        for step in range(ends[run + 1] - ends[run]):
            out[place + np.uint64(step)] = values[begin + np.uint64(step)]
