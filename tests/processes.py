"""Commands that tests signal: their processes, and the moments of a build, seen from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 120.0
"""Seconds to wait for a moment on a busy machine."""


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Starts `nspdata` in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "nspdata", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - it only sets a signal
        env={**os.environ, **environment},
    )


def heed_interrupts() -> None:
    """Before a command starts: a shell that runs these tests in the background has SIGINT ignored, which is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(process: subprocess.Popen[str], moment: Callable[[], object]) -> bool:
    """Waits until the moment has come; False if the process has ended before."""
    deadline = time.monotonic() + PATIENCE
    while not moment():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the moment did not come"
        time.sleep(0.002)
    return process.poll() is None


def lines_without_warnings(complained: str) -> list[str]:
    """The lines of stderr, without the warnings about the corpus that a build prints before its work."""
    return [line for line in complained.splitlines() if not line.startswith("warning (")]


def files(directory: Path, suffix: str) -> list[str]:
    """The files below a directory whose path has this in it; directories may vanish meanwhile."""
    paths = [os.path.join(parent, name) for parent, _, names in os.walk(directory) for name in names]  # noqa: PTH118
    return [path for path in paths if suffix in path]


def catches_sigterm(pid: int) -> bool:
    """Whether the process has installed its handlers."""
    lines = read(f"/proc/{pid}/status").splitlines()
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt")), "0")
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def maps(pid: int, library: str) -> bool:
    """Whether a shared library is loaded."""
    return library in read(f"/proc/{pid}/maps")


def read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def running(group: int) -> list[int]:
    """The processes of a group that run; those that only wait to be reaped are not counted."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - names
        fields = read(f"/proc/{name}/stat").rpartition(")")[2].split()
        if len(fields) > 2 and fields[0] != "Z" and int(fields[2]) == group:
            found.append(int(name))
    return found


def gone(group: int, seconds: float = 5.0) -> bool:
    """Whether every process of a group ends in the 5 seconds that are promised; a busy machine (load 10 on 2 cores) took 1.2."""
    deadline = time.monotonic() + seconds
    while running(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
