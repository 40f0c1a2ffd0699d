"""New files that are written in pieces; the final name exists only after `finish`."""

from __future__ import annotations

import mmap
import tempfile
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from nspdata.errors import naming

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nspdata.files.disk import Disk

PIECE_BYTES = 1 << 20
"""Bytes that are collected before they are written."""

SENT = 8
"""Files that are sent to a store at the same time."""


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
        self.disk, self.temporary, self.final = disk, temporary, final
        self._collected = bytearray()
        self._started = False
        self.finished = False

    def write(self, data: memoryview) -> None:
        """See `GrowingFile.write`."""
        self._collected += data
        if len(self._collected) >= PIECE_BYTES:
            self._append()

    def finish(self) -> None:
        """See `GrowingFile.finish`."""
        _finish_local([self])

    def write_rest(self) -> None:
        """Writes the bytes that are still collected; creates a file without bytes."""
        if self._collected or not self._started:
            self._append()

    def discard(self) -> None:
        """See `GrowingFile.discard`."""
        if not self.finished and self.temporary.exists():
            with suppress(OSError):
                self.disk.remove(self.temporary)

    def _append(self) -> None:
        self._started = True
        with naming(str(self.final)):
            self.disk.append(self.temporary, self._collected)
        self._collected = bytearray()


def finish_all(files: Sequence[GrowingFile]) -> None:
    """Finishes several files of one file system together, which is faster than one after the other.

    Local files are synchronized in parallel, and their directories once. Files of a store are sent in parallel.
    """
    local = [file for file in files if isinstance(file, LocalGrowingFile)]
    if local:
        _finish_local(local)
    if others := [file for file in files if not isinstance(file, LocalGrowingFile)]:
        with ThreadPoolExecutor(SENT) as pool:
            deque(pool.map(lambda file: file.finish(), others), maxlen=0)


def _finish_local(files: Sequence[LocalGrowingFile]) -> None:
    disk, more = files[0].disk, f" and {len(files) - 1} more" if len(files) > 1 else ""
    with naming(f"{files[0].final}{more}"):
        for file in files:
            file.write_rest()
        disk.sync_all([file.temporary for file in files])
        for file in files:
            disk.replace(file.temporary, file.final)
            file.finished = True
        disk.sync_all(list(dict.fromkeys(file.final.parent for file in files)))


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
