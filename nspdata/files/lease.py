"""A lock for object stores, which have none: each build writes a record of its own in `.build/owners`, then lists the records.

A build that finds the live record of another one removes its own and gives up, so of two builds that start at the same time
at least one does (stores list what was written before). If they are that close, both wait for a random time and try again. The
owner renews its record; a record that was not renewed for `LEASE_S` seconds, or whose process is gone from this machine, is void.

A job that outlives its launcher (`--no_wait`, `--template_location`) has a record of its own, which its workers renew.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nspdata.errors import InputError
from nspdata.files.local import join
from nspdata.files.owners import OWNER, WORK, busy, gone, me, number
from nspdata.files.state import read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files.local import Files

OWNERS = f"{WORK}/owners"

JOB = f"{OWNERS}/job.json"
"""Record of a job that outlives its launcher."""

LEASE_S, RENEW_S = 120.0, 30.0
"""Seconds after which an owner record that was not renewed expires, and seconds between two renewals."""

JOB_LEASE_S = 1800.0
"""The same for the record of a job: a cluster may take minutes to start workers, and a unit of work takes minutes."""

TRIES, TIE_S = 5, 5.0
"""How often a build tries again if another started less than so many seconds before or after it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to a directory.

    Attributes:
        directory: the dataset directory.
        files: its file system.
        token: names the owner record; "" if a lock of the system holds the directory.
    """

    directory: str
    files: Files
    token: str = ""

    def hand_over(self, job: str, *, started: bool = True) -> None:
        """Gives the directory to a job, until it ends or its workers make no progress for `JOB_LEASE_S` seconds.

        Args:
            job: where it runs, for messages.
            started: whether it was submitted. The job of a template has the directory from its first unit of work on, unless another
                build has finished there.
        """
        now = time.time()
        record = {**me(), "job": job, "token": self.token, "renewed": now if started else 0.0, "started": now}
        write_state(self.files, join(self.directory, JOB), record)

    def check(self) -> None:
        """Checks that no other build has taken the directory.

        Raises:
            InputError: it has, because this build did not renew its record in time.
        """
        check_held(self.directory, self.token, self.files)


@contextmanager
def leased(directory: str, files: Files) -> Iterator[Lease]:
    """Holds a lease of a directory.

    Raises:
        InputError: another build holds it.
    """
    check_job(directory, files)
    token, mine = _take(directory, files)
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(directory, files, mine, ended), daemon=True)
    renewing.start()
    try:
        yield Lease(directory, files, token)
    finally:
        ended.set()
        renewing.join()
        files.delete(_record_path(directory, token))


def check_held(directory: str, token: str, files: Files) -> None:
    """Checks that the build of this token still holds the directory, in any of its processes.

    Args:
        directory: the dataset directory.
        token: of its lease; with "" nothing is checked.
        files: the file system of the directory.

    Raises:
        InputError: its record was void and another build has removed it, or has written one of its own.
    """
    if not token:
        return
    path = _record_path(directory, token)
    record, now = _own_record(files, path), time.time()
    held = isinstance(record, dict)
    if isinstance(record, dict):
        if now - number(record, "renewed") < LEASE_S:
            return
        write_state(
            files, path, {**record, "renewed": now}
        )  # before the listing: another build that starts now sees it
    job = None if held else read_state(files, join(directory, JOB), OWNER)
    others = _others(directory, files, path)
    if others or not (held or (isinstance(job, dict) and job.get("token") == token)):
        owner = others[0] if others else {}
        who = f" (host {owner.get('host')}, process {owner.get('pid')})" if others else ""
        raise InputError(
            f"{directory}: this build did not renew its lease for {LEASE_S:.0f} s and another build{who} has taken the directory; "
            "this one stops and writes nothing more; run it again when the other has ended, or give another directory with -o"
        )


def _own_record(files: Files, path: str) -> object:
    """Reads a record that another thread or process may renew meanwhile: a store then says that it was replaced."""
    for _ in range(3):
        with suppress(OSError):
            return read_state(files, path, OWNER)
        time.sleep(0.1)
    return read_state(files, path, OWNER)


_checked: dict[str, float] = {}
"""Time of the last check of each token in this process."""


def check_now_and_then(directory: str, token: str, files: Files) -> None:
    """Like `check_held`, but does nothing if the last check was less than a sixth of `RENEW_S` ago.

    Raises:
        InputError: see `check_held`.
    """
    now = time.time()
    if token and not 0 <= now - _checked.get(token, 0.0) < RENEW_S / 6:
        check_held(directory, token, files)
        _checked[token] = now


def check_job(directory: str, files: Files) -> None:
    """Refuses a directory that a job is writing to.

    Raises:
        InputError: a job was submitted without waiting for it, and is alive.
    """
    record = read_state(files, join(directory, JOB), OWNER)
    if isinstance(record, dict) and time.time() - number(record, "renewed") < JOB_LEASE_S:
        more = (
            f": {record.get('job')}; its record expires when no worker has renewed it for {JOB_LEASE_S / 60:.0f} min; if the job "
            f"was cancelled, delete {join(directory, JOB)}"
        )
        raise busy(directory, record, more)


_renewed = 0.0


def renew_job(directory: str, token: str, files: Files) -> None:
    """Renews the record of a job, if there is one; called by its workers before each unit of work, and cheap if it was just renewed.

    Args:
        directory: the dataset directory.
        token: of the job's lease; the record of another job, which may be dead, is not renewed.
        files: the file system of the directory.
    """
    global _renewed  # noqa: PLW0603 - one time per worker process
    now = time.time()
    if now - _renewed < RENEW_S:
        return
    _renewed = now
    path = join(directory, JOB)
    with suppress(Exception):  # the store may fail for a moment; the record is valid for much longer
        record = read_state(files, path, OWNER)
        if isinstance(record, dict) and record.get("token") == token:
            write_state(files, path, {**record, "renewed": now})


def end_job(directory: str, files: Files) -> None:
    """Removes the record of a job that has finished."""
    files.delete(join(directory, JOB))


def _record_path(directory: str, token: str) -> str:
    return join(directory, f"{OWNERS}/{token}.json")


def _take(directory: str, files: Files) -> tuple[str, dict[str, Any]]:
    """Writes a record that no other live record is beside; returns its token and its value."""
    token = secrets.token_hex(8)
    path = _record_path(directory, token)
    for attempt in range(1, TRIES + 1):
        mine = {**me(), "token": token}
        write_state(files, path, {**mine, "renewed": time.time()})
        others = _others(directory, files, path)
        if not others:
            return token, mine
        files.delete(path)
        owner = min(others, key=lambda record: number(record, "started"))
        if attempt == TRIES or number(mine, "started") - number(owner, "started") > TIE_S:
            raise busy(directory, owner, f"; its record is void when it was not renewed for {LEASE_S:.0f} s")
        time.sleep(random.uniform(0.1, 0.5) * attempt)  # noqa: S311 - spreads two builds in time
    raise AssertionError


def _others(directory: str, files: Files, path: str) -> list[dict[str, Any]]:
    """The live records of other builds; removes those that are void."""
    live = []
    for other in (file.path for file in files.listing(join(directory, OWNERS))):
        if other.rpartition("/")[2] in {path.rpartition("/")[2], JOB.rpartition("/")[2]}:
            continue
        record = read_state(files, other, OWNER)
        if not isinstance(record, dict):
            continue  # being removed, or damaged
        if gone(record) or time.time() - number(record, "renewed") >= LEASE_S:
            files.delete(other)
        else:
            live.append(record)
    return live


def _renew(directory: str, files: Files, mine: dict[str, Any], ended: threading.Event) -> None:
    """Renews the record until the lease ends or is lost. A record that another build has removed is not written again."""
    path = _record_path(directory, mine["token"])
    renewed = time.time()
    while not ended.wait(RENEW_S):
        with suppress(Exception):  # a temporary failure of the store is retried before the record expires
            if read_state(files, path, OWNER) is None:
                return
            now = time.time()
            write_state(files, path, {**mine, "renewed": now})
            if now - renewed >= LEASE_S and _others(directory, files, path):  # another build has taken it meanwhile
                files.delete(path)
                return
            renewed = now
