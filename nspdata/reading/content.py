"""The identity of an input file: a hash of its bytes, taken while they are read.

The content of a file is the sum, modulo 2**128, of XXH3-128 of each block of 64 KiB, seeded with the block's index. It does
not depend on how the file is cut into ranges, as long as ranges begin at block boundaries: the sums of the ranges add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

import xxhash

from nspdata.errors import InputError

if TYPE_CHECKING:
    from nspdata.files.local import Files
    from nspdata.reading.sources import Source

BLOCK_BYTES = 1 << 16
"""Bytes that are hashed as one; every range of a file begins at a multiple of this."""

MODULUS = 1 << 128

READ_BYTES = 1 << 20

NOT_IN_ORDER = frozenset({"parquet", "arrow"})
"""Formats that are read in pieces, not from the first byte to the last."""


class ContentHash:
    """Adds up the hashes of the blocks of a range of a file.

    Args:
        start: offset of the first byte, a multiple of `BLOCK_BYTES`.
    """

    def __init__(self, start: int = 0) -> None:
        assert start % BLOCK_BYTES == 0
        self.position = start
        self._sum = 0
        self._block = xxhash.xxh3_128(seed=start // BLOCK_BYTES)

    def update(self, data: bytes | memoryview) -> None:
        """Takes the next bytes."""
        view = memoryview(data)
        while view:
            part = view[: BLOCK_BYTES - self.position % BLOCK_BYTES]
            self._block.update(part)
            self.position += len(part)
            view = view[len(part) :]
            if self.position % BLOCK_BYTES == 0:
                self._sum += self._block.intdigest()
                self._block = xxhash.xxh3_128(seed=self.position // BLOCK_BYTES)

    def value(self) -> int:
        """The sum so far."""
        partial = self._block.intdigest() if self.position % BLOCK_BYTES else 0
        return (self._sum + partial) % MODULUS


def content_of(path: str, files: Files) -> str:
    """The content of a whole file, hexadecimal.

    >>> from nspdata.files.local import LocalFiles
    >>> content_of("/dev/null", LocalFiles())
    '00000000000000000000000000000000'
    """
    found = ContentHash()
    with files.open(path) as stream:
        while data := stream.read(READ_BYTES):
            found.update(data)
    return hexadecimal(found.value())


def hexadecimal(value: int) -> str:
    """A content as the manifest writes it: 32 digits."""
    return f"{value:032x}"


class WatchedFiles:
    """Files of which one source is read: its bytes are hashed as they pass, and compared with what was planned.

    Args:
        files: where the source is.
        source: the range that is read; it must begin at a block boundary.
    """

    def __init__(self, files: Files, source: Source) -> None:
        self.files = files
        self.source = source
        self._start, self._end = _hashed_range(source)
        self._hash = ContentHash(self._start)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.files, name)

    def open(self, path: str) -> BinaryIO:
        """Opens the source, watched if it is read in order."""
        try:
            stream = self.files.open(path)
        except FileNotFoundError as error:
            raise _changed(self.source, "it no longer exists") from error
        if self.source.format in NOT_IN_ORDER and not self.source.compression:
            return stream
        self._hash = ContentHash(self._start)
        return cast("BinaryIO", _Watched(stream, self._hash, self._end))

    def content(self) -> int:
        """The content of the range that was read; what was left unread, after damage for instance, has been read by now.

        Raises:
            InputError: the file was changed, replaced or removed since it was listed.
        """
        source = self.source
        if source.format in NOT_IN_ORDER and not source.compression:
            with self.open(source.path) as stream:
                while data := stream.read(READ_BYTES):
                    self._hash.update(data)
        read = self._hash.position - self._start
        expected = max(0, (source.size_bytes if self._end is None else self._end) - self._start)
        if read != expected:
            raise _changed(source, f"{read} bytes were read from byte {self._start} on, {expected} were expected")
        now = self.files.stat(source.path)
        if now is None:
            raise _changed(source, "it no longer exists")
        if now.size != source.size_bytes or (source.version and now.version != source.version):
            raise _changed(source, f"it was modified or replaced; now {now.size} bytes, {source.size_bytes} before")
        return self._hash.value()


def _hashed_range(source: Source) -> tuple[int, int | None]:
    """First byte and end, or None for the end of the file, of what is hashed: the blocks that begin in the source's range."""
    start, end = source.stored_range
    return _next_block(start), None if end is None else min(_next_block(end), source.size_bytes)


def _next_block(position: int) -> int:
    return -(-position // BLOCK_BYTES) * BLOCK_BYTES


class _Watched:
    """A stream whose bytes are hashed, from the hash's position to the end of the range, as they are read in order."""

    def __init__(self, stream: BinaryIO, content: ContentHash, end: int | None) -> None:
        self._stream = stream
        self._content = content
        self._end = float("inf") if end is None else end
        self._position = 0
        self._failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seek(self, offset: int) -> int:
        """Moves to a byte, counted from the start of the file."""
        self._position = self._stream.seek(offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Reads and hashes."""
        self._failed = True
        data = self._stream.read(size)
        self._failed = False
        begin = self._content.position - self._position
        if 0 <= begin < len(data) and self._content.position < self._end:
            stop = min(len(data), self._end - self._position)
            self._content.update(memoryview(data)[begin : int(stop)])
        self._position += len(data)
        return data

    def close(self) -> None:
        """Reads the range to its end, so that the hash covers it all, and closes the stream."""
        try:
            if not self._failed and self._position > 0:
                while self._content.position < self._end and self.read(READ_BYTES):
                    pass
        finally:
            self._stream.close()


def _changed(source: Source, how: str) -> InputError:
    return InputError(
        f"{source.path}: changed while the build was running ({how}); leave the input files alone during a build, "
        "then run the same command again"
    )
