"""Remote datasets: any URL that fsspec reads, through a bounded local cache.

A shard is fetched in ranges; a range that fails or is too short is retried. The shard gets its final name only if its sha256 is
the manifest's. The name is this sha256, so a shard in the cache is always the right one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from nspdata.dataset.manifest import MANIFEST, VOCABULARY, Manifest
from nspdata.dataset.verification import altered, check_verify
from nspdata.errors import ConfigError, InputError, ShardError
from nspdata.files.any import AnyFiles
from nspdata.files.fsspec import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nspdata.dataset.cache import Cache
    from nspdata.dataset.manifest import ShardEntry
    from nspdata.dataset.verification import Verify
    from nspdata.files.local import Files

Answer = TypeVar("Answer")


class RemoteStore:
    """A dataset directory behind a URL."""

    def __init__(
        self, url: str, *, cache: Cache, storage_options: dict[str, Any] | None = None, verify: Verify = "once"
    ) -> None:
        """Makes no connection yet.

        Args:
            url: of the dataset directory, `s3://bucket/data` for example.
            cache: where shards are kept.
            storage_options: options of fsspec's filesystem.
            verify: when the sha256 of a cached shard is checked, in addition to the check after the download: `once`, `always` or `size`.
        """
        self.name = url.rstrip("/")
        self.cache = cache
        self._storage_options = storage_options or {}
        self._verify = check_verify(verify)
        self._process = 0
        self._filesystem: Any = None
        self._root = ""
        self._ahead = _Ahead(self)

    def manifest(self) -> Manifest:
        """See `Store.manifest`."""
        try:
            return Manifest.from_json(self._read(MANIFEST), name=f"{self.name}/{MANIFEST}")
        except FileNotFoundError as error:
            raise ShardError(
                f"{self.name}: no {MANIFEST}, so this is not a finished dataset (or no dataset at all); "
                "wait for the end of the build, or copy the whole directory"
            ) from error

    def vocabulary(self) -> str:
        """See `Store.vocabulary`."""
        path = VOCABULARY
        try:
            return self._read(path).decode()
        except FileNotFoundError as error:
            raise ShardError(f"{self.name}/{path}: missing; copy the whole dataset directory") from error

    def read(self, path: str) -> bytes | None:
        """See `Store.read`."""
        try:
            return self._read(path)
        except FileNotFoundError:
            return None

    def check(self, entries: list[ShardEntry]) -> None:
        """See `Store.check`: checks only that each shard fits into the cache, because a check of existence would take one request per shard."""
        for entry in entries:
            if entry.bytes > self.cache.max_bytes:
                raise ConfigError(
                    f"{self.name}/{entry.path} has {entry.bytes} bytes, and the cache holds {self.cache.max_bytes} at most; "
                    "give it a larger max_bytes"
                )

    def open(self, entry: ShardEntry) -> BinaryIO:
        """See `Store.open`: from the cache; a missing shard is fetched first."""
        path = self.cache.path(entry)
        while True:
            if not self.cache.holds(entry):
                self.fetch(entry)
            with contextlib.suppress(FileNotFoundError):  # another process may delete it
                if not altered(path, entry, self._verify):
                    os.utime(
                        path, ns=(time.time_ns(), path.stat().st_mtime_ns)
                    )  # the least recently used shard is deleted first
                    return path.open("rb")
                self.cache.disk.remove(path)

    def ahead(self, entries: list[ShardEntry]) -> None:
        """See `Store.ahead`."""
        self._ahead.want(entries)

    def fetch(self, entry: ShardEntry) -> None:
        """Fetches a shard into the cache, unless another thread or process has done so.

        Raises:
            ShardError: it is missing, or differs from the manifest after all retries.
        """
        path, disk = self.cache.path(entry), self.cache.disk
        with self.cache.locked(entry.sha256[:2]):
            if self.cache.holds(entry):
                return
            part = path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}.part")
            name = f"{self.name}/{entry.path}"
            self.cache.make_room(part, entry.bytes)
            try:
                self._retried(partial(disk.write_by, part, partial(self._download, entry)), name)
                disk.replace(part, path)
            except FileNotFoundError as error:
                raise ShardError(f"{name}: missing, though the manifest names it; copy the shard again") from error
            finally:
                with contextlib.suppress(OSError):
                    disk.remove(part)

    def _download(self, entry: ShardEntry, part: Path) -> None:
        """Writes the shard to a file, range by range; raises `_WrongAnswerError` if its sha256 is not the manifest's."""
        digest, name = hashlib.sha256(), f"{self.name}/{entry.path}"
        with part.open("r+b") as stream:
            for start in range(0, entry.bytes, self.cache.range_bytes):
                end = min(start + self.cache.range_bytes, entry.bytes)
                data = self._retried(partial(self._range, entry, start, end), name)
                digest.update(data)
                stream.write(data)
        if digest.hexdigest() != entry.sha256:
            raise _WrongAnswerError(
                f"downloaded with sha256 {digest.hexdigest()[:12]}..., the manifest says {entry.sha256[:12]}..."
            )

    def _range(self, entry: ShardEntry, start: int, end: int) -> bytes:
        data = self._request(entry.path, start=start, end=end)
        if len(data) == entry.bytes:  # a server without ranges returns the whole file
            data = data[start:end]
        if len(data) != end - start:
            raise _WrongAnswerError(f"{len(data)} of {end - start} bytes from byte {start} were received")
        return data

    def _read(self, path: str) -> bytes:
        return self._retried(partial(self._request, path), f"{self.name}/{path}")

    def _request(self, path: str, **bounds: int) -> bytes:
        """Makes one request, with a timeout. Each process has its own filesystem, because connections do not survive a fork."""
        if self._process != os.getpid():
            self._filesystem, self._root = _filesystem(self.name, self._storage_options)
            self._process = os.getpid()
        filesystem, name = self._filesystem, f"{self._root.rstrip('/')}/{path}"
        if not filesystem.async_impl:
            return bytes(filesystem.cat_file(name, **bounds))
        from fsspec.asyn import sync

        return bytes(sync(filesystem.loop, filesystem._cat_file, name, timeout=self.cache.timeout_s, **bounds))  # noqa: SLF001

    def _retried(self, attempt: Callable[[], Answer], name: str) -> Answer:
        """Retries a request; a missing file or missing permission is reported at once.

        Raises:
            FileNotFoundError: there is no such file.
            ShardError: the last retry failed, or there is no permission to read.
        """
        for number in range(self.cache.tries):
            try:
                return attempt()
            except (ConfigError, InputError, ShardError, FileNotFoundError):
                raise
            except PermissionError as error:
                raise ShardError(f"{name}: no permission to read it ({error}); check the credentials") from error
            except Exception as error:
                if number + 1 == self.cache.tries:
                    raise ShardError(
                        f"{name}: cannot be fetched, tried {self.cache.tries} times ({_describe_error(error)})"
                    ) from error
                time.sleep(self.cache.back_off_s * 2**number * (1 + os.getpid() % 16 / 16))
        raise AssertionError

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out the connection: another process opens its own."""
        return self.__dict__ | {"_process": 0, "_filesystem": None, "_ahead": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """See `__getstate__`."""
        self.__dict__.update(state)
        self._ahead = _Ahead(self)


class _WrongAnswerError(Exception):
    """An answer that differs from the request."""


def _describe_error(error: Exception) -> str:
    return str(error) or type(error).__name__


def _filesystem(url: str, storage_options: dict[str, Any]) -> tuple[Any, str]:
    """Returns the filesystem of the URL (fsspec's, else that of a build), and the path of the directory in it."""
    try:
        return connect(url, storage_options)
    except ConfigError as error:
        if storage_options:
            raise
        try:
            return _Ranges(AnyFiles().of(url)), url
        except ConfigError:
            raise error from None


class _Ranges:
    """The part of fsspec's interface that is used here, over the files of a build."""

    async_impl = False

    def __init__(self, files: Files) -> None:
        self._files = files

    def cat_file(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes `start` to `end` of a file."""
        with self._files.open(path) as stream:
            stream.seek(start)
            return stream.read() if end is None else stream.read(end - start)


class _Ahead:
    """Threads that fetch shards ahead of need; their errors are reported when the shard is needed."""

    def __init__(self, store: RemoteStore) -> None:
        self._store = store
        self._process = 0
        self._queue: deque[ShardEntry] = deque()
        self._seen: set[str] = set()
        self._queued_bytes = 0
        self._news = threading.Semaphore(0)

    def want(self, entries: list[ShardEntry]) -> None:
        """Adds shards to the queue; the threads are started by the first call in each process."""
        if self._process != os.getpid():
            self._process, self._queue, self._news = os.getpid(), deque(), threading.Semaphore(0)
            self._seen, self._queued_bytes = set(), 0
            for _ in range(self._store.cache.threads):
                threading.Thread(target=self._run, daemon=True).start()
        for entry in entries:
            full = self._queued_bytes + entry.bytes > self._store.cache.max_bytes // 2
            if entry.sha256 not in self._seen and not full and not self._store.cache.holds(entry):
                self._seen.add(entry.sha256)
                self._queued_bytes += entry.bytes
                self._queue.append(entry)
                self._news.release()

    def _run(self) -> None:
        while True:
            self._news.acquire()
            entry = self._queue.popleft()
            with contextlib.suppress(ShardError, ConfigError, OSError):
                self._store.fetch(entry)
            self._queued_bytes -= entry.bytes
            self._seen.discard(entry.sha256)
