"""Several rows in one sequence: best-fit decreasing on a histogram of lengths (Krell et al. 2021, arXiv:2107.02027)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.ragged import offsets

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pack(lengths: NDArray[np.int64], capacity: int) -> NDArray[np.int64]:
    """Assigns rows to packs, the longest first, each to the pack where the least space is left.

    All rows of one length are placed together, so the cost grows with the number of distinct lengths, not with the number of rows.

    Args:
        lengths: shape (num_rows,), int64, tokens of each row, at most `capacity`.
        capacity: tokens of a pack.

    Returns:
        The pack of each row, shape (num_rows,), int64, counted from 0.

    >>> pack(np.array([3, 5, 8, 2, 6]), 8).tolist()
    [2, 2, 0, 1, 1]
    """
    by_length = np.argsort(-lengths, kind="stable")
    values, firsts, counts = np.unique(-lengths[by_length], return_index=True, return_counts=True)
    pack_of = np.empty(len(lengths), np.int64)
    room: list[list[NDArray[np.int64]]] = [[] for _ in range(capacity + 1)]
    num_packs = 0
    for length, first, count in zip((-values).tolist(), firsts.tolist(), counts.tolist(), strict=True):
        placed = 0
        while placed < count:
            left = next((left for left in range(length, capacity + 1) if room[left]), None)
            if left is None:
                left, opened = capacity, -(-(count - placed) // (capacity // length))
                packs = np.arange(num_packs, num_packs + opened)
                num_packs += opened
            else:
                packs = room[left].pop()
            some = packs[: count - placed]
            if len(some) < len(packs):
                room[left].append(packs[len(some) :])
            pack_of[by_length[first + placed : first + placed + len(some)]] = some
            if left > length:
                room[left - length].append(some)
            placed += len(some)
    return pack_of


def pack_rows(
    order: NDArray[np.int64], lengths: NDArray[np.int64], capacity: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Packs rows that come in a given order.

    Args:
        order: shape (num_rows,), int64: row indices in the order of the epoch.
        lengths: shape (num_rows,), int64, by row index.
        capacity: tokens of a pack.

    Returns:
        The row indices, pack after pack, shape (num_rows,), int64, and where each pack begins, shape (num_packs + 1,), int64.
    """
    pack_of = pack(lengths[order], capacity)
    return order[np.argsort(pack_of, kind="stable")], offsets(np.bincount(pack_of))
