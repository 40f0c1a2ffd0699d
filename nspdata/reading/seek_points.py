"""Where the decompression of a file can begin, besides its first byte; such files are divided into ranges.

A seek point is a pair of offsets, in the compressed and in the decompressed file. They are found for

- bgzf, the blocks of `bgzip`: in the index `FILE.gzi` if there is one (`bgzip --index`), else in the headers of all blocks;
- zstd: in the seek table at the end of the file (the seekable format of facebook/zstd), else in the headers of all frames that say their size.

All headers are only read on a local disk: it takes a read for each block of the file.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from nspdata.reading.compression import FRAME_BEGINS, ZSTD_MAGIC
from nspdata.reading.sources import LINE_FORMATS
from nspdata.reading.units import LEAST_UNIT_BYTES, UNITS, expected_text_bytes, text_bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from nspdata.files.local import Files
    from nspdata.reading.sources import Source

    Point = tuple[int, int]

POINT_BYTES = 1 << 20
"""Compressed bytes between seek points that are kept, at least."""

BGZF = struct.Struct("<4s6xH2sHH")
"""The header of a block: magic number with the flag for an extra field, the field's size, name and size of its first part, size of the block less 1."""

BGZF_MAGIC, BGZF_FIELD = b"\x1f\x8b\x08\x04", (b"BC", 2)

SKIPPED = struct.Struct("<4xI")
"""The header of a frame without content: magic number, size of the rest."""

MOST_FRAMES, MOST_BLOCKS = 1 << 22, 1 << 22
"""Frames in a seek table, and blocks whose headers are read: no file of text has more, and a made one costs seconds at most."""

SEEK_TABLE = struct.Struct("<IBI")
"""The end of a file with a seek table: number of frames, flags, magic number."""

SEEK_TABLE_MAGIC, TABLE_CHECKSUMS = 0x8F92EAB1, 0x80

RLE_BLOCK = 1

MOST_HEADER_BYTES = 18
"""Of a zstd frame, and of a bgzf block."""


def with_seek_points(sources: Sequence[Source], files: Files) -> list[Source]:
    """Finds the seek points of the large compressed files of lines; a file is large if it has a 64th of the input."""
    found = list(sources)
    large = [
        index for index, source in enumerate(sources) if source.size_bytes > LEAST_UNIT_BYTES and _is_sought(source)
    ]
    least_bytes = expected_text_bytes(sources) // UNITS if large else 0
    for index in large:
        if text_bytes_of(source := sources[index]) >= least_bytes:
            found[index] = dataclasses.replace(source, seek_points=_seek_points(source, files))
    return found


def _is_sought(source: Source) -> bool:
    """Whether a file of this kind may have seek points."""
    return source.compression in FINDERS and source.format in LINE_FORMATS


def _seek_points(source: Source, files: Files) -> tuple[Point, ...]:
    kept = [(0, 0)]
    with files.open(source.path) as stream:
        for point in FINDERS[source.compression](source, files, stream):
            if point[0] >= source.size_bytes:
                break
            if point[0] - kept[-1][0] >= POINT_BYTES and point[1] > kept[-1][1]:
                kept.append(point)
    return tuple(kept[1:])


def _gzip_points(source: Source, files: Files, stream: BinaryIO) -> Iterator[Point]:
    """The beginnings of bgzf blocks; nothing for other gzip files."""
    first = _block_size(stream.read(BGZF.size))
    if first and files.exists(index := f"{source.path}.gzi"):
        with files.open(index) as file:
            yield from _indexed(file.read())
    elif "://" not in source.path:
        yield from _blocks(stream, first)


def _indexed(index: bytes) -> Iterator[Point]:
    """The points of a `.gzi` file: their number, and the two offsets of each."""
    count = int.from_bytes(index[:8], "little")
    if len(index) == 8 + 16 * count:
        yield from struct.iter_unpack("<QQ", index[8:])


def _blocks(stream: BinaryIO, size: int) -> Iterator[Point]:
    """The beginnings of bgzf blocks after the first, which has this size. A block ends with its decompressed size."""
    stored, place = 0, 0
    while size:
        stored += size
        stream.seek(stored - 4)
        data = stream.read(4 + BGZF.size)
        place += int.from_bytes(data[:4], "little")
        if size := _block_size(data[4:]):
            yield stored, place


def _block_size(header: bytes) -> int:
    """Bytes of a bgzf block, from its header; 0 if it is none."""
    if len(header) < BGZF.size:
        return 0
    magic, _, *field, size = BGZF.unpack(header)
    return size + 1 if magic == BGZF_MAGIC and tuple(field) == BGZF_FIELD and size > BGZF.size else 0


def _zstd_points(source: Source, _: Files, stream: BinaryIO) -> Iterator[Point]:
    """The beginnings of frames that are in the seek table, or whose distance from the beginning is known."""
    table = _seek_table(stream, source.size_bytes)
    if len(table):
        yield from ((int(stored), int(place)) for stored, place in table.cumsum(axis=0))
    elif "://" not in source.path:
        yield from _frames(stream)


def _seek_table(stream: BinaryIO, size_bytes: int) -> NDArray[np.int64]:
    """Compressed and decompressed size of each frame, shape (num_frames, 2); no rows if the file has no seek table."""
    stream.seek(size_bytes - SEEK_TABLE.size)
    count, flags, magic = SEEK_TABLE.unpack(stream.read(SEEK_TABLE.size))
    columns = 3 if flags & TABLE_CHECKSUMS else 2
    start = size_bytes - SEEK_TABLE.size - 4 * columns * count
    if magic != SEEK_TABLE_MAGIC or start < 0 or count > MOST_FRAMES:
        return np.zeros((0, 2), np.int64)
    stream.seek(start)
    return np.frombuffer(stream.read(4 * columns * count), "<u4").reshape(count, columns)[:, :2].astype(np.int64)


def _frames(stream: BinaryIO) -> Iterator[Point]:
    """The beginnings of frames after the first, until one does not say its decompressed size or is no frame."""
    import zstandard

    stored = place = num_blocks = 0
    while num_blocks < MOST_BLOCKS:
        stream.seek(stored)
        header = stream.read(MOST_HEADER_BYTES)
        if len(header) < SKIPPED.size or not FRAME_BEGINS["zstd"].match(header):
            return
        if stored:
            yield stored, place
        if not header.startswith(ZSTD_MAGIC):
            stored += SKIPPED.size + SKIPPED.unpack_from(header)[0]
            continue
        try:
            frame = zstandard.get_frame_parameters(header)
        except zstandard.ZstdError:
            return
        if frame.content_size == zstandard.CONTENTSIZE_UNKNOWN:
            return
        end, count = _end_of_blocks(stream, stored + zstandard.frame_header_size(header))
        stored, place = end + 4 * frame.has_checksum, place + frame.content_size
        num_blocks += count


def _end_of_blocks(stream: BinaryIO, position: int) -> tuple[int, int]:
    """The byte after the last block of a zstd frame whose first block begins at `position`, or after the end of the file; and the number of blocks."""
    last, count = False, 0
    while not last and count < MOST_BLOCKS:
        stream.seek(position)
        data = stream.read(3)
        header = int.from_bytes(data, "little")
        last = len(data) < 3 or bool(header & 1)
        position += 3 + (1 if (header >> 1) & 3 == RLE_BLOCK else header >> 3)
        count += 1
    return position, count


FINDERS = {"gzip": _gzip_points, "zstd": _zstd_points}
"""How the seek points of each compression are found."""
