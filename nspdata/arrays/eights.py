"""Eight bytes as one number, the first in the lowest bits: loops look at all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIGHEST, LOWEST = np.uint64(0x8080808080808080), np.uint64(0x0101010101010101)
"""The highest bit of each byte, and the lowest."""

ONE, TWO, THREE, FOUR, SEVEN, TOP, LAST = (np.uint64(number) for number in (1, 2, 3, 4, 7, 56, 63))


@compiled
def eight_from(words: NDArray[np.uint64], at: Any) -> Any:
    """The eight bytes from a place on, from their memory as numbers; 16 more bytes must follow."""
    place = np.uint64(at)
    shift, word = (place & SEVEN) << THREE, place >> THREE
    return (words[word] >> shift) | ((words[word + ONE] << ONE) << (LAST - shift))


@compiled
def bytes_before(found: Any) -> Any:
    """A mask of the bytes before the first one whose highest bit is set in `found`; no other bits are."""
    return ((found & (~found + ONE)) >> SEVEN) - ONE


@compiled
def num_bytes(mask: Any) -> Any:
    """The number of bytes whose lowest bit is set, such as those in a mask of `bytes_before`."""
    return np.int64(((mask & LOWEST) * LOWEST) >> TOP)
