"""Bytes of a source: decompressed block by block, cut into lines, and honest about a stream that ends too early."""

from __future__ import annotations

import bz2
import dataclasses
import zlib
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files import Files
    from nspdata.reading.sources import Source

BLOCK_BYTES = 1 << 20

COMPRESSED_BYTES = 1 << 16

BOM = b"\xef\xbb\xbf"


class CutShortError(Exception):
    """The compressed stream is damaged or ends before its end; every byte before that was good."""


def blocks(source: Source, files: Files) -> Iterator[bytes]:
    """The decompressed bytes of a source from its `start` to the end of its file, about a megabyte at a time.

    Raises:
        CutShortError: the compressed stream breaks off; all that could be decompressed was given before.
    """
    with files.open(source.path) as stream:
        if source.compression:
            yield from _decompressed(iter(lambda: stream.read(COMPRESSED_BYTES), b""), source.compression)
            return
        stream.seek(source.start)
        while block := stream.read(BLOCK_BYTES):
            yield block


def _decompressed(chunks: Iterator[bytes], compression: str) -> Iterator[bytes]:
    decoder, fresh = _decoder(compression), True
    for chunk in chunks:
        rest = chunk
        while rest:
            if decoder.eof:
                rest = rest.lstrip(b"\0")  # archives are padded with zeros
                if not rest:
                    break
                decoder, fresh = _decoder(compression), True
            try:
                data = decoder.decompress(rest)
            except Exception as error:
                raise CutShortError(f"damaged {compression} stream: {error}") from error
            fresh = False
            if data:
                yield data
            rest = decoder.unused_data if decoder.eof else b""
    if not fresh and not decoder.eof:
        raise CutShortError(f"the {compression} stream ends before its end")


def _decoder(compression: str) -> Any:
    if compression == "gzip":
        return zlib.decompressobj(wbits=31)
    if compression == "bzip2":
        return bz2.BZ2Decompressor()
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()


def whole(source: Source, files: Files) -> bytes:
    """All the bytes of a source.

    Raises:
        CutShortError: as `blocks`.
    """
    return b"".join(blocks(source, files)).removeprefix(BOM)


def lines(source: Source, files: Files) -> Iterator[tuple[list[int], list[bytes]]]:
    r"""The lines that begin in the source's range, without their line end `\n`, in lists of about a megabyte.

    Yields:
        Offsets of the lines in the (decompressed) file, and the lines.

    Raises:
        CutShortError: as `blocks`; the part of a line before the break is given first.
    """
    position = max(0, source.start - 1)  # a line that begins right at the start is told by the line end before it
    skip, end = source.start > 0, float("inf") if source.end is None else source.end
    held: list[bytes] = []
    broken: CutShortError | None = None
    stream = blocks(dataclasses.replace(source, start=position), files)
    while position < end:
        try:
            block = next(stream, b"")
        except CutShortError as error:
            block, broken = b"", error
        cut = block.rfind(b"\n")
        if block and cut < 0:
            held.append(block)
            continue
        text = b"".join([*held, block[: max(cut, 0)]])
        held = [block[cut + 1 :]]
        if block or text:
            offsets, found = _cut(text, position)
            kept = bisect_left(offsets, end)
            yield offsets[skip:kept], found[skip:kept]
        position, skip = position + len(text) + 1, False
        if not block:
            break
    if broken:
        raise broken


def _cut(text: bytes, position: int) -> tuple[list[int], list[bytes]]:
    found = text.split(b"\n")
    offsets = []
    for line in found:
        offsets.append(position)
        position += len(line) + 1
    if offsets[0] == 0 and found[0].startswith(BOM):
        found[0] = found[0][len(BOM) :]
    return offsets, found
