"""Objects behind any URL that fsspec reads, for schemes without another client and for machines without Beam."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from nspdata.errors import ConfigError
from nspdata.files.local import FileInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def connect(url: str, storage_options: dict[str, Any] | None = None) -> tuple[Any, str]:
    """Returns the fsspec filesystem of a URL, and the path in it.

    Raises:
        ConfigError: fsspec, or the package that it needs for this scheme, is not installed; or the scheme is unknown.
    """
    try:
        from fsspec.core import url_to_fs

        filesystem, root = url_to_fs(url, **(storage_options or {}))
    except ImportError as error:
        raise ConfigError(
            f"{url}: a package is missing ({error}); pip install 'nspdata[remote]' and the filesystem's own: s3fs, gcsfs, "
            "huggingface_hub or aiohttp"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{url}: not a URL that fsspec reads ({error})") from error
    return filesystem, root


class FsspecStore:
    """See `nspdata.files.objects.ObjectStore`. Each process creates its own filesystem, because none survives a fork.

    Args:
        scheme: of all its URLs.
    """

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        self._process = 0
        self._filesystem: Any = None

    def stat(self, path: str) -> FileInfo | None:
        """See `ObjectStore.stat`."""
        try:
            found = self._connected(path).info(path)
        except FileNotFoundError:
            return None
        return self._info(found, path) if found["type"] == "file" else None

    def list(self, prefix: str) -> Iterator[FileInfo]:
        """See `ObjectStore.list`: lists everything below the last `/` of the prefix, and filters by the prefix."""
        directory = prefix.rpartition("/")[0]
        try:
            found = self._connected(prefix).find(directory, detail=True)
        except (FileNotFoundError, NotImplementedError):
            return
        for details in found.values():
            name = details["name"].partition("://")[2] or details["name"].lstrip("/")
            info = self._info(details, f"{self.scheme}://{name}")
            if info.path.startswith(prefix):
                yield info

    def read(self, info: FileInfo, start: int, end: int) -> bytes:
        """See `ObjectStore.read`."""
        return bytes(self._connected(info.path).cat_file(info.path, start=start, end=end))

    def put(self, path: str, data: bytes) -> None:
        """See `ObjectStore.put`."""
        self._connected(path).pipe_file(path, data)

    def copy(self, source: str, target: str) -> None:
        """See `ObjectStore.copy`."""
        self._connected(source).copy(source, target)

    def delete(self, paths: Sequence[str]) -> None:
        """See `ObjectStore.delete`."""
        for path in paths:
            self._connected(path).rm_file(path)

    def _connected(self, url: str) -> Any:
        if self._process != os.getpid():
            self._filesystem, _ = connect(url)
            self._process = os.getpid()
        self._filesystem.invalidate_cache()
        return self._filesystem

    @staticmethod
    def _info(details: dict[str, Any], path: str) -> FileInfo:
        version = details.get("ETag") or details.get("etag") or details.get("generation") or details.get("mtime") or ""
        return FileInfo(path, int(details["size"] or 0), str(version).strip('"'))
