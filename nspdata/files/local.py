"""Where files are: a small protocol that the local disk and Beam's filesystems both meet."""

from __future__ import annotations

import glob
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Files(Protocol):
    """A tree of files, local or remote; paths are strings with `/`."""

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """The files that a path, a directory (all below it) or a glob names: (path, size in bytes), sorted by path."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Opens a file to read; the stream can seek."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file so that its final name never holds a part of it; missing directories are made."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file or a directory of this name."""
        ...

    def delete(self, path: str) -> None:
        """Removes a file or a whole directory; one that is not there is well."""
        ...


class LocalFiles:
    """The local disk."""

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """See `Files.match`."""
        if Path(pattern).is_dir():
            paths: Iterator[str] = (str(path) for path in Path(pattern).rglob("*"))
        elif Path(pattern).exists():
            paths = iter([pattern])
        else:
            paths = glob.iglob(pattern, recursive=True)  # noqa: PTH207 - a pattern may be absolute
        return sorted((path, os.stat(path).st_size) for path in paths if os.path.isfile(path))  # noqa: PTH113, PTH116

    def open(self, path: str) -> BinaryIO:
        """See `Files.open`."""
        return Path(path).open("rb")

    def write(self, path: str, data: bytes) -> None:
        """See `Files.write`."""
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name}.{os.getpid()}.tmp")
        try:
            temporary.write_bytes(data)
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)

    def exists(self, path: str) -> bool:
        """See `Files.exists`."""
        return Path(path).exists()

    def delete(self, path: str) -> None:
        """See `Files.delete`."""
        if Path(path).is_dir():
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)


def join(directory: str, name: str) -> str:
    """A path below a directory, local or remote.

    >>> join("gs://bucket/out/", "train/data.arrow")
    'gs://bucket/out/train/data.arrow'
    """
    return f"{directory.rstrip('/')}/{name}" if directory.rstrip("/") else f"/{name}"
