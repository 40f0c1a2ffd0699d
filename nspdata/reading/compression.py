"""Bytes of a source: decompressed block by block, and honest about a stream that ends too early."""

from __future__ import annotations

import bz2
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files.local import Files
    from nspdata.reading.sources import Source

BLOCK_BYTES = 1 << 20

COMPRESSED_BYTES = 1 << 16

BOM = b"\xef\xbb\xbf"


class CutShortError(Exception):
    """The compressed stream is damaged or ends before its end; every whole record before that was given.

    Attributes:
        position: offset of the record that was cut, in the decompressed stream.
        part: what there is of it.
        read_bytes: compressed bytes before the damage; 0 where that is unknown.
    """

    def __init__(self, message: str, *, position: int = 0, part: bytes = b"", read_bytes: int = 0) -> None:
        super().__init__(message)
        self.position = position
        self.part = part
        self.read_bytes = read_bytes

    def lost_bytes(self, size_bytes: int, decompressed_bytes: int) -> int:
        """Bytes that could not be read: the cut record, and what the rest of the file holds at the ratio seen so far.

        Args:
            size_bytes: of the compressed file.
            decompressed_bytes: read before the cut record.
        """
        got = decompressed_bytes + len(self.part)
        if not got:
            return size_bytes
        ratio = got / self.read_bytes if self.read_bytes else 1.0
        return len(self.part) + round(max(0, size_bytes - self.read_bytes) * ratio)


def blocks(source: Source, files: Files) -> Iterator[bytes]:
    """The decompressed bytes of a source from its `start` to the end of its file, at most a megabyte at a time.

    Raises:
        CutShortError: the compressed stream breaks off; all that could be decompressed was given before.
    """
    with files.open(source.path) as stream:
        if source.compression:
            yield from _decompressed(iter(lambda: stream.read(COMPRESSED_BYTES), b""), source.compression)
            return
        stream.seek(source.start)
        size = BLOCK_BYTES if source.end is None else min(BLOCK_BYTES, source.end - source.start + 1)
        while block := stream.read(size):
            yield block


def _decompressed(chunks: Iterator[bytes], compression: str) -> Iterator[bytes]:
    decoder, fresh, read_bytes = _decoder(compression), True, 0
    for chunk in chunks:
        read_bytes += len(chunk)
        rest = chunk
        while rest:
            if decoder.eof:
                rest = rest.lstrip(b"\0")  # archives are padded with zeros
                if not rest:
                    break
                decoder, fresh = _decoder(compression), True
            spare = decoder.copy() if compression == "gzip" else None
            try:
                data = decoder.decompress(rest)
            except Exception as error:
                yield from _pieces(_salvaged(spare, rest))
                before = read_bytes - len(rest)
                raise CutShortError(f"damaged {compression} stream: {error}", read_bytes=before) from error
            fresh = False
            yield from _pieces(data)
            rest = decoder.unused_data if decoder.eof else b""
    if not fresh and not decoder.eof:
        raise CutShortError(f"the {compression} stream ends before its end", read_bytes=read_bytes)


def _pieces(data: bytes) -> Iterator[bytes]:
    """The data in blocks: a chunk of a very repetitive stream can decompress to a thousand times its size."""
    return (data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES))


def _salvaged(spare: Any, chunk: bytes) -> bytes:
    """What a copy of the decoder, from before a damaged chunk, makes of it up to the damage."""
    data = b""
    for place in range(len(chunk) if spare else 0):
        try:
            data += spare.decompress(chunk[place : place + 1])
        except zlib.error:
            break
    return data


def _decoder(compression: str) -> Any:
    if compression == "gzip":
        return zlib.decompressobj(wbits=31)
    if compression == "bzip2":
        return bz2.BZ2Decompressor()
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


def whole(source: Source, files: Files) -> bytes:
    """All the bytes of a source.

    Raises:
        CutShortError: as `blocks`; `part` holds what there is.
    """
    found: list[bytes] = []
    try:
        found.extend(blocks(source, files))
    except CutShortError as error:
        raise CutShortError(str(error), part=b"".join(found), read_bytes=error.read_bytes) from error
    return b"".join(found)
