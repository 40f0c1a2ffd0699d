"""Negatives from A's own document: B is a run of its sentences that is not adjacent to A."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.arrays.compiled import compiled
from nspdata.instances.chunks import chunk_end, long_enough, nearest_end
from nspdata.instances.pool import below

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nspdata.instances.chunks import PairRules
    from nspdata.instances.pool import Text

TRIES = 64
"""Maximum sentences of the document to try as the start of B, if B must fit."""


@compiled
def has_elsewhere(first: int, sentence: int, end: int) -> bool:
    """Whether a document has a sentence that is neither in nor next to an A of at least this sentence.

    >>> [has_elsewhere(0, sentence, 3) for sentence in range(3)]
    [True, False, True]
    """
    return sentence - first >= 2 or end - sentence >= 3


@compiled
def draw_elsewhere(text: Text, rules: PairRules, draw: NDArray[np.int64], target: int, row: NDArray[np.int64]) -> None:
    """Replaces B by other sentences of A's document, with at least one sentence between A and B.

    The candidates are the sentences before and after A. A loses its last sentences if it leaves no candidate; these start the next
    chunk. If chunks must fit, B is about as long as the one that it replaces, and A may be shortened so that B fits.
    """
    offsets, begin = text.sentence_offsets, row[2]
    first, end = text.document_offsets[row[0]], text.document_offsets[row[0] + 1]
    wanted = offsets[row[5]] - offsets[row[3]] if rules.fits and not rules.single else 0
    total = offsets[row[5]] - offsets[begin] if wanted else target
    if begin - first < 2:
        row[3] = min(row[3], end - 2)
    row[4] = _start(offsets, (first, begin - 1), (row[3] + 1, end), wanted, draw[5])
    if rules.fits:
        _fit(offsets, first, end, rules.max_tokens, row)
    last = begin - 1 if row[4] < begin else end
    length = offsets[row[3]] - offsets[begin]
    if rules.single:
        row[5] = row[4] + 1
    elif rules.fits:
        row[5] = nearest_end(offsets, row[4], last, total - length, rules.max_tokens - length)
    else:
        row[5] = chunk_end(offsets, row[4], last, (target - length, rules.max_tokens), rules)


@compiled
def _start(offsets: NDArray[np.int64], before: tuple[int, int], after: tuple[int, int], wanted: int, draw: int) -> int:
    """Returns the first sentence of B: any with enough tokens up to the end of its range, else the first of the longer range."""
    few, more = long_enough(offsets, before[0], before[1], wanted), long_enough(offsets, after[0], after[1], wanted)
    if few + more:
        place = below(draw, few + more)
        return before[0] + place if place < few else after[0] + place - few
    length_before = offsets[before[1]] - offsets[before[0]] if before[1] > before[0] else 0
    length_after = offsets[after[1]] - offsets[after[0]] if after[1] > after[0] else 0
    return before[0] if length_before > length_after else after[0]


@compiled
def _fit(offsets: NDArray[np.int64], first: int, end: int, max_tokens: int, row: NDArray[np.int64]) -> None:
    """Moves the start of B to the next candidate that fits together with A. If none fits, A loses its last sentence.

    The search wraps to the first candidate. If A is a single sentence and nothing fits, both stay as they are.
    """
    begin, start = row[2], row[4]
    before = max(0, begin - 1 - first)
    while True:
        most = max_tokens - (offsets[row[3]] - offsets[begin])
        number = before + max(0, end - row[3] - 1)
        place = start - first if start < begin else before + start - row[3] - 1
        for step in range(min(TRIES, number)):
            index = (place + step) % number
            found = first + index if index < before else row[3] + 1 + index - before
            if offsets[found + 1] - offsets[found] <= most:
                row[4] = found
                return
        if row[3] == begin + 1:
            return
        row[3] -= 1
