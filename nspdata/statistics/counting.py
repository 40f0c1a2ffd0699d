"""Counts tokens, and the words that they form, in one compiled loop; without numba in slices, because numpy needs 8 bytes per id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled, is_compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

INSIDE, OTHER_WORD, LETTER_WORD = 0, 1, 2
"""Kinds of tokens: they continue a word, begin a word, or begin a word whose first character is a letter."""

COUNTED_AT_ONCE = 1 << 18


def count_tokens(ids: NDArray[Any], size: int) -> NDArray[np.int64]:
    """The count of each id.

    Raises:
        ValueError: an id is not below `size`.

    >>> count_tokens(np.array([2, 0, 2], np.uint16), 4).tolist()
    [1, 0, 2, 0]
    """
    return count_words(ids, np.zeros(size, np.uint8))[0]


def count_words(ids: NDArray[Any], kinds: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int, int]:
    """The count of each id, of the words that begin with a letter, and of the tokens of these words.

    Args:
        ids: shape (num_tokens,).
        kinds: shape (vocab_size,), the kind of each token.

    Raises:
        ValueError: an id is not below `vocab_size`.

    >>> kinds = np.array([LETTER_WORD, INSIDE, OTHER_WORD], np.uint8)
    >>> count_words(np.array([1, 0, 1, 2, 1, 0], np.uint16), kinds)[1:]  # "##s dog ##s , ##s dog"
    (2, 3)
    """
    counts = np.zeros(len(kinds), np.int64)
    if len(ids) and int(ids.max()) >= len(kinds):  # the compiled loop checks no bounds
        raise ValueError(f"an id is {int(ids.max())}; there are {len(kinds)} tokens")
    if is_compiled():
        words, tokens = _tally(ids, kinds, counts)
        return counts, int(words), int(tokens)
    words = tokens = 0
    inside = False  # whether the slice begins inside a word of letters
    for start in range(0, len(ids), COUNTED_AT_ONCE):
        some = ids[start : start + COUNTED_AT_ONCE]
        counts += np.bincount(some, minlength=len(kinds))
        begins = np.flatnonzero(kinds[some])
        chosen = kinds[some[begins]] == LETTER_WORD
        words += int(np.count_nonzero(chosen))
        tokens += int(np.diff(np.append(begins, len(some)))[chosen].sum())
        tokens += inside * int(begins[0] if len(begins) else len(some))
        inside = bool(chosen[-1]) if len(begins) else inside
    return counts, words, tokens


@compiled
def _tally(ids: NDArray[Any], kinds: NDArray[np.uint8], counts: NDArray[np.int64]) -> tuple[int, int]:
    words = tokens = 0
    inside = False
    for token in ids:
        counts[token] += 1
        if kinds[token] != INSIDE:
            inside = kinds[token] == LETTER_WORD
            words += inside
        tokens += inside
    return words, tokens
