"""Ragged data as flat values and offsets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled, is_compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


def offsets(lengths: NDArray[Any]) -> NDArray[np.int64]:
    """Start of each run of these lengths, and the end of the last: shape (len(lengths) + 1,), int64.

    >>> offsets(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    result = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=result[1:])
    return result


def ragged_indices(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices of all runs, concatenated: shape (lengths.sum(),), int64.

    >>> ragged_indices(np.array([7, 1]), np.array([2, 3])).tolist()
    [7, 8, 1, 2, 3]
    """
    ends = np.cumsum(lengths)
    if not len(ends):
        return np.zeros(0, np.int64)
    result = np.repeat(starts - (ends - lengths), lengths)
    result += np.arange(ends[-1])
    return result


def copy_runs(values: NDArray[Any], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[Any]:
    """Copies runs of values into one new array.

    Args:
        values: shape (num_values,).
        starts: shape (n,), int64: start of each run in `values`.
        ends: shape (n + 1,), int64: start of each run in the result, and the end of the last.

    >>> copy_runs(np.array([5, 6, 7, 8], np.uint16), np.array([2, 0]), np.array([0, 2, 3])).tolist()
    [7, 8, 5]
    """
    if not is_compiled():
        return values[ragged_indices(starts, np.diff(ends))]
    out = np.empty(int(ends[-1]), values.dtype)
    _copy_runs(values, starts, ends, out)
    return out


@compiled
def _copy_runs(values: NDArray[Any], starts: NDArray[np.int64], ends: NDArray[np.int64], out: NDArray[Any]) -> None:
    for run in range(len(starts)):
        begin, place = np.uint64(starts[run]), np.uint64(ends[run])  # unsigned: no check for negative indices
        for step in range(ends[run + 1] - ends[run]):
            out[place + np.uint64(step)] = values[begin + np.uint64(step)]


def take_runs(
    values: NDArray[Any], value_offsets: NDArray[np.int64], indices: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Selects runs of ragged values.

    Args:
        values: shape (num_values,).
        value_offsets: shape (num_runs + 1,), int64.
        indices: shape (n,), int64, which runs.

    Returns:
        The values of those runs, and their offsets, shape (n + 1,), int64.

    >>> import numpy as np
    >>> take_runs(np.array([5, 6, 7, 8]), np.array([0, 1, 1, 4]), np.array([2, 0]))[0].tolist()
    [6, 7, 8, 5]
    """
    starts = value_offsets[indices]
    ends = offsets(value_offsets[indices + 1] - starts)
    return copy_runs(values, starts, ends), ends
