"""Counts the characters of UTF-8 in one compiled loop: letters of ASCII eight at a time, all others one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.eights import HIGHEST, LOWEST, SEVEN, num_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWER_CASE = LOWEST * np.uint64(0x20)

FROM_A, AFTER_Z = (LOWEST * np.uint64(0x80 - byte) for byte in (ord("a"), ord("z") + 1))
"""Added to a byte under 0x80, they set its highest bit if it is not less than `a`, or greater than `z`."""

BLOCK = 64
"""Numbers of eight bytes that are searched for other characters only if they hold one."""


def count_utf8(utf8: bytes, kinds: NDArray[np.uint16], counts: NDArray[np.int64]) -> tuple[int, int]:
    """Returns the letters of ASCII in valid UTF-8, and its other ASCII characters; adds all others to `counts`, by their kind.

    >>> counts = np.zeros(2, np.int64)
    >>> count_utf8("déjà vu".encode(), np.ones(0x110000, np.uint16), counts), counts.tolist()
    ((4, 1), [0, 2])
    """
    eights = np.frombuffer(utf8, np.uint64, len(utf8) // 8)
    with np.errstate(over="ignore"):
        letters, ascii_characters = _count(np.frombuffer(utf8, np.uint8), eights, kinds, counts)
    return int(letters), int(ascii_characters - letters)


@compiled
def _count(
    utf8: NDArray[np.uint8], eights: NDArray[np.uint64], kinds: NDArray[np.uint16], counts: NDArray[np.int64]
) -> tuple[int, int]:
    letters, plain = 0, len(utf8)
    for begin in range(0, len(eights), BLOCK):
        end, every = min(begin + BLOCK, len(eights)), np.uint64(0)
        for place in range(begin, end):
            eight = eights[place]
            lower = (eight | LOWER_CASE) & ~HIGHEST
            found = (lower + FROM_A) & ~(lower + AFTER_Z) & ~eight & HIGHEST
            letters += num_bytes(found >> SEVEN)
            every |= eight
        if every & HIGHEST:
            for place in range(begin, end):
                if eights[place] & HIGHEST:
                    plain -= _count_others(utf8, 8 * place, 8 * place + 8, kinds, counts)
    for at in range(8 * len(eights), len(utf8)):
        letters += ord("a") <= utf8[at] | 0x20 <= ord("z")
    return letters, plain - _count_others(utf8, 8 * len(eights), len(utf8), kinds, counts)


@compiled
def _count_others(
    utf8: NDArray[np.uint8], begin: int, end: int, kinds: NDArray[np.uint16], counts: NDArray[np.int64]
) -> int:
    """Counts the characters beyond ASCII that begin in a range of bytes; returns their bytes."""
    num_bytes = 0
    for at in range(begin, end):
        first = np.int64(utf8[at])
        if first < 0xC0:
            continue
        length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        code = first & (0x7F >> length)
        for step in range(1, length):
            code = (code << 6) | (utf8[at + step] & 0x3F)
        counts[kinds[code]] += 1
        num_bytes += length
    return num_bytes
