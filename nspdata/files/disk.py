"""The system calls that change the local disk; `nspdata.testing.FaultyFiles` fails at each of them."""

from __future__ import annotations

import errno
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)

SYNCS = 8
"""Files that are synchronized at the same time."""


class Disk:
    """One method for each system call that changes the disk."""

    def write(self, path: Path, data: bytes) -> None:
        """Creates a file with these bytes."""
        path.write_bytes(data)

    def write_by(self, path: Path, write: Callable[[Path], object]) -> None:
        """Creates a file by a function that writes it."""
        write(path)

    def append(self, path: Path, data: bytes | bytearray) -> None:
        """Adds bytes at the end of a file; a missing file is created."""
        descriptor = os.open(path, APPEND, 0o666)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)

    def sync(self, path: Path) -> None:
        """Makes a file's bytes, or a directory's names, durable; does nothing if the file system does not support it."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
                raise
        finally:
            os.close(descriptor)

    def sync_all(self, paths: Sequence[Path]) -> None:
        """`sync` of several paths, in parallel: a journal then writes them together (300 files: 1.2 s, in 8 threads 0.1 s)."""
        if len(paths) == 1:
            self.sync(paths[0])
            return

        def sync_some(first: int) -> None:
            for path in paths[first::SYNCS]:
                self.sync(path)

        with ThreadPoolExecutor(SYNCS) as pool:
            deque(pool.map(sync_some, range(min(SYNCS, len(paths)))), maxlen=0)

    def replace(self, source: Path, target: Path) -> None:
        """Renames a file; a file of the new name is replaced."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Removes a file; a missing one is ignored."""
        path.unlink(missing_ok=True)

    def make_directory(self, path: Path) -> None:
        """Creates a directory; an existing one is ignored."""
        path.mkdir(exist_ok=True)

    def remove_directory(self, path: Path) -> None:
        """Removes an empty directory; a missing one is ignored."""
        with suppress(FileNotFoundError):
            path.rmdir()
