"""The local cache of remote shards, shared by the processes of a machine."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nspdata.errors import ConfigError
from nspdata.files.disk import Disk
from nspdata.files.user_cache import user_cache

try:
    import fcntl
except ImportError:  # not POSIX: two processes may fetch the same shard, and the last rename wins
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.dataset.manifest import ShardEntry

PART = re.compile(r"\.[0-9a-f]{64}\.\d+\.\d+\.part")
"""Names of partial downloads."""

STALE_S = 6 * 3600
"""Seconds after which abandoned partial downloads are deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A local cache of remote shards, and how they are fetched.

    Attributes:
        directory: shared by all processes of the machine.
        max_bytes: its maximum size; the least recently used shards are deleted first. It should hold twice the shards that are in
            use at the same time (64 shards); otherwise some are fetched again.
        range_bytes: bytes of one request.
        tries: maximum attempts of a request, and of a whole shard.
        timeout_s: timeout of one request in seconds, if the filesystem supports it.
        back_off_s: seconds before the first retry; doubled before each further one.
        threads: number of threads that fetch shards in advance; 0 fetches only what is needed now.
        disk: the system calls that change the disk; for tests.

    >>> Cache(directory=Path("cache"), max_bytes=10 << 30).range_bytes
    16777216
    """

    directory: Path = field(default_factory=user_cache)
    max_bytes: int = 64 << 30
    range_bytes: int = 16 << 20
    tries: int = 7
    timeout_s: float = 60.0
    back_off_s: float = 0.5
    threads: int = 4
    disk: Disk = field(default_factory=Disk, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, least in (("max_bytes", 1), ("range_bytes", 1), ("tries", 1), ("threads", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"the cache's {name} must be {least} or more, not {getattr(self, name)}")

    def path(self, entry: ShardEntry) -> Path:
        """The path of a shard in the cache."""
        return Path(self.directory) / entry.sha256[:2] / f"{entry.sha256}.arrow"

    def holds(self, entry: ShardEntry) -> bool:
        """Whether the cache has the complete shard."""
        try:
            return self.path(entry).stat().st_size == entry.bytes
        except FileNotFoundError:
            return False

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Holds a lock of the cache, which excludes all threads and processes of the machine."""
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
                    elif path != part and (time.time() - status.st_mtime > STALE_S or self._is_abandoned(path, part)):
                        found.append((0, status.st_size, path))
            for _, size, path in sorted(found):
                if total <= self.max_bytes:
                    break
                self.disk.remove(path)
                total -= size
            self.disk.write_by(part, partial(_reserve, size_bytes=size_bytes))

    def _is_abandoned(self, path: Path, mine: Path) -> bool:
        """Whether the process that downloaded a part has ended: a download holds the lock of its directory."""
        if fcntl is None or not PART.fullmatch(path.name):
            return False
        if path.parent == mine.parent:
            return True  # this download holds the lock
        with (Path(self.directory) / "locks" / path.parent.name).open("ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            return True


def _reserve(path: Path, size_bytes: int) -> None:
    with path.open("wb") as stream:
        stream.truncate(size_bytes)
