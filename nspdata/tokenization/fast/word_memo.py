"""A table of words that occurred, with their pieces: most words of a text are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.tokenization.fast.characters import NUM_CHARACTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEMO_SLOTS = 1 << 15
"""Words whose pieces are remembered: with 16 bytes of key and 32 of ids each, 1.5 MB, which stays in a processor's cache."""

MEMO_PIECES = 7
"""Words of more pieces are not remembered."""

ASCII_LETTERS = 16
"""Characters of the longest ASCII word that is remembered: two keys of eight."""

MEMO_SHIFT = np.uint64(64 - 15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


class WordMemo:
    """The pieces of words that occurred, in a table that forgets a word when another one takes its slot.

    The key of a word is the word itself, packed into two numbers, so a hit is exact.

    Attributes:
        keys: shape (MEMO_SLOTS, 2), uint64: see `packed`; 0 and 0 for an empty slot.
        pieces: shape (MEMO_SLOTS, 1 + MEMO_PIECES), int32: the number of pieces, then their ids.
        single: shape (0x110000,), int32: one more than the id of a word of this one character; 0 if it has not occurred.
    """

    def __init__(self) -> None:
        self.keys = np.zeros((MEMO_SLOTS, 2), np.uint64)
        self.pieces = np.zeros((MEMO_SLOTS, 1 + MEMO_PIECES), np.int32)
        self.single = np.zeros(NUM_CHARACTERS, np.int32)


@compiled
def packed(word: NDArray[np.uint32], length: int) -> tuple[Any, Any]:
    """A word as two numbers that no other word has; 0 and 0 if it is too long.

    ASCII has 8 bits a character and up to 16 characters. Others have 11, 16 or 21 bits, as many as their greatest code needs,
    for up to 10, 6 or 4 characters, and the greatest two bits of the first number say how many. No character has code 0.
    """
    first, second = np.uint64(0), np.uint64(0)
    every = np.uint32(0)
    for index in range(min(length, ASCII_LETTERS)):
        every |= word[index]
    bits, half, kind = 8, 8, 0
    if every >= 0x10000:
        bits, half, kind = 21, 2, 3
    elif every >= 0x800:
        bits, half, kind = 16, 3, 2
    elif every >= 0x80:
        bits, half, kind = 11, 5, 1
    if length > 2 * half:
        return np.uint64(0), np.uint64(0)
    for index in range(min(length, half)):
        first |= np.uint64(word[index]) << np.uint64(bits * index)
    for index in range(half, length):
        second |= np.uint64(word[index]) << np.uint64(bits * (index - half))
    return first | (np.uint64(kind) << np.uint64(62)), second


@compiled
def slot_of(first: Any, second: Any) -> Any:
    """The slot of a key."""
    mixed = (first * FIRST_FACTOR) ^ (second * SECOND_FACTOR)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) >> MEMO_SHIFT)
