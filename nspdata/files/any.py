"""Files at any path or URL: the local disk, object stores, and the schemes of Beam's filesystems."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

from nspdata.errors import ConfigError
from nspdata.files.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nspdata.files.growing import GrowingFile
    from nspdata.files.local import FileInfo, Files


READ_BY_FSSPEC = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "hf": "huggingface_hub",
    "memory": "fsspec",
}
"""Schemes that fsspec reads, and the package that it needs for each."""

EXTRAS = {"s3": "aws", "gs": "gcp", "http": "remote", "https": "remote", "hf": "datasets"}
"""The extra of nspdata that installs the packages of a scheme."""


class AnyFiles:
    """See `nspdata.files.local.Files`; a path with `://` is remote. Clients are created at the first use, one per process."""

    def __init__(self) -> None:
        self.local = LocalFiles()

    def of(self, path: str) -> Files:
        """Returns the implementation for a path."""
        scheme, separator, _ = path.partition("://")
        return remote_files(scheme) if separator else self.local

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """The files of a path, a directory or a glob."""
        return self.of(pattern).match(pattern)

    def find(self, pattern: str) -> list[FileInfo]:
        """Like `match`, with versions."""
        return self.of(pattern).find(pattern)

    def listing(self, directory: str) -> list[FileInfo]:
        """All files below a directory, whose name is taken literally."""
        return self.of(directory).listing(directory)

    def stat(self, path: str) -> FileInfo | None:
        """One file, whose name is taken literally."""
        return self.of(path).stat(path)

    def open(self, path: str) -> BinaryIO:
        """Opens a file without decompressing it."""
        return self.of(path).open(path)

    def head(self, info: FileInfo, size: int) -> bytes:
        """The first bytes of a listed file."""
        return self.of(info.path).head(info, size)

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file."""
        self.of(path).write(path, data)

    def create(self, path: str) -> GrowingFile:
        """Begins a file that is written in pieces."""
        return self.of(path).create(path)

    def exists(self, path: str) -> bool:
        """Whether there is a file of this name, or a directory that contains a file."""
        return self.of(path).exists(path)

    def delete(self, *paths: str) -> None:
        """Removes files or directories, all on the same store."""
        if paths:
            self.of(paths[0]).delete(*paths)

    def place(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Renames or copies files, all on the same store."""
        if pairs:
            self.of(pairs[0][0]).place(pairs)

    def sync(self, directories: Iterable[str]) -> None:
        """Makes names durable."""
        for directory in directories:
            self.of(directory).sync([directory])


@cache
def remote_files(scheme: str) -> Files:
    """Returns the implementation for a scheme: its own client, otherwise Beam, otherwise fsspec.

    Raises:
        ConfigError: no installed package reads this scheme.
    """
    from nspdata.files.objects import ObjectFiles

    if scheme == "s3" and _installed("boto3"):
        from nspdata.files.s3 import S3Store

        return ObjectFiles(S3Store())
    if scheme == "gs" and _installed("google.cloud.storage"):
        from nspdata.files.gcs import GcsStore

        return ObjectFiles(GcsStore())
    if scheme in READ_BY_FSSPEC and _installed(READ_BY_FSSPEC[scheme]) and _installed("fsspec"):
        from nspdata.files.fsspec import FsspecStore

        return ObjectFiles(FsspecStore(scheme))
    if scheme in EXTRAS:
        raise ConfigError(f"{scheme}:// needs a package that is not installed: pip install 'nspdata[{EXTRAS[scheme]}]'")
    if not _installed("apache_beam"):
        raise ConfigError(f"{scheme}:// is read by Beam's filesystems: pip install 'nspdata[build]'")
    from nspdata.files.beam import BeamFiles

    return BeamFiles()


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ModuleNotFoundError, ValueError):
        return False
