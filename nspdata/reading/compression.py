"""Decompresses a source in blocks of bounded size. A corrupt or truncated stream is reported after everything before the damage was read."""

from __future__ import annotations

import bz2
import contextlib
import lzma
import re
import tempfile
import zlib
from typing import TYPE_CHECKING, Any, Protocol

from nspdata.errors import InputError
from nspdata.reading import bzip2_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from nspdata.files.local import Files
    from nspdata.reading.sources import Source

BLOCK_BYTES = 1 << 20

LEAST_BYTES = 1 << 16
"""The same for a file that is smaller, so that a file that has grown is not read byte by byte."""

COMPRESSED_BYTES = 1 << 16

ZSTD_BYTES = 1 << 8
"""Input per call: zstandard does not limit its output, and 256 bytes give at most 8 MB."""

ZSTD_WINDOW_BYTES = 1 << 27
"""Largest window accepted; the default of the `zstd` command."""

MAX_RATIO, MAX_RATIO_BYTES = 200, 1 << 30
"""Reading stops where a file exceeds both this ratio of decompressed to compressed bytes and this size."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

FRAME_BEGINS = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "zstd": re.compile(re.escape(ZSTD_MAGIC) + rb"|[\x50-\x5f]\x2a\x4d\x18"),
}
"""How a member or frame begins; one of zstd may be without content."""

BOM = b"\xef\xbb\xbf"


class CutShortError(Exception):
    """The compressed stream is corrupt or truncated; every complete record before the damage was read.

    Attributes:
        position: offset of the record that is cut, in the decompressed stream.
        part: the bytes of that record before the cut.
        read_bytes: compressed bytes before the damage; 0 if unknown.
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


