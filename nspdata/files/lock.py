"""A lock that allows one build per directory at a time; a crash releases it.

On the local disk it is `flock` on `.build/lock`; the system releases it when the last process of the build has exited. On an
object store it is the record `.build/owner.json`, which its owner renews; a record that is not renewed for `LEASE_S` seconds, or
whose process is gone from this machine, is taken over. Object stores have no lock: two builds that start within the same
second may both continue until the next renewal, when one of them notices the other.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nspdata.errors import InputError
from nspdata.files.local import LocalFiles, join
from nspdata.files.state import read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files.local import Files

WORK = ".build"
"""Directory in a dataset directory with the files of an unfinished build; it is removed at the end."""

LOCK, OWNER = f"{WORK}/lock", f"{WORK}/owner.json"

LEASE_S, RENEW_S = 120.0, 30.0
"""Seconds after which an owner record that was not renewed expires, and seconds between two renewals."""

ORPHANS_S = 10.0
"""Seconds to wait for the processes of a build whose main process was killed; they exit on their own."""

NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def locked(directory: str, files: Files) -> Iterator[None]:
    """Holds the lock of a dataset directory; creates `.build`.

    Raises:
        InputError: another build holds it; the message has its host, process and age.
    """
    if "://" in directory:
        with _leased(directory, files):
            yield
        return
    path = Path(join(directory, LOCK))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = _flocked(path, directory)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        with _leased(directory, LocalFiles()):
            yield
        return
    try:
        yield
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
            owner = _parsed(os.pread(descriptor, 1000, 0))
            os.close(descriptor)
            if (owner and not _gone(owner)) or time.monotonic() > patience:
                raise _busy(directory, owner) from None
            time.sleep(0.05)
            continue
        except BaseException:
            os.close(descriptor)
            raise
        if _same_file(descriptor, path):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(_me()).encode(), 0)
            return descriptor
        os.close(descriptor)  # the previous build has removed the file that was opened


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _leased(directory: str, files: Files) -> Iterator[None]:
    path, mine = join(directory, OWNER), {**_me(), "token": secrets.token_hex(8)}
    owner = read_state(files, path)
    if isinstance(owner, dict) and not _gone(owner) and time.time() - _number(owner, "renewed") < LEASE_S:
        raise _busy(directory, owner, f"; its record is void when it was not renewed for {LEASE_S:.0f} s")
    write_state(files, path, {**mine, "renewed": time.time()})
    if not _is_mine(files, path, mine):
        raise _busy(directory, read_state(files, path))
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(files, path, mine, ended), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        if _is_mine(files, path, mine):
            files.delete(path)


def _renew(files: Files, path: str, mine: dict[str, Any], ended: threading.Event) -> None:
    while not ended.wait(RENEW_S):
        with suppress(Exception):  # a temporary failure of the store is retried before the record expires
            if not _is_mine(files, path, mine):
                return
            write_state(files, path, {**mine, "renewed": time.time()})


def _is_mine(files: Files, path: str, mine: dict[str, Any]) -> bool:
    owner = read_state(files, path)
    return isinstance(owner, dict) and owner.get("token") == mine["token"]


def _me() -> dict[str, Any]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "began": _began(pid), "started": time.time()}


def _began(pid: int) -> str:
    """Returns the start time of a process of this machine, in kernel ticks; "" if it is unknown or there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _gone(owner: dict[str, Any]) -> bool:
    """Whether the owner was a process of this machine that has exited."""
    if owner.get("host") != socket.gethostname():
        return False
    pid = int(_number(owner, "pid"))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return owner.get("began") != _began(pid)


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        owner = json.loads(data)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _number(owner: dict[str, Any], key: str) -> float:
    value = owner.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


def _busy(directory: str, owner: dict[str, Any] | None, more: str = "") -> InputError:
    owner = owner or {}
    age = max(0.0, time.time() - _number(owner, "started")) if owner else 0.0
    return InputError(
        f"{directory}: another build is writing to it (host {owner.get('host', 'unknown')}, process {owner.get('pid', 'unknown')}, "
        f"started {_ago(age)} ago{more}); wait until it ends, stop it, or give another directory with -o"
    )


def _ago(seconds: float) -> str:
    """A duration in its largest unit.

    >>> _ago(3), _ago(90), _ago(7300)
    ('3 s', '1 min', '2 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min" if seconds < 3600 else f"{seconds // 3600:.0f} h"
