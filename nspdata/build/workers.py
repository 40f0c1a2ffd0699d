"""Other processes for a local build, forked before Beam starts its threads.

A forked worker shares the imports and the compiled code of its parent, so it costs no start-up; Beam's own
`multi_processing` mode starts a Python of its own for each worker (measured: 2 CPU-seconds each, 10 s in all).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

_installed: list[Executor] = []


def current() -> Executor | None:
    """The processes that `working` has started, or None where the work is done in this one."""
    return _installed[-1] if _installed else None


def how_many(wanted: int, num_tasks: int) -> int:
    """Processes to start: those wanted, or with 0 one a processor; never more than there is to do."""
    return min(wanted or len(os.sched_getaffinity(0)), num_tasks)


@contextmanager
def working(num_workers: int) -> Iterator[None]:
    """Starts this many processes, if more than one; they end with the block, also when it is interrupted."""
    if num_workers <= 1:
        yield
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(num_workers, mp_context=context, initializer=_ignore_interrupts)
    for future in [pool.submit(os.getpid) for _ in range(num_workers)]:
        future.result()
    _installed.append(pool)
    try:
        yield
    except BaseException:
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 - a pool has no public way to stop its work
            process.terminate()
        raise
    finally:
        _installed.remove(pool)
        pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
