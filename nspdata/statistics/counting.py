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
    if len(ids) and int(ids.max()) >= size:  # the compiled loop checks no bounds
        raise ValueError(f"an id is {int(ids.max())}; there are {size} tokens")
    counts = np.zeros(size, np.int64)
    if is_compiled():
        _count(ids, counts)
        return counts
    for start in range(0, len(ids), COUNTED_AT_ONCE):
        counts += np.bincount(ids[start : start + COUNTED_AT_ONCE], minlength=size)
    return counts


@compiled
def _count(ids: NDArray[Any], counts: NDArray[np.int64]) -> None:
    for token in ids:
        counts[token] += 1


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
    counts = count_tokens(ids, len(kinds))
    words = int(counts[kinds == LETTER_WORD].sum())
    if is_compiled():
        return counts, words, int(_count_tokens_of_words(ids, kinds))
    tokens, inside = 0, False  # whether the slice begins inside a word of letters
    for start in range(0, len(ids), COUNTED_AT_ONCE):
        some = ids[start : start + COUNTED_AT_ONCE]
        begins = np.flatnonzero(kinds[some])
        chosen = kinds[some[begins]] == LETTER_WORD
        tokens += int(np.diff(np.append(begins, len(some)))[chosen].sum())
        tokens += inside * int(begins[0] if len(begins) else len(some))
        inside = bool(chosen[-1]) if len(begins) else inside
    return counts, words, tokens


@compiled
def _count_tokens_of_words(ids: NDArray[Any], kinds: NDArray[np.uint8]) -> int:
    """The tokens of words that begin with a letter."""
    tokens, inside = 0, False
    for token in ids:  # without a branch, because no processor can guess it
        kind = kinds[token]
        inside = (kind == LETTER_WORD) | (inside & (kind == INSIDE))
        tokens += inside
    return tokens
