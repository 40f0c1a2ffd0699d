"""New files that are written in pieces; the final name exists only after `finish`."""

from __future__ import annotations

import mmap
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from nspdata.errors import naming

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nspdata.files.disk import Disk

PIECE_BYTES = 1 << 20
"""Bytes that are collected before they are written."""


class GrowingFile(Protocol):
    """A file that is not finished."""

    def write(self, data: memoryview) -> None:
        """Appends bytes."""
        ...

    def finish(self) -> None:
        """Makes the bytes durable and gives the file its final name."""
        ...

    def discard(self) -> None:
        """Removes the file if it is not finished."""
        ...


class LocalGrowingFile:
    """A file on the local disk, under a temporary name.

    Args:
        disk: the system calls that change the disk.
        temporary: the name until the file is finished, in the directory of the final name.
        final: the name of the finished file.
    """

    def __init__(self, disk: Disk, temporary: Path, final: Path) -> None:
        self._disk, self._temporary, self._final = disk, temporary, final
        self._collected = bytearray()
        self._started = False

    def write(self, data: memoryview) -> None:
        """See `GrowingFile.write`."""
        self._collected += data
        if len(self._collected) >= PIECE_BYTES:
            self._append()

    def finish(self) -> None:
        """See `GrowingFile.finish`."""
        with naming(str(self._final)):
            if self._collected or not self._started:
                self._append()
            self._disk.sync(self._temporary)
            self._disk.replace(self._temporary, self._final)
            self._disk.sync(self._final.parent)

    def discard(self) -> None:
        """See `GrowingFile.discard`."""
        if self._temporary.exists():
            with suppress(OSError):
                self._disk.remove(self._temporary)

    def _append(self) -> None:
        self._started = True
        with naming(str(self._final)):
            self._disk.append(self._temporary, bytes(self._collected))
        self._collected.clear()


class SpooledFile:
    """A file for a store that takes only whole files: it is collected in a local temporary file.

    Args:
        write: writes the whole file.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._stream = tempfile.TemporaryFile()

    def write(self, data: memoryview) -> None:
        """See `GrowingFile.write`."""
        self._stream.write(data)

    def finish(self) -> None:
        """See `GrowingFile.finish`."""
        self._stream.flush()
        size = self._stream.tell()
        data: Any = mmap.mmap(self._stream.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        self._write(data)

    def discard(self) -> None:
        """See `GrowingFile.discard`."""
        self._stream.close()
