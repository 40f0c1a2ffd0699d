"""Files on the local disk, and the protocol that all implementations share."""

from __future__ import annotations

import glob
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from nspdata.errors import naming
from nspdata.files.disk import Disk
from nspdata.files.growing import LocalGrowingFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nspdata.files.growing import GrowingFile

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
"""Pattern of the temporary name of a file during a write; a crash can leave such a file."""


class FileInfo(NamedTuple):
    """A file in a listing.

    Attributes:
        path: accepted by `Files.open`.
        size: bytes.
        version: changes whenever the file is written or replaced; "" if the store has none.
    """

    path: str
    size: int
    version: str = ""


class Files(Protocol):
    """A tree of files, local or remote. Paths are strings with `/`."""

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """The files that a path, a directory (all below it) or a glob names: (path, size in bytes), sorted by path."""
        ...

    def find(self, pattern: str) -> list[FileInfo]:
        """Like `match`, with the version of each file; uses a single listing."""
        ...

    def listing(self, directory: str) -> list[FileInfo]:
        """All files below a directory, sorted by path; `*`, `?` and `[` in its name are plain characters."""
        ...

    def stat(self, path: str) -> FileInfo | None:
        """One file, whose name is taken literally; None if there is no such file."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Opens a file for reading; the stream is seekable."""
        ...

    def head(self, info: FileInfo, size: int) -> bytes:
        """Reads the first bytes of a listed file, at most `size`, with a single request."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file durably; missing directories are created.

        The write is atomic: the final name never has partial data, even after a crash or a power failure.
        """
        ...

    def create(self, path: str) -> GrowingFile:
        """Begins a file that is written in pieces; missing directories are created."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file or a directory of this name."""
        ...

    def delete(self, *paths: str) -> None:
        """Removes files or whole directories; a missing path is ignored."""
        ...

    def place(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Renames or copies files: (present path, new path); an existing file with the new name is replaced.

        The old names may stay until they are deleted. Each new name is durable only after `sync` of its directory.
        """
        ...

    def sync(self, directories: Iterable[str]) -> None:
        """Makes the names in these directories durable."""
        ...


class LocalFiles:
    """The local disk.

    Args:
        disk: the system calls that change the disk.
    """

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """See `Files.match`."""
        return [(path, size) for path, size, _ in self.find(pattern)]

    def find(self, pattern: str) -> list[FileInfo]:
        """See `Files.find`; the version is modification time and inode."""
        if Path(pattern).is_dir():
            return self.listing(pattern)
        exact = os.path.lexists(pattern)
        return _infos([pattern] if exact else glob.iglob(pattern, recursive=True))  # noqa: PTH207 - may be absolute

    def listing(self, directory: str) -> list[FileInfo]:
        """See `Files.listing`."""
        found: list[FileInfo] = []
        directories = [str(Path(directory))]
        while directories:
            entries: list[os.DirEntry[str]] = []
            with (
                suppress(FileNotFoundError, NotADirectoryError, PermissionError),
                os.scandir(directories.pop()) as scan,
            ):
                entries = list(scan)
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
                else:
                    found += _existing_entry(entry)
        return sorted(found)

    def stat(self, path: str) -> FileInfo | None:
        """See `Files.stat`."""
        return next(_existing([path]), None)

    def open(self, path: str) -> BinaryIO:
        """See `Files.open`."""
        return open(path, "rb")  # noqa: PTH123 - there may be a million files

    def head(self, info: FileInfo, size: int) -> bytes:
        """See `Files.head`."""
        with self.open(info.path) as stream:
            return stream.read(size)

    def write(self, path: str, data: bytes) -> None:
        """See `Files.write`: written to a temporary name, synchronized, renamed, and the directory synchronized."""
        final = Path(path)
        self.make_directories(final.parent)
        temporary = _temporary(final)
        try:
            with naming(path):
                self.disk.write(temporary, data)
                self.disk.sync(temporary)
                self.disk.replace(temporary, final)
        except BaseException:
            with suppress(OSError):
                self.disk.remove(temporary)
            raise
        self.disk.sync(final.parent)

    def create(self, path: str) -> GrowingFile:
        """See `Files.create`."""
        final = Path(path)
        self.make_directories(final.parent)
        return LocalGrowingFile(self.disk, _temporary(final), final)

    def exists(self, path: str) -> bool:
        """See `Files.exists`."""
        return Path(path).exists()

    def delete(self, *paths: str) -> None:
        """See `Files.delete`."""
        targets = [target for target in map(Path, paths) if os.path.lexists(target)]
        for target in targets:
            self._delete(target)
        for parent in dict.fromkeys(target.parent for target in targets):
            if parent.exists():
                self.disk.sync(parent)

    def _delete(self, target: Path) -> None:
        if target.is_symlink() or not target.is_dir():
            self.disk.remove(target)
            return
        for parent, directories, names in os.walk(target, topdown=False):
            for name in names:
                self.disk.remove(Path(parent, name))
            for name in directories:
                self._remove_directory(Path(parent, name))
        self._remove_directory(target)

    def place(self, pairs: Sequence[tuple[str, str]]) -> None:
        """See `Files.place`: by renaming, so after a crash each file has its old or its new name."""
        for directory in dict.fromkeys(os.path.dirname(target) for _, target in pairs):  # noqa: PTH120 - faster than Path
            self.make_directories(Path(directory))
        for source, target in pairs:
            self.disk.replace(Path(source), Path(target))

    def sync(self, directories: Iterable[str]) -> None:
        """See `Files.sync`."""
        for directory in directories:
            self.disk.sync(Path(directory))

    def make_directories(self, directory: Path) -> None:
        """Creates a directory and its parents durably; existing ones are ignored."""
        missing = []
        while not os.path.exists(directory):  # noqa: PTH110 - faster than Path for many files
            missing.append(directory)
            directory = directory.parent
        for made in reversed(missing):
            self.disk.make_directory(made)
            self.disk.sync(made.parent)

    def _remove_directory(self, directory: Path) -> None:
        if directory.is_symlink():
            self.disk.remove(directory)
        else:
            self.disk.remove_directory(directory)


def _infos(paths: Iterable[str]) -> list[FileInfo]:
    return sorted(_existing(paths))


def _existing(paths: Iterable[str]) -> Iterator[FileInfo]:
    """Returns the regular files among the paths; files that are deleted meanwhile are skipped."""
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            yield from _regular(path, os.stat(path))  # noqa: PTH116 - faster than Path for many files


def _existing_entry(entry: os.DirEntry[str]) -> Iterator[FileInfo]:
    """Returns a file of a directory, if it is still there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        yield from _regular(entry.path.removeprefix("./"), entry.stat())


def _regular(path: str, status: os.stat_result) -> Iterator[FileInfo]:
    if stat.S_ISREG(status.st_mode):
        yield FileInfo(path, status.st_size, f"{status.st_mtime_ns}.{status.st_ino}")


def _temporary(final: Path) -> Path:
    return final.with_name(f".{final.name}.{secrets.token_hex(8)}.tmp")


def join(directory: str, name: str) -> str:
    """Joins a directory, local or remote, and a relative path.

    >>> join("gs://bucket/out/", "train/data.arrow")
    'gs://bucket/out/train/data.arrow'
    """
    return f"{directory.rstrip('/')}/{name}" if directory.rstrip("/") else f"/{name}"
