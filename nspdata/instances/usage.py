"""Which tokens of the corpus the rows contain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances.pairs import Pairs


class UsedTokens:
    """The distinct corpus tokens that are in at least one row of their own document, counted pass by pass.

    These are the tokens of every A, and of every B that is the text next to A. A random B does not count: its tokens are
    in the rows of its own document, or in none. Only the union of the ranges is held, however many passes there are.
    """

    def __init__(self, *, swaps: bool) -> None:
        """Counts nothing yet.

        Args:
            swaps: whether label 1 means that A and B, which are neighbours, were swapped (`sop`).
        """
        self._swaps = swaps
        self._starts = self._ends = np.zeros(0, np.int64)

    def add(self, pairs: Pairs) -> None:
        """Adds the pairs of a pass over the same documents; a missing B is an empty range."""
        own = np.ones(len(pairs), np.bool_) if self._swaps else pairs.label == 0
        starts = np.concatenate([pairs.start_a, pairs.start_b[own]])
        ends = starts + np.concatenate([pairs.length_a, pairs.length_b[own]])
        self._starts, self._ends = union(np.concatenate([self._starts, starts]), np.concatenate([self._ends, ends]))

    def __len__(self) -> int:
        return int((self._ends - self._starts).sum())


def union(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the union of the ranges [start, end) as ranges that neither overlap nor touch, in order.

    Args:
        starts: shape (num_ranges,), int64, in any order.
        ends: shape (num_ranges,), int64; ranges may overlap.

    >>> union(np.array([4, 0, 5, 3]), np.array([6, 3, 9, 3]))
    (array([0, 4]), array([3, 9]))
    """
    order = np.argsort(starts, kind="stable")
    begins, reached = starts[order], np.maximum.accumulate(ends[order])
    apart = np.ones(len(order), np.bool_)
    apart[1:] = begins[1:] > reached[:-1]
    last = np.ones(len(order), np.bool_)
    last[:-1] = apart[1:]
    return begins[apart], reached[last]
