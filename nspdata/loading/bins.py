"""Length bins: each step takes rows of similar length, on every rank, in an order that depends on the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.random import stream
from nspdata.errors import ConfigError
from nspdata.loading.order import permutation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.loading.order import Plan


def bin_bounds(bins: int | tuple[int, ...], max_seq_length: int) -> tuple[int, ...]:
    """The longest row of each bin, ascending; a number of bins gives bins of equal width.

    Raises:
        ConfigError: not ascending, or the last is shorter than the longest row.

    >>> bin_bounds(4, 128)
    (32, 64, 96, 128)
    """
    if isinstance(bins, int):
        if not 1 <= bins <= max_seq_length:
            raise ConfigError(f"bins must be from 1 to max_seq_length {max_seq_length}, not {bins}")
        return tuple(max_seq_length * (index + 1) // bins for index in range(bins))
    bounds = tuple(bins)
    if list(bounds) != sorted(set(bounds)) or not bounds or bounds[0] < 1 or bounds[-1] < max_seq_length:
        raise ConfigError(
            f"bins are the longest rows of each bin, ascending, the last at least max_seq_length {max_seq_length}; not {bins}"
        )
    return bounds


def bin_rows(
    order: NDArray[np.int64], bin_of: NDArray[np.int64], *, step_rows: int, plan: Plan, window: int
) -> NDArray[np.int64]:
    """Reorders the rows of a window so that each step of the epoch takes rows of one bin.

    Steps are runs of `step_rows` rows of the whole epoch. Rows of a bin beyond a multiple of that come first and last in the
    window, sorted by bin; these few steps mix neighbouring bins.

    Args:
        order: shape (num_rows,), int64: row indices in the order of the epoch.
        bin_of: shape (num_rows,), int64, by row index.
        step_rows: rows of one step over all ranks.
        plan: the epoch.
        window: index of the window of these rows.

    Returns:
        Row indices in the new order, shape (num_rows,), int64.
    """
    ordered = order[np.argsort(bin_of[order], kind="stable")]
    bins = bin_of[ordered]
    firsts, counts = np.unique(bins, return_index=True, return_counts=True)[1:]
    rank = np.arange(len(bins)) - np.repeat(firsts, counts)
    lead = min(-plan.window_start(window) % step_rows, len(order))
    whole = rank < np.repeat(counts // step_rows * step_rows, counts)
    steps, rest = ordered[whole].reshape(-1, step_rows), ordered[~whole]
    while len(rest) < lead:  # divide a step to complete the one that the previous window started
        steps, rest = steps[:-1], np.concatenate([rest, steps[-1]])
    tail = (len(rest) - lead) % step_rows
    mixed = rest[lead : len(rest) - tail].reshape(-1, step_rows)
    steps = np.concatenate([steps, mixed])
    if plan.shuffled:
        epoch, number = plan.key(window)
        steps = steps[permutation(stream(plan.seed, "order.bins", shard=number, duplicate=epoch), len(steps))]
    return np.concatenate([rest[:lead], steps.ravel(), rest[len(rest) - tail :]])
