"""Writes compressed files of which ranges can be read: bgzf, and zstd in frames. Plain implementations of their descriptions."""

from __future__ import annotations

import struct
import zlib
from itertools import accumulate
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Sequence

SKIPPABLE, SEEK_TABLE = 0x184D2A50, 0x184D2A5E


def bgzf(parts: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Blocks of these parts and an empty one, and their index as `bgzip --index` writes it."""
    blocks = []
    for part in [*parts, b""]:
        deflate = zlib.compressobj(wbits=-15)
        data = deflate.compress(part) + deflate.flush()
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(data) + 25)
        blocks.append(head + data + struct.pack("<II", zlib.crc32(part), len(part)))
    points = list(zip(accumulate(map(len, blocks[:-1])), accumulate(map(len, parts)), strict=True))[:-1]
    return b"".join(blocks), struct.pack("<Q", len(points)) + b"".join(struct.pack("<QQ", *point) for point in points)


def zstd(parts: Sequence[bytes], *, sizes: bool = True, skipped: bool = False, checksums: bool = False) -> bytes:
    """A frame for each part, with its decompressed size if `sizes`, after a frame without content if `skipped` (as `pzstd` writes)."""
    found = b""
    for part in parts:
        frame = zstandard.ZstdCompressor(write_content_size=sizes, write_checksum=checksums).compress(part)
        found += struct.pack("<III", SKIPPABLE, 4, len(frame)) * skipped + frame
    return found


def seekable_zstd(parts: Sequence[bytes], *, checksums: bool = False) -> bytes:
    """Frames that do not say their size, and the seek table at the end."""
    frames = [zstd([part], sizes=False) for part in parts]
    entries = [
        struct.pack("<II", len(frame), len(part)) + bytes(4 * checksums)
        for frame, part in zip(frames, parts, strict=True)
    ]
    table = b"".join(entries) + struct.pack("<IBI", len(parts), 0x80 * checksums, 0x8F92EAB1)
    return b"".join(frames) + struct.pack("<II", SEEK_TABLE, len(table)) + table
