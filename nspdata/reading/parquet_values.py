"""Reads the lengths and levels inside pages of Parquet, which pyarrow decodes without a bound.

A page of a few bytes can hold any number of lengths (encodings `DELTA_*`), and a row of a list any number of pages.
"""

from __future__ import annotations

from typing import Any

import numpy as np

DELTA_LENGTHS, DELTA_TEXTS = 6, 7
"""The encodings DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY."""

UNPACKED = 1 << 16
"""Numbers that are unpacked together, a multiple of 8."""

Integers = np.ndarray[Any, np.dtype[np.int64]]


def text_lengths(data: bytes, encoding: int, most: int) -> Integers:
    """The length of each text of a page.

    Args:
        data: the page without its levels.
        encoding: `DELTA_LENGTHS` or `DELTA_TEXTS`.
        most: the number of values in the header of the page.

    Raises:
        ValueError: the lengths are corrupt, or more than the header says.
    """
    lengths, end = integers(data, 0, most)
    if encoding == DELTA_TEXTS:
        rest, _ = integers(data, end, most)
        if len(rest) != len(lengths):
            raise ValueError(f"a page has {len(lengths)} prefixes and {len(rest)} suffixes")
        lengths = lengths + rest
    if len(lengths) and lengths.min() < 0:
        raise ValueError("a page has a text of negative length")
    return lengths


def integers(data: bytes, position: int, most: int) -> tuple[Integers, int]:
    """The integers of a DELTA_BINARY_PACKED sequence, and the offset of its end.

    Raises:
        ValueError: the sequence is corrupt, or longer than `most`.
    """
    block, position = varint(data, position)
    in_block, position = varint(data, position)
    count, position = varint(data, position)
    first, position = varint(data, position)
    if count > most:
        raise ValueError(f"a page has {count:,} lengths for {most:,} values")
    if not in_block or block % in_block or block // in_block % 8 or not block:
        raise ValueError("a page has blocks of an impossible size")
    size, left = block // in_block, count - 1
    pieces = [np.array([_signed(first)][:count], np.int64)]
    while left > 0:
        smallest, position = varint(data, position)
        widths, position = data[position : position + in_block], position + in_block
        for width in widths:
            if left <= 0:
                break
            end = position + size * width // 8
            pieces.append(unpacked(data[position:end], width, min(left, size)) + _signed(smallest))
            position, left = end, left - size
        if len(widths) < in_block:
            raise ValueError("the lengths of a page are cut off")
    return np.concatenate(pieces).cumsum(), position


def starts_row(levels: bytes, width: int, count: int) -> bool:
    """Whether a repetition level of a page is 0: a row starts there.

    Args:
        levels: runs in the encoding RLE.
        width: bits of a level.
        count: number of levels.
    """
    position = 0
    while count > 0 and position < len(levels):
        head, position = varint(levels, position)
        if head & 1:
            size = (head >> 1) * width
            if not unpacked(levels[position : position + size], width, min(count, (head >> 1) * 8)).all():
                return True
            position, count = position + size, count - (head >> 1) * 8
        else:
            size = -(-width // 8)
            if head and not any(levels[position : position + size]):
                return True
            position, count = position + size, count - (head >> 1)
    return False


def longest_text(data: bytes) -> int:
    """Bytes of the longest text of a dictionary page, which is plain: a length of four bytes before each text."""
    longest = position = 0
    while position + 4 <= len(data):
        size = int.from_bytes(data[position : position + 4], "little")
        longest, position = max(longest, size), position + 4 + size
    return min(longest, len(data))


def varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of up to 64 bits, and the offset of its end.

    Raises:
        ValueError: the number is cut off or too long.
    """
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("a number of a page is cut off")
        byte, position = data[position], position + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80 and value < 1 << 64:
            return value, position
    raise ValueError("a number of a page is too long")


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def unpacked(data: bytes, width: int, count: int) -> Integers:
    """Integers of `width` bits, the lowest bit first."""
    if width > 64 or len(data) * 8 < count * width:
        raise ValueError("the numbers of a page are cut off")
    found = np.zeros(count, np.int64)
    for start in range(0, count if width else 0, UNPACKED):
        size = min(UNPACKED, count - start)
        packed = np.frombuffer(data, np.uint8, -(-size * width // 8), start * width // 8)
        bits = np.zeros((size, 64), np.uint8)
        bits[:, :width] = np.unpackbits(packed, bitorder="little")[: size * width].reshape(size, width)
        found[start : start + size] = np.packbits(bits, axis=1, bitorder="little").view("<i8").ravel()
    return found
