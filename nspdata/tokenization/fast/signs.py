"""One byte per character: what the loops over texts ask most. Eight of them are compared at once, as one number.

A character that becomes one ASCII character of a word is that character. All others have the bit `OTHER` and some of the bits after it; the kind of
`Characters.kinds` is in the lowest bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

OTHER, IS_SPACE, IS_MARK, ENDS_WORD, ENDS_LINE, KIND = 0x80, 0x40, 0x20, 0x10, 0x08, 0x07
"""Bits of a character that is no plain one: white space of spaCy's; one of the marks of the sentence rules; a word ends before it; one of the two
characters that are counted as line ends; its kind."""

PADDING = OTHER | IS_SPACE | ENDS_WORD


def room_for(num_characters: int) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """Bytes for the signs of a text, with at least 16 of padding after them; and the same memory as numbers of eight bytes."""
    signs = np.empty((num_characters // 8 + 3) * 8, np.uint8)
    signs[num_characters:] = PADDING
    return signs, signs.view(np.uint64)


@compiled
def look_up_signs(codes: NDArray[np.uint32], table: NDArray[np.uint8], signs: NDArray[np.uint8]) -> bool:
    """Fills `signs`; returns whether the table has all characters."""
    missing = 0
    for at in range(len(codes)):
        sign = table[codes[at]]
        signs[at] = sign
        missing += sign == 0
    return missing == 0
