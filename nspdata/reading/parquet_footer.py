"""Reads where the column chunks of a Parquet file are.

pyarrow has this too, but `RowGroupMetaData.column` ends the process if the metadata of the column are corrupt or encrypted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nspdata.reading.thrift import Compact

if TYPE_CHECKING:
    from nspdata.reading.thrift import Fields

MAGIC = b"PAR1"

CODECS = ("uncompressed", "snappy", "gzip", "lzo", "brotli", "lz4_raw", "zstd", "lz4_raw")
"""Names of the compressions by their numbers."""


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """The part of a column that is in a row group.

    Attributes:
        start: offset of its first page.
        stored_bytes: size in the file.
        decompressed_bytes: size of its pages when they are decompressed.
        codec: name of the compression.
        encodings: numbers of the encodings of its pages.
    """

    start: int
    stored_bytes: int
    decompressed_bytes: int
    codec: str
    encodings: tuple[int, ...] = ()


def column_chunks(stream: Any) -> list[list[ColumnChunk]]:
    """The column chunks of each row group, in the order of the columns.

    Args:
        stream: the file; its position changes.

    Raises:
        ValueError: the footer is corrupt, or a column is encrypted or in another file.
    """
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 8))
    length = int.from_bytes(stream.read(4), "little")
    if stream.read(4) != MAGIC or length + 8 > size:
        raise ValueError("the footer of the file is corrupt or encrypted")
    stream.seek(size - 8 - length)
    try:
        groups = Compact(stream.read(length)).fields().get(4, [])
    except IndexError:
        raise ValueError("the footer of the file is cut off") from None
    return [[_chunk(_structure(column)) for column in _list(_structure(group).get(1))] for group in _list(groups)]


def _chunk(column: Fields) -> ColumnChunk:
    if 8 in column:
        raise ValueError("a column is encrypted; write the file without encryption")
    described = _structure(column.get(3))
    start, stored, decompressed = (_integer(described.get(number)) for number in (9, 7, 6))
    dictionary, codec = _integer(described.get(11, 0)), _integer(described.get(4))
    if 0 < dictionary < start:
        start = dictionary
    if codec >= len(CODECS):
        raise ValueError("a column has an unknown compression")
    encodings = tuple(number for number in _list(described.get(2)) if isinstance(number, int))
    return ColumnChunk(start, stored, decompressed, CODECS[codec], encodings)


def _structure(value: Any) -> Fields:
    if not isinstance(value, dict):
        raise ValueError("the footer of the file lacks a structure")  # noqa: TRY004 - corrupt data, not a wrong call
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("the footer of the file lacks a list")  # noqa: TRY004 - corrupt data, not a wrong call
    return value


def _integer(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("the footer of the file has a number that is missing or negative")
    return value
