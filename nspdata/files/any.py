"""Any place that a build reads or writes: the local disk, or what Beam's filesystems reach; Beam is imported when a URL needs it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from nspdata.files.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nspdata.files.local import FileInfo, Files


class Places:
    """See `nspdata.files.local.Files`; a path with `://` is remote."""

    def __init__(self) -> None:
        self.local = LocalFiles()

    @cached_property
    def remote(self) -> Files:
        """Beam's filesystems."""
        from nspdata.files.beam import BeamFiles

        return BeamFiles()

    def of(self, path: str) -> Files:
        """The files that a path is one of."""
        return self.remote if "://" in path else self.local

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """The files of a path, a directory or a glob."""
        return self.of(pattern).match(pattern)

    def find(self, pattern: str) -> list[FileInfo]:
        """As `match`, with versions."""
        return self.of(pattern).find(pattern)

    def listing(self, directory: str) -> list[FileInfo]:
        """All files below a directory, whose name is taken literally."""
        return self.of(directory).listing(directory)

    def stat(self, path: str) -> FileInfo | None:
        """One file, whose name is taken literally."""
        return self.of(path).stat(path)

    def open(self, path: str) -> BinaryIO:
        """Opens a file as it lies, compressed or not."""
        return self.of(path).open(path)

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file."""
        self.of(path).write(path, data)

    def exists(self, path: str) -> bool:
        """Whether there is such a file, or a directory with a file in it."""
        return self.of(path).exists(path)

    def delete(self, path: str) -> None:
        """Removes a file or a directory."""
        self.of(path).delete(path)

    def place(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Gives files other names, all in one place."""
        if pairs:
            self.of(pairs[0][0]).place(pairs)

    def sync(self, directories: Iterable[str]) -> None:
        """Makes names durable."""
        for directory in directories:
            self.of(directory).sync([directory])
