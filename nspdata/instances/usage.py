"""Which tokens of the corpus the rows contain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nspdata.instances.pairs import Pairs


def used_tokens(passes: Sequence[Pairs], *, swaps: bool) -> int:
    """Returns the number of distinct corpus tokens that are in at least one row of their own document.

    These are the tokens of every A, and of every B that is the text next to A. A random B does not count: its tokens are
    in the rows of its own document, or in none.

    Args:
        passes: the pairs of each pass over the same documents.
        swaps: whether label 1 means that A and B, which are neighbours, were swapped (`sop`).
    """
    runs = [_own_runs(pairs, swaps=swaps) for pairs in passes]
    starts = np.concatenate([np.zeros(0, np.int64), *(starts for starts, _ in runs)])
    ends = np.concatenate([np.zeros(0, np.int64), *(ends for _, ends in runs)])
    return union_length(starts, ends)


def _own_runs(pairs: Pairs, *, swaps: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the start and end token of each segment to count; a missing B is an empty range."""
    own = np.ones(len(pairs), np.bool_) if swaps else pairs.label == 0
    starts = np.concatenate([pairs.start_a, pairs.start_b[own]])
    return starts, starts + np.concatenate([pairs.length_a, pairs.length_b[own]])


def union_length(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> int:
    """Returns the number of integers in the union of the ranges [start, end).

    Args:
        starts: shape (num_ranges,), int64, in any order.
        ends: shape (num_ranges,), int64; ranges may overlap.

    >>> union_length(np.array([4, 0, 5]), np.array([6, 3, 9]))
    8
    """
    order = np.argsort(starts, kind="stable")
    reached = np.maximum.accumulate(ends[order])
    before = np.concatenate([np.zeros(1, np.int64), reached])[: len(order)]
    return int((reached - np.maximum(before, starts[order])).sum())
