"""Reads the page headers of a Parquet file, to know the memory that its pages need before they are decompressed.

pyarrow has no access to page headers. They are small structures in Thrift's compact encoding, of which a few numbers are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nspdata.reading import parquet_values as values
from nspdata.reading.thrift import Compact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.reading.parquet_footer import ColumnChunk
    from nspdata.reading.thrift import Fields

WINDOWS = (1 << 12, 1 << 16, 1 << 20, 1 << 24)
"""Bytes read for a header, the next size if it is longer; pyarrow's limit is 16 MiB too."""

DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_2 = 0, 2, 3
"""Types of pages."""

INSIDE = {DATA_PAGE: 5, DICTIONARY_PAGE: 7, DATA_PAGE_2: 8}
"""The field with the header of each type of page."""

DICTIONARY_ENCODINGS = (2, 8)
"""The encodings PLAIN_DICTIONARY and RLE_DICTIONARY."""

DELTA_ENCODINGS = (values.DELTA_LENGTHS, values.DELTA_TEXTS)

ITEM_BYTES = 16
"""Bytes of memory for each value beside its text: levels, index or length, offset."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the header of a page says.

    Attributes:
        kind: `DICTIONARY_PAGE` or another type.
        body: offset of its data in the file.
        decompressed: bytes.
        compressed: bytes.
        count: number of values, nulls included.
        encoding: of the values.
        levels: bytes of the repetition and definition levels in front of the data; None if they are in the data.
        is_compressed: whether the data are compressed.
    """

    kind: int
    body: int
    decompressed: int
    compressed: int
    count: int = 0
    encoding: int = 0
    levels: tuple[int, int] | None = None
    is_compressed: bool = True

    @property
    def lengths_bytes(self) -> int:
        """Bytes of memory for the lengths of its texts, which pyarrow decodes together."""
        return ITEM_BYTES * self.count if self.encoding in DELTA_ENCODINGS else 0


