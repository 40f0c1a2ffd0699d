"""The files of one part of an export: written under a temporary name, hashed while they are written, then renamed."""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nspdata.dataset.manifest import ShardEntry
from nspdata.errors import naming
from nspdata.files.any import AnyFiles
from nspdata.files.local import join

if TYPE_CHECKING:
    from nspdata.files.local import Files


class PartFile(io.RawIOBase):
    """A new file of a part; its final name exists only after it was closed without an error.

    Args:
        root: the directory, a path or a URL.
        path: relative to it.
    """

    def __init__(self, root: str, path: str, files: Files) -> None:
        self.path, self._target, self._files = path, join(root, path), files
        self.rows = self.tokens = self.size = 0
        self._hash = hashlib.sha256()
        self._temporary: Path | None = None
        if "://" in root:
            self._stream: Any = tempfile.TemporaryFile()
            return
        final = Path(self._target)
        final.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = final.with_name(f".{final.name}.{secrets.token_hex(8)}.tmp")
        self._stream = self._temporary.open("xb", buffering=1 << 20)

    def writable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def write(self, data: Any) -> int:
        """See `io.RawIOBase`."""
        view = memoryview(data).cast("B")
        with naming(self._target):
            self._stream.write(view)
        self._hash.update(view)
        self.size += len(view)
        return len(view)

    def tell(self) -> int:
        """Bytes written."""
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
                self._finish()
        finally:
            self._stream.close()
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        with naming(self._target):
            self._stream.flush()
            if self._temporary is None:
                data: Any = mmap.mmap(self._stream.fileno(), 0, access=mmap.ACCESS_READ) if self.size else b""
                self._files.write(self._target, data)
                return
            os.fsync(self._stream.fileno())
            self._temporary.replace(self._target)
            self._files.sync([str(Path(self._target).parent)])

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
    """

    def __init__(self, root: str, stem: str, suffix: str) -> None:
        self._root, self._stem, self._suffix = root, stem, suffix
        self._files = AnyFiles()
        self.opened: list[PartFile] = []

    def __call__(self) -> PartFile:
        """Opens the next file."""
        number = f".{len(self.opened):02d}" if self.opened else ""
        file = PartFile(self._root, f"{self._stem}{number}.{self._suffix}", self._files)
        self.opened.append(file)
        return file
