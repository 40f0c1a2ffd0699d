"""Reads the page headers of a Parquet file, to know the memory that its pages need before they are decompressed.

pyarrow has no access to page headers. They are small structures in Thrift's compact encoding, of which three numbers are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOWS = (1 << 12, 1 << 16, 1 << 20, 1 << 24)
"""Bytes read for a header, the next size if it is longer; pyarrow's limit is 16 MiB too."""

DICTIONARY_PAGE = 2

MAX_DEPTH = 16

BOOLEANS, BYTE, INTEGERS, DOUBLE, BINARY, LISTS, MAP, STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 11, 12
"""Types of the compact encoding."""

Fields = dict[int, Any]


class _Compact:
    """Reads a structure; an `IndexError` means that it is longer than the data, a `ValueError` that it is corrupt."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def byte(self) -> int:
        self.position += 1
        return self.data[self.position - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number of a page header is too long")

    def integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, size: int) -> None:
        self.position += size
        if self.position > len(self.data):
            raise IndexError

    def value(self, kind: int, depth: int, *, inside: bool = False) -> Any:
        """An integer or a structure; None for other values, which are skipped."""
        if kind in BOOLEANS:
            self.skip(1 if inside else 0)
        elif kind == BYTE:
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
            head = self.byte()
            for _ in range(self.varint() if head >> 4 == 15 else head >> 4):
                self.value(head & 15, depth + 1, inside=True)
        else:
            raise ValueError("a page header has an unexpected type")
        return None

    def fields(self, depth: int = 0) -> Fields:
        """The fields of a structure by their numbers."""
        if depth > MAX_DEPTH:
            raise ValueError("a page header is nested too deeply")
        found: Fields = {}
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.integer()
            found[number] = self.value(head & 15, depth)
        return found


@dataclass(frozen=True, slots=True)
class Pages:
    """The sizes of the pages of a column chunk.

    Attributes:
        dictionary: decompressed bytes of the dictionary page; 0 if there is none.
        largest: decompressed bytes of the largest other page.
        both: compressed and decompressed bytes of the page for which they are the most.
    """

    dictionary: int = 0
    largest: int = 0
    both: int = 0

    @property
    def need(self) -> int:
        """Bytes of memory while the pages are read one after the other. pyarrow copies the dictionary."""
        return 2 * self.dictionary + self.both

    @property
    def longest_value(self) -> int:
        """A bound of the bytes of one value."""
        return max(self.dictionary, self.largest)


def pages_of(stream: Any, described: Any) -> Pages:
    """The sizes in the page headers of a column chunk, up to the first corrupt one, where pyarrow stops too.

    Args:
        stream: the file; its position changes.
        described: pyarrow's metadata of the column chunk.
    """
    dictionary = largest = both = 0
    for kind, decompressed, compressed in _headers(stream, described):
        if kind == DICTIONARY_PAGE:
            dictionary = max(dictionary, decompressed)
        else:
            largest = max(largest, decompressed)
        both = max(both, decompressed + compressed)
    return Pages(dictionary, largest, both)


def _headers(stream: Any, described: Any) -> Iterator[tuple[int, int, int]]:
    start = described.data_page_offset
    if described.has_dictionary_page and described.dictionary_page_offset:
        start = min(start, described.dictionary_page_offset)
    end = min(start + described.total_compressed_size, stream.seek(0, 2))
    while 0 <= start < end:
        fields, size = _header(stream, start)
        kind, decompressed, compressed = (fields.get(number) for number in (1, 2, 3))
        if not (isinstance(kind, int) and isinstance(decompressed, int) and isinstance(compressed, int)):
            return
        if decompressed < 0 or compressed < 0:
            return
        yield kind, decompressed, compressed
        start += size + compressed


def _header(stream: Any, start: int) -> tuple[Fields, int]:
    """The fields of the header at an offset, and its size; no fields if it cannot be read."""
    for window in WINDOWS:
        stream.seek(start)
        data = stream.read(window)
        compact = _Compact(data)
        try:
            return compact.fields(), compact.position
        except IndexError:
            if len(data) < window:
                break
        except ValueError:
            break
    return {}, 0
