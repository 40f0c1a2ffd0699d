"""Datasets elsewhere: any URL that fsspec reads, through a bounded cache on this machine that its processes share.

A shard is fetched in ranges, each tried again where it fails or comes short, and is given its final name only when its sha256 is
the manifest's. The name is that sha256, so a shard in the cache is the right one, whichever dataset or process brought it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from nspdata.dataset.manifest import MANIFEST, VOCABULARY, Manifest
from nspdata.dataset.verification import altered, check_verify
from nspdata.errors import ConfigError, InputError, ShardError
from nspdata.files.any import AnyFiles
from nspdata.files.fsspec import connect

try:
    import fcntl
except ImportError:  # not POSIX: two processes may then fetch the same shard, and the later one's rename wins
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nspdata.dataset.manifest import ShardEntry
    from nspdata.dataset.verification import Verify
    from nspdata.files.local import Files

Answer = TypeVar("Answer")

STALE_S = 6 * 3600
"""Seconds after which abandoned partial downloads are deleted."""


def default_directory() -> Path:
    """`$NSPDATA_CACHE`, or `nspdata` below `$XDG_CACHE_HOME`, or below `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("NSPDATA_CACHE") or Path(home) / "nspdata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Where shards from elsewhere are kept on this machine, and how patiently they are fetched.

    Attributes:
        directory: shared by all processes of the machine.
        max_bytes: what it holds at most; the shards that were used longest ago leave first. It should hold twice the shards that
            are in use at once (64 shards), else some are fetched again.
        range_bytes: bytes of one request.
        tries: how often a request, or a whole shard, is tried.
        timeout_s: seconds that one request may take, where the filesystem can be interrupted.
        back_off_s: seconds before the second try; doubled before each further one.
        threads: requests ahead of need at a time; 0 fetches only what is needed now.

    >>> Cache(directory=Path("cache"), max_bytes=10 << 30).range_bytes
    16777216
    """

    directory: Path = field(default_factory=default_directory)
    max_bytes: int = 64 << 30
    range_bytes: int = 16 << 20
    tries: int = 7
    timeout_s: float = 60.0
    back_off_s: float = 0.5
    threads: int = 4

    def __post_init__(self) -> None:
        for name, least in (("max_bytes", 1), ("range_bytes", 1), ("tries", 1), ("threads", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"the cache's {name} must be {least} or more, not {getattr(self, name)}")

    def path(self, entry: ShardEntry) -> Path:
        """Where a shard lies when it has arrived."""
        return Path(self.directory) / entry.sha256[:2] / f"{entry.sha256}.arrow"

    def holds(self, entry: ShardEntry) -> bool:
        """Whether the shard is there, whole."""
        try:
            return self.path(entry).stat().st_size == entry.bytes
        except FileNotFoundError:
            return False

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Holds one of the cache's locks against all threads and processes of the machine."""
        directory = Path(self.directory) / "locks"
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / name).open("ab") as stream:
            if fcntl is not None:
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def make_room(self, part: Path, size_bytes: int) -> None:
        """Removes the least recently used shards until a part of this size fits, and reserves its space.

        A shard that is memory-mapped stays readable until it is closed.
        """
        part.parent.mkdir(parents=True, exist_ok=True)
        with self.locked("room"):
            found, total = [], size_bytes
            for path in Path(self.directory).glob("??/*"):
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    total += status.st_size
                    if path.suffix == ".arrow":
                        found.append((status.st_atime_ns, status.st_size, path))
                    elif time.time() - status.st_mtime > STALE_S:
                        found.append((0, status.st_size, path))
            for _, size, path in sorted(found):
                if total <= self.max_bytes:
                    break
                path.unlink(missing_ok=True)
                total -= size
            with part.open("wb") as stream:
                stream.truncate(size_bytes)


class RemoteStore:
    """A dataset directory behind a URL."""

    def __init__(
        self, url: str, *, cache: Cache, storage_options: dict[str, Any] | None = None, verify: Verify = "once"
    ) -> None:
        """Connects to nothing yet.

        Args:
            url: of the dataset directory, `s3://bucket/data` for example.
            cache: where shards are kept.
            storage_options: what fsspec's filesystem is made with.
            verify: when the sha256 of a cached shard is checked, besides as it arrives: `once`, `always` or `size`.
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
                "let the build end, or copy the whole directory"
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
        """See `Store.check`: only that the cache can hold each shard; looking for them all would take a request each."""
        for entry in entries:
            if entry.bytes > self.cache.max_bytes:
                raise ConfigError(
                    f"{self.name}/{entry.path} has {entry.bytes} bytes, and the cache holds {self.cache.max_bytes} at most; "
                    "give it a larger max_bytes"
                )

    def open(self, entry: ShardEntry) -> BinaryIO:
        """See `Store.open`: from the cache, into which it is fetched where it is not there."""
        path = self.cache.path(entry)
        while True:
            if not self.cache.holds(entry):
                self.fetch(entry)
            with contextlib.suppress(FileNotFoundError):  # another process may make room meanwhile
                if not altered(path, entry, self._verify):
                    os.utime(
                        path, ns=(time.time_ns(), path.stat().st_mtime_ns)
                    )  # what was used longest ago leaves first
                    return path.open("rb")
                path.unlink()

    def ahead(self, entries: list[ShardEntry]) -> None:
        """See `Store.ahead`."""
        self._ahead.want(entries)

    def fetch(self, entry: ShardEntry) -> None:
        """Brings a shard into the cache, unless another thread or process has.

        Raises:
            ShardError: it is missing, or does not arrive as the manifest names it, however often it is tried.
        """
        path = self.cache.path(entry)
        with self.cache.locked(entry.sha256[:2]):
            if self.cache.holds(entry):
                return
            part = path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}.part")
            name = f"{self.name}/{entry.path}"
            self.cache.make_room(part, entry.bytes)
            try:
                self._patiently(partial(self._download, entry, part), name)
                part.replace(path)
            except FileNotFoundError as error:
                raise ShardError(f"{name}: missing, though the manifest names it; copy the shard again") from error
            finally:
                part.unlink(missing_ok=True)

    def _download(self, entry: ShardEntry, part: Path) -> None:
        """Writes the shard to a file, range by range; `_WrongAnswerError` where its sha256 is not the manifest's."""
        digest, name = hashlib.sha256(), f"{self.name}/{entry.path}"
        with part.open("r+b") as stream:
            for start in range(0, entry.bytes, self.cache.range_bytes):
                end = min(start + self.cache.range_bytes, entry.bytes)
                data = self._patiently(partial(self._range, entry, start, end), name)
                digest.update(data)
                stream.write(data)
        if digest.hexdigest() != entry.sha256:
            raise _WrongAnswerError(
                f"arrived with sha256 {digest.hexdigest()[:12]}..., the manifest says {entry.sha256[:12]}..."
            )

    def _range(self, entry: ShardEntry, start: int, end: int) -> bytes:
        data = self._request(entry.path, start=start, end=end)
        if len(data) == entry.bytes:  # a server that knows no ranges gives the whole
            data = data[start:end]
        if len(data) != end - start:
            raise _WrongAnswerError(f"{len(data)} bytes arrived of the {end - start} from byte {start} on")
        return data

    def _read(self, path: str) -> bytes:
        return self._patiently(partial(self._request, path), f"{self.name}/{path}")

    def _request(self, path: str, **bounds: int) -> bytes:
        """One request, cut short where it takes too long; a filesystem is made in each process, for none survives a fork."""
        if self._process != os.getpid():
            self._filesystem, self._root = _filesystem(self.name, self._storage_options)
            self._process = os.getpid()
        filesystem, name = self._filesystem, f"{self._root.rstrip('/')}/{path}"
        if not filesystem.async_impl:
            return bytes(filesystem.cat_file(name, **bounds))
        from fsspec.asyn import sync

        return bytes(sync(filesystem.loop, filesystem._cat_file, name, timeout=self.cache.timeout_s, **bounds))  # noqa: SLF001

    def _patiently(self, attempt: Callable[[], Answer], name: str) -> Answer:
        """Tries until it succeeds; a missing file or missing permission is reported at once.

        Raises:
            FileNotFoundError: there is no such file.
            ShardError: the last try has failed, or there is no right to read.
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
        """What another process needs to make its own connection."""
        return self.__dict__ | {"_process": 0, "_filesystem": None, "_ahead": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """See `__getstate__`."""
        self.__dict__.update(state)
        self._ahead = _Ahead(self)


class _WrongAnswerError(Exception):
    """An answer that is not what was asked for."""


def _describe_error(error: Exception) -> str:
    return str(error) or type(error).__name__


def _filesystem(url: str, storage_options: dict[str, Any]) -> tuple[Any, str]:
    """What reads the URL: fsspec, else what a build reads it with; and the path of the directory for it."""
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
