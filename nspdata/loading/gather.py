"""Ragged gathers: rows picked out of flat arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nspdata.documents import copy_runs
from nspdata.documents import offsets as offsets_of
from nspdata.rows import Rows

if TYPE_CHECKING:
    import numpy as np
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

    >>> import numpy as np
    >>> take_runs(np.array([5, 6, 7, 8]), np.array([0, 1, 1, 4]), np.array([2, 0]))[0].tolist()
    [6, 7, 8, 5]
    """
    starts = offsets[indices]
    ends = offsets_of(offsets[indices + 1] - starts)
    return copy_runs(values, starts, ends), ends
