"""The files of one part of an export: written under a temporary name, hashed while they are written, then renamed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from nspdata.dataset.manifest import ShardEntry
from nspdata.files.local import join

if TYPE_CHECKING:
    from nspdata.files.local import Files


class PartFile(io.RawIOBase):
    """A new file of a part; its final name exists only after it was closed without an error.

    Args:
        root: the directory, a path or a URL.
        path: relative to it.
        files: where the directory is.
    """

    def __init__(self, root: str, path: str, files: Files) -> None:
        self.path, self._target = path, join(root, path)
        self.rows = self.tokens = self.size = 0
        self._hash = hashlib.sha256()
        self._file = files.create(self._target)

    def writable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def write(self, data: Any) -> int:
        """See `io.RawIOBase`."""
        view = memoryview(data).cast("B")
        self._file.write(view)
        self._hash.update(view)
        self.size += len(view)
        return len(view)

    def tell(self) -> int:
        """Returns the number of bytes written."""
        return self.size

    def flush(self) -> None:
        """See `io.RawIOBase`; the bytes are flushed once, at the end."""

    def add(self, *, rows: int, tokens: int) -> None:
        """Counts what was written."""
        self.rows += rows
        self.tokens += tokens

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._file.finish()
        finally:
            self._file.discard()

    @property
    def entry(self) -> ShardEntry:
        """What the manifest says of the file."""
        return ShardEntry(
            path=self.path, rows=self.rows, tokens=self.tokens, bytes=self.size, sha256=self._hash.hexdigest()
        )


NewFile = Callable[[], PartFile]
"""Opens the next file of a part."""


class PartFiles:
    """Opens the files of one part and remembers them.

    Args:
        root: the directory, a path or a URL.
        stem: path relative to it, without the suffix; a format that splits a part gets `stem.01.suffix` and so on after the first.
        suffix: of the format.
        files: where the directory is.
    """

    def __init__(self, root: str, stem: str, suffix: str, files: Files) -> None:
        self._root, self._stem, self._suffix, self._files = root, stem, suffix, files
        self.opened: list[PartFile] = []

    def __call__(self) -> PartFile:
        """Opens the next file."""
        number = f".{len(self.opened):02d}" if self.opened else ""
        file = PartFile(self._root, f"{self._stem}{number}.{self._suffix}", self._files)
        self.opened.append(file)
        return file
