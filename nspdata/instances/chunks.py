"""How many sentences a segment or a pair holds: runs of sentences up to a number of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np  # noqa: TC002 - for the examples

from nspdata.arrays.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PairRules(NamedTuple):
    """How pairs are made: `PairingConfig` as the compiled loop reads it.

    Attributes:
        max_tokens: tokens of A and B together, at most.
        short_below: a 32-bit draw under this gives a short target.
        random_next_prob: share of label 1.
        single: A and B are single sentences.
        swaps: label 1 is A and B swapped (`sop`).
        similar: B's document shares a rare token with A.
        same: with label 1, B is from another place of A's document.
        fits: a chunk ends before it has more than `max_tokens`.
    """

    max_tokens: int
    short_below: int
    random_next_prob: float
    single: bool
    swaps: bool
    similar: bool
    same: bool
    fits: bool


@compiled
def chunk_end(
    sentence_offsets: NDArray[np.int64], sentence: int, end: int, lengths: tuple[int, int], rules: PairRules
) -> int:
    """Returns the end of a chunk: after two sentences, or after as many as reach the target; at most `end`.

    `lengths` are the target and, if chunks must fit, the most tokens. The first sentence is always taken.
    """
    target, most = lengths
    if rules.single:
        return min(sentence + 2, end)
    begin, stop = sentence_offsets[sentence], sentence + 1
    while stop < end and sentence_offsets[stop] - begin < target:
        if rules.fits and sentence_offsets[stop + 1] - begin > most:
            break
        stop += 1
    return stop


@compiled
def with_last(sentence_offsets: NDArray[np.int64], sentence: int, stop: int, most: int) -> int:
    """Returns the end of a chunk that precedes the document's last sentence, so that this sentence is not left alone.

    A single remaining sentence could only be in a negative, and in no `sop` pair. A chunk of two sentences is not shortened.
    """
    if sentence_offsets[stop + 1] - sentence_offsets[sentence] <= most:
        return stop + 1
    return max(stop - 1, min(sentence + 2, stop))


@compiled
def num_starts(sentence_offsets: NDArray[np.int64], first: int, last: int, wanted: int) -> int:
    """Returns how many sentences of a document, from its first, have at least `wanted` tokens up to its end; at least 1.

    >>> num_starts(np.array([0, 10, 20, 30]), 0, 3, 15), num_starts(np.array([0, 10, 20, 30]), 0, 3, 40)
    (2, 1)
    """
    return max(1, long_enough(sentence_offsets, first, last, wanted))


@compiled
def long_enough(sentence_offsets: NDArray[np.int64], first: int, last: int, wanted: int) -> int:
    """Returns how many sentences of a range, from its first, have at least `wanted` tokens up to its end."""
    latest = sentence_offsets[last] - wanted
    low, high = first, max(first, last)
    while low < high:  # numba takes longer to compile `np.searchsorted`
        middle = (low + high) >> 1
        if sentence_offsets[middle] <= latest:
            low = middle + 1
        else:
            high = middle
    return low - first


@compiled
def nearest_end(sentence_offsets: NDArray[np.int64], sentence: int, last: int, wanted: int, most: int) -> int:
    """Returns the end of the run whose tokens are closest to the wanted number and at most `most`."""
    begin, stop = sentence_offsets[sentence], sentence + 1
    while stop < last:
        held, more = sentence_offsets[stop] - begin, sentence_offsets[stop + 1] - begin
        if more > most or abs(more - wanted) > abs(held - wanted):
            break
        stop += 1
    return stop
