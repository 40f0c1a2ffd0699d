"""Decompresses bzip2 in several threads: the blocks of a stream, of up to 900 kB of text each, are independent of each other.

A block begins at any bit, with 48 bits that are searched for. It is decompressed as a stream of its own, which checks its
checksum; the checksum of the whole stream is made of those of its blocks.
"""

from __future__ import annotations

import bz2
import os
import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    Block = tuple[bytes, int, int]

LEAST_BYTES = 1 << 22
"""Size of a file from which on it is decompressed in threads."""

READ_BYTES = 1 << 22

MOST_THREADS = 4
"""They give text as fast as one process reads records."""

BLOCK, END = 0x314159265359, 0x177245385090
"""What a block, and the end of a stream, begin with: 48 bits each; 32 bits of a checksum follow."""

MARK_BITS, CHECKSUM_BITS = 48, 32

STREAM_HEADER = re.compile(rb"\0*BZh[1-9]")
"""Between two streams zeros are allowed: archives are padded with them."""


class UnexpectedStreamError(Exception):
    """The file is damaged, or other bytes are between its streams; the plain decompressor reads the rest."""


def num_threads() -> int:
    """Threads for a file: as many as this process has processors, up to `MOST_THREADS`."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_THREADS, allowed)


def are_worth_threads(size_bytes: int) -> bool:
    """Whether a file of this size is decompressed in threads."""
    return size_bytes >= LEAST_BYTES and num_threads() > 1


def decompressed_blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Yields the text of the blocks of a file in order. The first are not decompressed far ahead: perhaps only few are wanted.

    Raises:
        UnexpectedStreamError: after the text before the place.
    """
    pending: deque[Future[bytes]] = deque()
    threads, most = num_threads(), 1
    executor = ThreadPoolExecutor(threads, thread_name_prefix="nspdata-bzip2")
    try:
        for block in _blocks(stream):
            pending.append(executor.submit(_decompressed, *block))
            if len(pending) >= most:
                yield pending.popleft().result()
                most = min(most + 1, 2 * threads)
        while pending:
            yield pending.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)


def _blocks(stream: BinaryIO) -> Iterator[Block]:
    """Yields for each block the bytes that hold it, and its first bit and its end in them.

    Raises:
        UnexpectedStreamError: the blocks and streams do not follow each other, or the checksum of a stream is wrong.
    """
    data, checksum = b"", 0
    in_block, place = False, 0  # place: the bit at which the current block, or the header of the next stream, begins
    while more := stream.read(READ_BYTES):
        data += more
        for bit, kind in _marks(data, place + MARK_BITS if in_block else place):
            if in_block:
                yield data[place // 8 : -(-bit // 8)], place % 8, bit - place // 8 * 8
            elif bit % 8 or not STREAM_HEADER.fullmatch(data, place // 8, bit // 8):
                raise UnexpectedStreamError
            found = _bits(data, bit + MARK_BITS, CHECKSUM_BITS)
            if in_block := kind == BLOCK:
                checksum = (checksum << 1 | checksum >> 31) & 0xFFFFFFFF ^ found
                place = bit
            elif checksum != found:
                raise UnexpectedStreamError
            else:
                checksum, place = 0, -(-(bit + MARK_BITS + CHECKSUM_BITS) // 8) * 8
        data, place = data[place // 8 :], place % 8
    if in_block or data.strip(b"\0"):
        raise UnexpectedStreamError


def _marks(data: bytes, first: int) -> list[tuple[int, int]]:
    """The bits at which blocks and ends begin, from bit `first` on, in order, each with its kind; not without their checksum."""
    found = []
    last = 8 * len(data) - MARK_BITS - CHECKSUM_BITS
    for kind in (BLOCK, END):
        for shift in range(8):
            whole_bytes = (kind << (8 - shift)).to_bytes(7, "big")[1:6]
            position = data.find(whole_bytes, first // 8)
            while position >= 0:
                bit = 8 * (position - 1) + shift
                if first <= bit <= last and _bits(data, bit, MARK_BITS) == kind:
                    found.append((bit, kind))
                position = data.find(whole_bytes, position + 1)
    return sorted(found)


def _bits(data: bytes, bit: int, count: int) -> int:
    """Some bits as a number."""
    end = bit + count
    return int.from_bytes(data[bit // 8 : -(-end // 8)], "big") >> -end % 8 & (1 << count) - 1


def _decompressed(data: bytes, start: int, end: int) -> bytes:
    """The text of a block, from the bits that hold it.

    Raises:
        UnexpectedStreamError: it is damaged.
    """
    size = end - start
    bits = _bits(data, start, size) << MARK_BITS | END
    bits = bits << CHECKSUM_BITS | _bits(data, start + MARK_BITS, CHECKSUM_BITS)
    size += MARK_BITS + CHECKSUM_BITS
    decompressor = bz2.BZ2Decompressor()
    try:
        text = decompressor.decompress(b"BZh9" + (bits << -size % 8).to_bytes(-(-size // 8), "big"))
    except OSError as error:
        raise UnexpectedStreamError from error
    if not decompressor.eof:
        raise UnexpectedStreamError
    return text
