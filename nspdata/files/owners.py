"""The record of who builds in a directory: host, process, times."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nspdata.errors import InputError, ShardError
from nspdata.files.checked_json import LARGEST, TEXT, parse, record

if TYPE_CHECKING:
    from nspdata.files.checked_json import Schema

WORK = ".build"
"""Directory in a dataset directory with the files of an unfinished build; it is removed at the end."""

TIME: Schema = {"type": "number", "minimum": 0, "maximum": LARGEST}
"""Seconds since 1970."""

OWNER = record(
    {},
    {
        "host": TEXT,
        "pid": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
        "began": TEXT,
        "started": TIME,
        "renewed": TIME,
    },
)
"""A record. Other keys are ignored."""


def me() -> dict[str, Any]:
    """Returns the record of this process."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "began": _began(pid), "started": time.time()}


def _began(pid: int) -> str:
    """Returns the start time of a process of this machine, in kernel ticks; "" if it is unknown or there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def gone(owner: dict[str, Any]) -> bool:
    """Whether the owner was a process of this machine that has exited."""
    if owner.get("host") != socket.gethostname():
        return False
    pid = int(number(owner, "pid"))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return owner.get("began") != _began(pid)


def parsed(data: bytes) -> dict[str, Any]:
    """Parses a record; a damaged one gives an empty record."""
    try:
        owner: dict[str, Any] = parse(data, name="owner", schema=OWNER)
    except ShardError:
        return {}
    return owner


def number(owner: dict[str, Any], key: str) -> float:
    """Returns a number of a record; 0 if it is missing."""
    value = owner.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


def busy(directory: str, owner: dict[str, Any] | None, more: str = "") -> InputError:
    """Returns the error for a directory that another build is writing to."""
    owner = owner or {}
    age = max(0.0, time.time() - number(owner, "started")) if owner else 0.0
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
