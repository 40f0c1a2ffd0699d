"""A lock that allows one build per directory at a time; a crash releases it.

On the local disk it is `flock` on `.build/lock`; the system releases it when the last process of the build has exited. On an
object store, and on disks without locks, it is a lease: see `nspdata.files.lease`.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nspdata.files.lease import Lease, check_job, leased
from nspdata.files.local import LocalFiles, join
from nspdata.files.owners import WORK, busy, gone, me, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files.local import Files

__all__ = ["LOCK", "WORK", "locked"]

LOCK = f"{WORK}/lock"

ORPHANS_S = 10.0
"""Seconds to wait for the processes of a build whose main process was killed; they exit on their own."""

NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def locked(directory: str, files: Files) -> Iterator[Lease]:
    """Holds the lock of a dataset directory; creates `.build`.

    Yields:
        The lease, which can be handed over to a job.

    Raises:
        InputError: another build holds it; the message has its host, process and age.
    """
    if "://" in directory:
        with leased(directory, files) as lease:
            yield lease
        return
    path = Path(join(directory, LOCK))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = _flocked(path, directory)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        with leased(directory, LocalFiles()) as lease:
            yield lease
        return
    try:
        check_job(directory, files)
        yield Lease(directory, files)
    finally:
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()  # if it is empty
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _flocked(path: Path, directory: str) -> int:
    """Returns the descriptor of the locked file. Forked workers inherit it: the lock is released when all have exited."""
    patience = time.monotonic() + ORPHANS_S
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = parsed(os.pread(descriptor, 1000, 0))
            os.close(descriptor)
            if (owner and not gone(owner)) or time.monotonic() > patience:
                raise busy(directory, owner) from None
            time.sleep(0.05)
            continue
        except BaseException:
            os.close(descriptor)
            raise
        if _same_file(descriptor, path):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(me()).encode(), 0)
            return descriptor
        os.close(descriptor)  # the previous build has removed the file that was opened


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