@dataclass(frozen=True, slots=True)
class Pages:
    """The sizes of the pages of a column chunk.

    Attributes:
        dictionary: decompressed bytes of the dictionary page; 0 if there is none.
        both: compressed and decompressed bytes of the page for which they are the most.
        longest_value: a bound of the bytes of one value, or of the values of a row in a list.
        row: bytes of memory for the longest row in a list; 0 for other columns.
    """

    dictionary: int = 0
    both: int = 0
    longest_value: int = 0
    row: int = 0

    @property
    def need(self) -> int:
        """Bytes of memory while the pages are read one after the other. pyarrow copies the dictionary."""
        return 2 * self.dictionary + self.both + self.row


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column chunk of a row group.

    Attributes:
        place: where it is in the file.
        column: pyarrow's description of the column.
        as_dictionary: whether pyarrow gives its values as a dictionary.
    """

    place: ColumnChunk
    column: Any
    as_dictionary: bool = False

    @property
    def in_list(self) -> bool:
        """Whether a row has any number of values."""
        return bool(self.column.max_repetition_level)


def pages_of(stream: Any, chunk: Chunk, bound: int) -> Pages:
    """The sizes in the page headers of a column chunk, up to the first corrupt one, where pyarrow stops too.

    Args:
        stream: the file; its position changes.
        chunk: the column chunk.
        bound: most bytes of memory. Pages that need more are not decompressed to look into them.

    Raises:
        ValueError: the lengths of the texts of a page are corrupt.
    """
    dictionary = largest = both = entry = 0
    sizes = []
    for page in _headers(stream, chunk.place):
        both = max(both, page.decompressed + page.compressed + page.lengths_bytes)
        if both > bound:
            return Pages(dictionary, both)
        if page.kind == DICTIONARY_PAGE:
            dictionary = max(dictionary, page.decompressed)
            if chunk.in_list and not chunk.as_dictionary:
                entry = values.longest_text(_content(stream, page, chunk)[1])
            continue
        size, longest = _texts(stream, page, chunk, entry)
        largest = max(largest, longest)
        if chunk.in_list:
            sizes.append(size + ITEM_BYTES * page.count)
    whole = sum(sizes)
    if whole > bound:
        row = _longest_row(stream, chunk, sizes)
        return Pages(dictionary, both, max(dictionary, row), row)
    return Pages(dictionary, both, max(dictionary, largest), whole)


def _texts(stream: Any, page: Page, chunk: Chunk, entry: int) -> tuple[int, int]:
    """A bound of the bytes of the decoded texts of a page, and of the longest one.

    `entry` is the longest text of the dictionary, where pyarrow repeats it.
    """
    if page.encoding in DELTA_ENCODINGS:
        lengths = values.text_lengths(_content(stream, page, chunk)[1], page.encoding, page.count)
        return int(lengths.sum()), int(lengths.max(initial=0))
    if entry and page.encoding in DICTIONARY_ENCODINGS:
        return entry * page.count, entry
    return page.decompressed, page.decompressed


def _longest_row(stream: Any, chunk: Chunk, sizes: list[int]) -> int:
    """Bytes of the pages with which a row has a part in common, for the row with the most."""
    longest = row = 0
    pages = (page for page in _headers(stream, chunk.place) if page.kind != DICTIONARY_PAGE)
    width = int(chunk.column.max_repetition_level).bit_length()
    for page, size in zip(pages, sizes, strict=False):
        row += size
        longest = max(longest, row)
        if values.starts_row(_content(stream, page, chunk)[0], width, page.count):
            row = size
    return longest


def _content(stream: Any, page: Page, chunk: Chunk) -> tuple[bytes, bytes]:
    """The repetition levels and the values of a page, decompressed."""
    stream.seek(page.body)
    data = stream.read(page.compressed)
    repeated, defined = page.levels or (0, 0)
    levels, data = data[: repeated + defined], data[repeated + defined :]
    codec = chunk.place.codec
    if codec != "uncompressed" and page.is_compressed and data:
        size = page.decompressed - len(levels)
        if size < 0:
            raise ValueError("a page is smaller than its levels")
        data = pa.decompress(data, size, codec=codec, asbytes=True)
    if page.levels or page.kind == DICTIONARY_PAGE:
        return levels[:repeated], data
    if chunk.in_list:
        levels, data = _cut(data)
    if chunk.column.max_definition_level:
        _, data = _cut(data)
    return levels, data


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Levels with their size in four bytes before them, and the rest."""
    end = 4 + int.from_bytes(data[:4], "little")
    return data[4:end], data[end:]


def _headers(stream: Any, place: ColumnChunk) -> Iterator[Page]:
    start, end = place.start, min(place.start + place.stored_bytes, stream.seek(0, 2))
    while start < end:
        fields, size = _header(stream, start)
        page = _page(fields, start + size)
        if page is None:
            return
        yield page
        start += size + page.compressed


def _page(fields: Fields, body: int) -> Page | None:
    """The page of a header; None if a number is missing or negative."""
    kind, decompressed, compressed = (fields.get(number) for number in (1, 2, 3))
    inside = fields.get(INSIDE.get(kind, 0)) if isinstance(kind, int) else None
    inside = inside if isinstance(inside, dict) else {}
    second = kind == DATA_PAGE_2
    numbers = [decompressed, compressed, inside.get(1, 0), inside.get(4 if second else 2, 0)]
    levels = [inside.get(6, 0), inside.get(5, 0)] if second else []
    if not isinstance(kind, int) or any(not isinstance(n, int) or n < 0 for n in (*numbers, *levels)):
        return None
    size, stored, count, encoding = numbers
    before = (levels[0], levels[1]) if second else None
    is_compressed = inside.get(7, True) is not False if second else True
    return Page(kind, body, size, stored, count=count, encoding=encoding, levels=before, is_compressed=is_compressed)


def _header(stream: Any, start: int) -> tuple[Fields, int]:
    """The fields of the header at an offset, and its size; no fields if it cannot be read."""
    for window in WINDOWS:
        stream.seek(start)
        data = stream.read(window)
        compact = Compact(data)
        try:
            return compact.fields(), compact.position
        except IndexError:
            if len(data) < window:
                break
        except ValueError:
            break
    return {}, 0
