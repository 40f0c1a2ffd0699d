"""The peak memory of a build: this process and its children, sampled four times per second, or less often where a sample takes long.

The kernel walks all pages of a process to count shared ones once: 5 ms for 300 MB, which took a tenth of a processor for two workers. A process without
children shares none with them, and the kernel knows the number of its pages.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERVAL_SECONDS = 0.25

MOST_SHARE = 0.02
"""Largest share of one processor's time that the samples take."""

_peak_bytes = [0]


def peak_bytes() -> int:
    """Peak memory of the last watched build in bytes; 0 if the system does not report it."""
    return _peak_bytes[0]


@contextmanager
def watching() -> Iterator[None]:
    """Watches the memory of this process and all its children within the block.

    Start it after the child processes: it uses a thread.
    """
    _peak_bytes[0] = 0
    if not Path("/proc/self/smaps_rollup").exists():
        yield
        return
    done = threading.Event()

    def watch() -> None:
        pause = INTERVAL_SECONDS
        while not done.wait(pause):
            start = time.thread_time()
            _peak_bytes[0] = max(_peak_bytes[0], used_bytes())
            pause = max(INTERVAL_SECONDS, (time.thread_time() - start) / MOST_SHARE)

    thread = threading.Thread(target=watch, name="nspdata-memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        _peak_bytes[0] = max(_peak_bytes[0], used_bytes())
        done.set()
        thread.join()


def used_bytes() -> int:
    """Returns the current memory of this process and its children, shared pages counted once; 0 without Linux' /proc."""
    processes = [*_family(os.getpid())]
    return _resident_bytes() if len(processes) == 1 else sum(map(_of_process, processes))


def _family(process: int) -> Iterator[int]:
    yield process
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _family(int(child))
    except OSError:
        return  # it has ended, or there is no /proc


def _resident_bytes() -> int:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _of_process(process: int) -> int:
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
