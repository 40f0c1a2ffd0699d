"""Ctrl-C and SIGTERM end a command, its child processes and its temporary files within seconds, with one line on stderr.

A `KeyboardInterrupt` can be raised in the middle of an import, a fork or a callback of a library, and is then lost or
printed as a traceback. So the command does not unwind: the handler prints its line, stops the children, runs the
registered cleanups and exits. Output files are written under temporary names and renamed, so nothing else is needed.

Only the command line installs these handlers. In a Python program that calls nspdata, Ctrl-C stays a `KeyboardInterrupt`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)

GRACE_SECONDS = 2.0
"""Seconds that the main thread has to handle a signal; then another thread ends the process (the main thread may be in C code)."""

STOP_SECONDS = 1.0
"""Seconds between SIGTERM and SIGKILL for child processes."""

PARENT = "NSPDATA_PARENT"
"""Environment variable: the process id of the `nspdata` command that started this one, and that prints the line for both."""

_advice = ""
_owner = 0
_ending = False
_cleanups: list[Callable[[], object]] = []


def install(advice: str = "") -> None:
    """Handles SIGINT and SIGTERM from now on. Call it once, in the main thread.

    Args:
        advice: what the user can do next, such as "the same command resumes the build".
    """
    global _advice, _owner
    _advice, _owner = advice, os.getpid()
    _end_with_parent()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), name="nspdata-signals", daemon=True).start()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # a shell ignores SIGINT for its background jobs
            signal.signal(number, _handle)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)


@contextlib.contextmanager
def cleanup(callback: Callable[[], object]) -> Iterator[None]:
    """Calls `callback` if the command is interrupted within the block; it must be quick and take no locks."""
    _cleanups.append(callback)
    try:
        yield
    finally:
        _cleanups.remove(callback)


@contextlib.contextmanager
def temporary_directory(prefix: str, *, parent: str | os.PathLike[str] | None = None) -> Iterator[str]:
    """A directory that is removed at the end of the block, also if the command is interrupted.

    Args:
        prefix: of its name.
        parent: where it is created; by default where the system keeps temporary files.
    """
    import shutil
    import tempfile

    with (
        tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as directory,
        cleanup(lambda: shutil.rmtree(directory, ignore_errors=True)),
    ):
        yield directory


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Asks Linux to send this process a signal when its parent ends; does nothing on other systems.

    Args:
        parent: process id of the parent; if it has ended already, this process ends at once.
        number: the signal.
    """
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        with contextlib.suppress(OSError, AttributeError):  # a C library without prctl
            ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def descendants() -> list[int]:
    """Process ids of the children of this process, and of theirs; on Linux all, elsewhere those of `multiprocessing`."""
    if not os.path.isdir("/proc/self"):  # noqa: PTH112 - pathlib need not be imported for this
        module = sys.modules.get("multiprocessing")
        return [child.pid for child in module.active_children()] if module else []
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        if found := _state_and_parent(int(name)):
            children.setdefault(found[1], []).append(int(name))
    result, stack = [], [os.getpid()]
    while stack:
        below = children.get(stack.pop(), [])
        result += below
        stack += below
    return result


def stop_descendants() -> None:
    """Ends all descendants: SIGTERM, then SIGKILL for those that still run a second later."""
    deadline = time.monotonic() + STOP_SECONDS
    left = descendants()
    _send(left, signal.SIGTERM)
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [pid for pid in left if _runs(pid)]
    _send(left or descendants(), signal.SIGKILL)  # the list again: a child may have been forked in between
    for pid in left:
        _runs(pid)


def _end_with_parent() -> None:
    """A command that another `nspdata` started ends with it."""
    if parent := os.environ.pop(PARENT, ""):
        die_with_parent(int(parent), signal.SIGTERM)
        global _advice  # noqa: PLW0603
        _advice = PARENT


def _handle(number: int, _frame: object) -> None:
    if os.getpid() != _owner:
        os._exit(128 + number)
    _end(number)


def _end(number: int) -> None:
    """Ends the process; a second call (another Ctrl-C) skips the cleanups."""
    global _ending
    first, _ending = not _ending, True
    try:
        if first and _advice != PARENT:
            _print(f"nspdata: interrupted{'; ' * bool(_advice)}{_advice}\n")
        stop_descendants()
        for callback in reversed(_cleanups) if first else ():
            with contextlib.suppress(Exception):
                callback()
    finally:
        os._exit(128 + number)


def _print(text: str) -> None:
    """Writes without Python's buffers, which the interrupted code may have locked."""
    with contextlib.suppress(OSError):
        os.write(2, (("\r\x1b[?25h\x1b[K" if os.isatty(2) else "") + text).encode())


def _watch(reader: int) -> None:
    """Ends the process for a main thread that does not run its handler."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    while received := os.read(reader, 64):
        for number in received:
            if number in SIGNALS and signal.getsignal(number) is _handle:
                time.sleep(GRACE_SECONDS)
                _end(number)


def _forget() -> None:
    """Restores the default handlers in a forked child."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            if signal.getsignal(number) is _handle:
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    _cleanups.clear()


def _send(processes: list[int], number: int) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _runs(pid: int) -> bool:
    """Whether a descendant runs; one that has ended is reaped if it is a child."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    if os.path.isdir("/proc/self"):  # noqa: PTH112
        found = _state_and_parent(pid)
        return found is not None and found[0] != "Z"
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def _state_and_parent(pid: int) -> tuple[str, int] | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            state, parent = file.read().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return state, int(parent)