class Decoder(Protocol):
    """A decompressor of one member or frame; its output is bounded."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Input after the end of the member."""
        ...

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Decompresses more input, in blocks.

        Raises:
            CutShortError: the stream is corrupt; everything before the damage was yielded.
        """
        ...


def blocks(source: Source, files: Files, *, start: int | None = None) -> Iterator[bytes]:
    """The decompressed bytes of a source from its `start`, or another byte, to the end of its file, in blocks of about a megabyte.

    Those of a range of a compressed file begin at the byte before its `start`, where the decompression begins.

    Raises:
        CutShortError: the compressed stream is corrupt or truncated; everything before the damage was yielded.
    """
    with files.open(source.path) as stream:
        if source.compression:
            yield from _bounded(_decompressed_source(stream, source), source.stored_bytes)
            return
        start = source.start if start is None else start
        stream.seek(start)
        left = (source.size_bytes if source.end is None else source.end) - start + 1
        size = min(BLOCK_BYTES, left if source.end is not None else max(left, LEAST_BYTES))
        while block := stream.read(size):
            yield block


def _bounded(found: Iterator[bytes], compressed_bytes: int) -> Iterator[bytes]:
    total = 0
    for block in found:
        yield block
        total += len(block)
        check_ratio(compressed_bytes, total)


def check_ratio(compressed_bytes: int, decompressed_bytes: int) -> None:
    """Stops the reading of a file that decompresses to too much.

    Raises:
        CutShortError: it exceeds both `MAX_RATIO` and `MAX_RATIO_BYTES`.
    """
    limit = max(MAX_RATIO_BYTES, MAX_RATIO * compressed_bytes)
    if decompressed_bytes > limit:
        raise CutShortError(
            f"{compressed_bytes:,} compressed bytes give more than {limit:,} bytes, over {MAX_RATIO} times as many; "
            "the rest is not read; decompress the file first if this is intended"
        )


def _decompressed_source(stream: BinaryIO, source: Source) -> Iterator[bytes]:
    """Decompresses a file, or a range and what follows it.

    Raises:
        InputError: the seek points are wrong.
    """
    if not source.is_range:
        yield from _decompressed_file(stream, source)
        return
    start, size_bytes = source.stored_start, source.stored_bytes
    stream.seek(start)
    if start and not FRAME_BEGINS[source.compression].match(stream.read(4)):
        raise _misplaced(source, f"no frame or block begins at byte {start:,}")
    stream.seek(start)
    size = 0
    for block in _decompressed(_chunks(stream, size_bytes), source.compression):
        yield block
        size += len(block)
    if source.end is not None:
        if size != (expected := source.end - max(1, source.start)):
            raise _misplaced(source, f"bytes {start:,} to {start + size_bytes:,} give {size:,} bytes, not {expected:,}")
        yield from _decompressed(_chunks(stream), source.compression)


def _decompressed_file(stream: BinaryIO, source: Source) -> Iterator[bytes]:
    """Decompresses a whole file; a large one of bzip2 in threads, and what these do not expect as other files."""
    done = 0
    if source.compression == "bzip2" and bzip2_blocks.are_worth_threads(source.size_bytes):
        try:
            for block in bzip2_blocks.decompressed_blocks(stream):
                yield block
                done += len(block)
        except bzip2_blocks.UnexpectedStreamError:
            stream.seek(0)
        else:
            return
    for block in _decompressed(_chunks(stream), source.compression):
        if len(block) > done:
            yield block[done:]
        done = max(0, done - len(block))


def _misplaced(source: Source, how: str) -> InputError:
    return InputError(
        f"{source.path}: the index {source.path}.gzi, or if there is none the sizes in the file itself, are wrong: {how}; "
        "remove the index, or compress the file again"
    )


def _chunks(stream: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """The next `size` bytes of a stream, or all, in pieces."""
    left = float("inf") if size is None else size
    while chunk := stream.read(int(min(COMPRESSED_BYTES, left))):
        yield chunk
        left -= len(chunk)


def _decompressed(chunks: Iterator[bytes], compression: str) -> Iterator[bytes]:
    decoder: Decoder = DECODERS[compression]()
    fresh, read_bytes = True, 0
    for chunk in chunks:
        read_bytes += len(chunk)
        rest = chunk
        while rest:
            if decoder.eof:
                rest = rest.lstrip(b"\0")  # archives are padded with zeros
                if not rest:
                    break
                decoder, fresh = DECODERS[compression](), True
            try:
                yield from decoder.decode(rest)
            except CutShortError as error:
                error.read_bytes = read_bytes - len(rest)
                raise
            fresh = False
            rest = decoder.unused_data if decoder.eof else b""
    if not fresh and not decoder.eof:
        raise CutShortError(f"the {compression} stream is cut off", read_bytes=read_bytes)


def _damaged(compression: str, error: Exception) -> CutShortError:
    return CutShortError(f"damaged {compression} stream: {error}")


class _Gzip:
    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            spare = self._decoder.copy()
            try:
                yield self._decoder.decompress(data, BLOCK_BYTES)
            except zlib.error as error:
                yield _salvaged(spare, data)
                raise _damaged("gzip", error) from error
            data = self._decoder.unconsumed_tail


def _salvaged(spare: Any, chunk: bytes) -> bytes:
    """Decompresses a corrupt chunk byte by byte up to the damage, with a copy of the decoder from before it: at most one block."""
    found: list[bytes] = []
    with contextlib.suppress(zlib.error):
        found.extend(spare.decompress(chunk[place : place + 1]) for place in range(len(chunk)))
    return b"".join(found)


class _Bounded:
    """bz2 and lzma: their decompressors limit their output themselves."""

    def __init__(self, name: str, decoder: Any, error: type[Exception]) -> None:
        self._name, self._decoder, self._error = name, decoder, error

    @property
    def eof(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._decoder.unused_data)

    def decode(self, data: bytes) -> Iterator[bytes]:
        try:
            yield self._decoder.decompress(data, BLOCK_BYTES)
            while not self._decoder.eof and not self._decoder.needs_input:
                yield self._decoder.decompress(b"", BLOCK_BYTES)
        except self._error as error:
            raise _damaged(self._name, error) from error


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._error: type[Exception] = zstandard.ZstdError
        self._decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
        self._rest = b""

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data + self._rest

    def decode(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), ZSTD_BYTES):
            try:
                found = self._decoder.decompress(data[start : start + ZSTD_BYTES])
            except self._error as error:
                raise _damaged("zstd", error) from error
            yield from (found[place : place + BLOCK_BYTES] for place in range(0, len(found), BLOCK_BYTES))
            if self._decoder.eof:
                self._rest = data[start + ZSTD_BYTES :]
                return


DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _Gzip,
    "bzip2": lambda: _Bounded("bzip2", bz2.BZ2Decompressor(), OSError),
    "xz": lambda: _Bounded("xz", lzma.LZMADecompressor(), lzma.LZMAError),
    "zstd": _Zstd,
}


def whole(source: Source, files: Files, *, most_bytes: int) -> bytearray:
    """All bytes of a source, or a little more than the first `most_bytes`. They are in memory once.

    Raises:
        CutShortError: see `blocks`; `part` holds all bytes before the damage.
    """
    found = bytearray()
    try:
        for block in blocks(source, files):
            found += block
            if len(found) > most_bytes:
                break
    except CutShortError as error:
        raise CutShortError(str(error), part=bytes(found), read_bytes=error.read_bytes) from error
    return found


def unpacked(source: Source, files: Files) -> tuple[BinaryIO, CutShortError | None]:
    """The decompressed bytes as a temporary file without a name, and the error if they are not complete."""
    stream: Any = tempfile.TemporaryFile()
    try:
        for block in blocks(source, files):
            stream.write(block)
    except CutShortError as error:
        return stream, error
    except BaseException:
        stream.close()
        raise
    return stream, None
