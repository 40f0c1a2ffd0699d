"""A table of words that occurred, with their pieces: most words of a text are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.tokenization.fast.characters import NUM_CHARACTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEMO_SLOTS = 1 << 17
"""Words whose pieces are remembered, 32 bytes each, 4 MB: a word that is not found costs more than a miss of the processor's cache."""

ASCII_LETTERS = 16
"""Characters of the longest ASCII word that is remembered: two keys of eight."""

MEMO_SHIFT = np.uint64(64 - 17)
ONE, SIX, LAST, MOST_BITS = (np.uint64(number) for number in (1, 6, 63, 128))
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


class WordMemo:
    """The pieces of words that occurred, in a table that forgets a word when another one takes its slot.

    The key of a word is the word itself, packed into two numbers, so a hit is exact.

    Attributes:
        entries: shape (MEMO_SLOTS, 4), uint64: the two numbers of `packed`, 0 and 0 for an empty slot; then 128 bits of `id_bits` each, of which
            the first are the number of pieces, and the others their ids.
        id_bits: 16 or 32, as the ids of the vocabulary need. Words of more than 7 or 3 pieces are not remembered.
        single: shape (0x110000,), int32: one more than the id of a word of this one character; 0 if it has not occurred.
    """

    def __init__(self, id_bits: int) -> None:
        self.entries = np.zeros((MEMO_SLOTS, 4), np.uint64)
        self.id_bits = np.uint64(id_bits)
        self.single = np.zeros(NUM_CHARACTERS, np.int32)


@compiled
def write_remembered(entries: NDArray[np.uint64], slot: Any, id_bits: Any, ids: NDArray[Any], count: Any) -> Any:
    """Writes the ids of the word in a slot; returns the new number of ids."""
    value, mask = entries[slot, 2], (ONE << id_bits) - ONE
    ids[count] = (value >> id_bits) & mask
    for piece in range(2, np.int64(value & mask) + 1):
        place = id_bits * np.uint64(piece)
        ids[count + piece - 1] = (entries[slot, 2 + np.int64(place >> SIX)] >> (place & LAST)) & mask
    return count + np.int64(value & mask)


@compiled
def remember(
    entries: NDArray[np.uint64],
    slot: Any,
    first: Any,
    second: Any,
    id_bits: Any,
    ids: NDArray[Any],
    begin: Any,
    end: Any,
) -> None:
    """Puts a word and its ids into a slot, unless they are too many."""
    if np.uint64(end - begin + 1) * id_bits > MOST_BITS:
        return
    entries[slot, 0], entries[slot, 1] = first, second
    entries[slot, 2], entries[slot, 3] = np.uint64(end - begin), np.uint64(0)
    for piece in range(begin, end):
        place = id_bits * np.uint64(piece - begin + 1)
        entries[slot, 2 + np.int64(place >> SIX)] |= np.uint64(ids[piece]) << (place & LAST)


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
