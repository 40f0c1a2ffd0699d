"""Files in an object store, over the requests that all stores support."""

from __future__ import annotations

import io
import os
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from nspdata.errors import InputError
from nspdata.files import options
from nspdata.files.growing import SpooledFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nspdata.files.growing import GrowingFile
    from nspdata.files.local import FileInfo

BUFFER_BYTES = 8 << 20
"""Bytes of one request of a stream that is read in small pieces."""

THREADS = 16
"""Parallel requests when many files are copied."""

CONNECTIONS = 64
"""The most parallel requests of a process; more would open a connection for each request."""

GLOB = re.compile(r"[*?\[]")


class ObjectStore(Protocol):
    """The requests of an object store; all paths are URLs."""

    def stat(self, path: str) -> FileInfo | None:
        """The object of this name, or None."""
        ...

    def list(self, prefix: str) -> Iterator[FileInfo]:
        """All objects whose URL starts with this text, in the store's order."""
        ...

    def read(self, info: FileInfo, start: int, end: int) -> bytes:
        """Bytes `start` to `end` of an object; OSError if its version has changed."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Writes an object; it is visible only when it is complete."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Copies an object inside the store."""
        ...

    def delete(self, paths: Sequence[str]) -> None:
        """Removes objects; missing ones are ignored."""
        ...


class Clients:
    """The client of a store in this process; it is made again after a fork and after a change of the options.

    Args:
        make: makes a client.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: tuple[int, tuple[str, ...]] = (0, ())
        self._client: Any = None
        self._reached: set[str] = set()

    def reach(self, bucket: str, check: Callable[[Any], None]) -> Any:
        """Returns the client; `check` makes a test request on the first use of a bucket, except in workers of an engine."""
        made = (os.getpid(), options.configured())
        if self._made != made:
            if self._made[1] != made[1]:
                self._reached.clear()
            self._client, self._made = self._make(), made
        if bucket not in self._reached and not options.is_worker():
            check(self._client)
            self._reached.add(bucket)
        return self._client


def split_url(path: str) -> tuple[str, str]:
    """The bucket and the key of a URL.

    >>> split_url("s3://bucket/a/b.txt")
    ('bucket', 'a/b.txt')
    """
    scheme, _, rest = path.partition("://")
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise InputError(f"{path!r} names no bucket; write {scheme}://BUCKET/PATH")
    return bucket, key


def bucket_of(path: str) -> str:
    """The URL of the bucket of a path."""
    return "/".join(path.split("/")[:3])


def one_line(error: BaseException) -> str:
    """The message of an error in one line, or its type."""
    return " ".join(str(error).split()) or type(error).__name__


def missing_bucket(path: str) -> InputError:
    """The error for a bucket that does not exist."""
    return InputError(f"{path}: there is no bucket {bucket_of(path)}; create it, or correct the name")


def access_denied(path: str, credentials: str) -> InputError:
    """The error for credentials without access."""
    return InputError(f"{path}: access denied; grant these credentials access to {bucket_of(path)}, or {credentials}")


def replaced_object(path: str) -> OSError:
    """The error for an object that changed while it was read."""
    return OSError(f"{path}: replaced while it was read; leave the input unchanged and run again")


class ObjectFiles:
    """See `nspdata.files.local.Files`.

    Args:
        store: the requests.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """See `Files.match`."""
        return [(path, size) for path, size, _ in self.find(pattern)]

    def find(self, pattern: str) -> list[FileInfo]:
        """Returns the object of this name, otherwise all objects below it, otherwise those that match it as a glob; sorted."""
        if not pattern.endswith("/") and (info := self.store.stat(pattern)):
            return [info]
        if found := self.listing(pattern):
            return found
        if not (magic := GLOB.search(pattern)):
            return []
        matches = glob_pattern(pattern).fullmatch
        return sorted(info for info in _objects(self.store.list(pattern[: magic.start()])) if matches(info.path))

    def listing(self, directory: str) -> list[FileInfo]:
        """All objects below a directory; `*`, `?` and `[` in its name are plain characters."""
        return sorted(_objects(self.store.list(f"{directory.rstrip('/')}/")))

    def stat(self, path: str) -> FileInfo | None:
        """One object, whose name is taken literally; None if there is none."""
        return self.store.stat(path)

    def open(self, path: str) -> BinaryIO:
        """Opens an object for reading; the stream is seekable, and fails if the object is replaced meanwhile."""
        info = self.store.stat(path)
        if info is None:
            raise FileNotFoundError(2, "no such object", path)
        return cast("BinaryIO", io.BufferedReader(ObjectStream(self.store, info), BUFFER_BYTES))

    def head(self, info: FileInfo, size: int) -> bytes:
        """The first bytes of an object."""
        end = min(size, info.size)
        return self.store.read(info, 0, end) if end else b""

    def write(self, path: str, data: bytes) -> None:
        """Writes an object directly under its final name, because a store shows only complete objects."""
        self.store.put(path, bytes(data))

    def create(self, path: str) -> GrowingFile:
        """See `Files.create`."""
        return SpooledFile(partial(self.write, path))

    def exists(self, path: str) -> bool:
        """Whether there is an object of this name, or one below it."""
        return self.store.stat(path) is not None or any(True for _ in self.store.list(f"{path.rstrip('/')}/"))

    def delete(self, *paths: str) -> None:
        """Removes objects, or all objects below directories; a missing path is ignored."""
        for path in paths:
            names = [path] if not path.endswith("/") and self.store.stat(path) else []
            names += [info.path for info in self.store.list(f"{path.rstrip('/')}/")]
            if names:
                self.store.delete(names)

    def place(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Copies objects inside the store."""
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(lambda pair: self.store.copy(*pair), pairs):
                pass

    def sync(self, directories: Iterable[str]) -> None:
        """Does nothing: an object is durable once it is written."""


def _objects(found: Iterable[FileInfo]) -> Iterator[FileInfo]:
    """Removes the empty objects that some tools create for directories."""
    return (info for info in found if not info.path.endswith("/"))


class ObjectStream(io.RawIOBase):
    """An object as a stream: each read is one request.

    Args:
        store: the requests.
        info: the object.
    """

    def __init__(self, store: ObjectStore, info: FileInfo) -> None:
        super().__init__()
        self.store = store
        self.info = info
        self.position = 0

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the position; no request is made."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.info.size}[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        """The position."""
        return self.position

    def readinto(self, buffer: object) -> int:
        """Reads into a buffer."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        end = min(self.position + len(view), self.info.size)
        if end <= self.position:
            return 0
        data = self.store.read(self.info, self.position, end)
        view[: len(data)] = data
        self.position += len(data)
        return len(data)

    def readall(self) -> bytes:
        """Reads the rest in one request."""
        if self.position >= self.info.size:
            return b""
        data = self.store.read(self.info, self.position, self.info.size)
        self.position += len(data)
        return data


def glob_pattern(pattern: str) -> re.Pattern[str]:
    """Converts a glob to a regular expression: `*` and `?` stay in a directory, `**` does not.

    >>> [bool(glob_pattern("s3://b/**/*.txt").fullmatch(url)) for url in ("s3://b/1.txt", "s3://b/a/b/1.txt", "s3://b/1.txtx")]
    [True, True, False]
    """
    pieces = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    text = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^]]+\])", pattern):
        if part in pieces:
            text += pieces[part]
        elif part.startswith("[") and part.endswith("]"):
            text += "[" + part[1:-1].replace("\\", r"\\").replace("!", "^", 1 if part[1] == "!" else 0) + "]"
        else:
            text += re.escape(part)
    return re.compile(text, re.DOTALL)
