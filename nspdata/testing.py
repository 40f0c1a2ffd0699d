"""Tools for the tests of programs that use nspdata."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nspdata.files.disk import Disk
from nspdata.files.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["FAULTS", "Fault", "FaultyFiles", "Stopped"]

Fault = Literal["full", "broken", "torn", "stop", "lost", "hollow"]
"""What happens at the chosen step.

`full`: OSError ENOSPC. `broken`: OSError EIO. `torn`: a write leaves half of its bytes, then the process stops. `stop`: the process
stops before the step. `lost`: as `stop`, and every change of names that was not synchronized is undone, as after a power failure.
`hollow`: as `stop`, and all names survive, but files whose bytes were not synchronized are empty, as on ext4 and XFS.
"""

FAULTS: tuple[Fault, ...] = ("full", "broken", "torn", "stop", "lost", "hollow")


class Stopped(BaseException):
    """The simulated end of the process; not an Exception, so that no program handles it."""


class FaultyFiles(LocalFiles):
    """The local disk with one fault: for exhaustive tests that a program survives a crash at any moment.

    Every write, fsync, rename, link, removal and new directory is a step. Run the program once without a fault to count the
    steps, then once with a fault at each of them; after each, run it again with sound files and compare the result:

    ```
    steps = FaultyFiles.count(lambda files: save(path, files))
    for fault in FAULTS:
        for step in range(steps):
            with contextlib.suppress(Stopped, OSError):
                save(path, FaultyFiles(fail_at=step, fault=fault))
            save(path, LocalFiles())
            assert is_whole(path)
    ```

    After a fault that stops the process no further step is done: each raises `Stopped`, also in `finally` blocks.

    Args:
        fail_at: the step that fails, from 0; None for no fault.
        fault: what happens at that step.
        kill: end the real process by SIGKILL if a fault would raise `Stopped`.
    """

    def __init__(self, *, fail_at: int | None = None, fault: Fault = "stop", kill: bool = False) -> None:
        self.faults = FaultyDisk(fail_at=fail_at, fault=fault, kill=kill)
        super().__init__(self.faults)

    @property
    def steps(self) -> int:
        """Number of steps so far, including the failed one."""
        return len(self.faults.log)

    @property
    def log(self) -> list[str]:
        """The steps in order, such as `replace manifest.json`."""
        return self.faults.log

    @staticmethod
    def count(program: Callable[[FaultyFiles], object]) -> int:
        """Counts the steps of a program that runs without a fault."""
        files = FaultyFiles()
        program(files)
        return files.steps


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of names that is not durable until its directory is synchronized."""

    directory: Path
    undo: Callable[[], object]


class FaultyDisk(Disk):
    """The steps of `FaultyFiles`. It records changes that are not synchronized, so that they can be undone."""

    def __init__(self, *, fail_at: int | None, fault: Fault, kill: bool) -> None:
        self.fail_at = fail_at
        self.fault = fault
        self.kill = kill
        self.log: list[str] = []
        self.stopped = False
        self._unsynced: set[int] = set()
        self._changes: list[_Change] = []

    def write(self, path: Path, data: bytes) -> None:
        """See `Disk.write`."""
        if self._step(f"write {path.name}"):
            path.write_bytes(bytes(data)[: len(data) // 2])
            self._stop()
        self._changes.append(_Change(path.parent, lambda: path.unlink(missing_ok=True)))
        super().write(path, data)
        self._unsynced.add(path.stat().st_ino)

    def write_by(self, path: Path, write: Callable[[Path], object]) -> None:
        """See `Disk.write_by`."""
        torn = self._step(f"write {path.name}")
        self._changes.append(_Change(path.parent, lambda: path.unlink(missing_ok=True)))
        super().write_by(path, write)
        self._unsynced.add(path.stat().st_ino)
        if torn:
            os.truncate(path, path.stat().st_size // 2)
            self._stop()

    def append(self, path: Path, data: bytes | bytearray) -> None:
        """See `Disk.append`."""
        if self._step(f"write {path.name}"):
            super().append(path, bytes(data)[: len(data) // 2])
            self._stop()
        if not path.exists():
            self._changes.append(_Change(path.parent, lambda: path.unlink(missing_ok=True)))
        super().append(path, data)
        self._unsynced.add(path.stat().st_ino)

    def sync(self, path: Path) -> None:
        """See `Disk.sync`."""
        self._step(f"sync {path.name}")
        super().sync(path)
        self._unsynced.discard(path.stat().st_ino)
        self._changes = [change for change in self._changes if change.directory != path]

    def sync_all(self, paths: Sequence[Path]) -> None:
        """See `Disk.sync_all`; in the order of the paths, so that the steps are the same each time."""
        for path in paths:
            self.sync(path)

    def replace(self, source: Path, target: Path) -> None:
        """See `Disk.replace`."""
        self._step(f"replace {target.name}")
        replaced = self._bytes_of(target)
        super().replace(source, target)

        def undo() -> None:
            target.replace(source)
            if replaced is not None:
                target.write_bytes(replaced)

        self._changes.append(_Change(target.parent, undo))

    def remove(self, path: Path) -> None:
        """See `Disk.remove`."""
        self._step(f"remove {path.name}")
        removed = self._bytes_of(path)
        super().remove(path)
        if removed is not None:
            self._changes.append(_Change(path.parent, lambda: path.write_bytes(removed)))

    def make_directory(self, path: Path) -> None:
        """See `Disk.make_directory`."""
        self._step(f"make_directory {path.name}")
        super().make_directory(path)
        self._changes.append(_Change(path.parent, lambda: shutil.rmtree(path, ignore_errors=True)))

    def remove_directory(self, path: Path) -> None:
        """See `Disk.remove_directory`."""
        self._step(f"remove_directory {path.name}")
        super().remove_directory(path)
        self._changes.append(_Change(path.parent, lambda: path.mkdir(exist_ok=True)))

    def _step(self, name: str) -> bool:
        """Counts a step and fails at the chosen one; True if the write is to be torn."""
        if self.stopped:
            raise Stopped(f"{name}: after the end of the process")
        self.log.append(name)
        if len(self.log) - 1 != self.fail_at:
            return False
        if self.fault in {"full", "broken"}:
            number = errno.ENOSPC if self.fault == "full" else errno.EIO
            raise OSError(number, os.strerror(number), name)
        if self.fault == "torn" and name.startswith("write "):
            return True
        self._stop()
        return False

    def _stop(self) -> None:
        self.stopped = True
        if self.fault == "lost":
            self._undo()
        if self.fault == "hollow":
            self._empty()
        if self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        raise Stopped(self.log[-1])

    def _bytes_of(self, path: Path) -> bytes | None:
        """The bytes of a file that is about to be replaced or removed, in case that must be undone."""
        return path.read_bytes() if self.fault == "lost" and path.is_file() else None

    def _undo(self) -> None:
        """Undoes the changes of names that are not durable, the last first."""
        for change in reversed(self._changes):
            with suppress(OSError):
                change.undo()

    def _empty(self) -> None:
        """Empties the files whose bytes are not durable."""
        for directory in {change.directory for change in self._changes}:
            for path in directory.glob("*"):
                if path.is_file() and path.stat().st_ino in self._unsynced:
                    os.truncate(path, 0)
