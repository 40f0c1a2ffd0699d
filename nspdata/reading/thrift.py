"""Reads structures in Thrift's compact encoding, as the footer and the page headers of Parquet files are."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 16

BOOLEANS, BYTE, INTEGERS, DOUBLE, BINARY, LISTS, MAP, STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 11, 12
"""Types of the compact encoding."""

Fields = dict[int, Any]


class Compact:
    """Reads a structure; an `IndexError` means that it is longer than the data, a `ValueError` that it is corrupt."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def byte(self) -> int:
        """A byte."""
        self.position += 1
        return self.data[self.position - 1]

    def varint(self) -> int:
        """A number without a sign."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number of a Parquet header is too long")

    def integer(self) -> int:
        """A number."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, size: int) -> None:
        """Skips bytes."""
        self.position += size
        if self.position > len(self.data):
            raise IndexError

    def value(self, kind: int, depth: int, *, inside: bool = False) -> Any:
        """An integer, a boolean, a list or a structure; None for other values, which are skipped."""
        if kind in BOOLEANS:
            self.skip(1 if inside else 0)
            return kind == 1
        if kind == BYTE:
            self.skip(1)
        elif kind in INTEGERS:
            return self.integer()
        elif kind == DOUBLE:
            self.skip(8)
        elif kind == BINARY:
            self.skip(self.varint())
        elif kind == STRUCT:
            return self.fields(depth + 1)
        elif kind in LISTS:
            return self.items(depth + 1)
        else:
            raise ValueError("a Parquet header has an unexpected type")
        return None

    def items(self, depth: int) -> list[Any]:
        """The items of a list."""
        if depth > MAX_DEPTH:
            raise ValueError("a Parquet header is nested too deeply")
        head = self.byte()
        count = self.varint() if head >> 4 == 15 else head >> 4
        return [self.value(head & 15, depth, inside=True) for _ in range(count)]

    def fields(self, depth: int = 0) -> Fields:
        """The fields of a structure by their numbers."""
        if depth > MAX_DEPTH:
            raise ValueError("a Parquet header is nested too deeply")
        found: Fields = {}
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.integer()
            found[number] = self.value(head & 15, depth)
        return found
