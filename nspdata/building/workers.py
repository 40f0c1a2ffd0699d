"""Other processes for a local build, forked before Beam is imported.

A forked worker shares the imports, the tables and the compiled code of its parent, so it costs no start-up (Beam's own
`multi_processing` mode starts a Python of its own for each: measured, 2 CPU-seconds each, 10 s in all), and it works on
the first units while its parent imports Beam.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from nspdata.building.encoders import encoder_of
from nspdata.building.shard import finish_shard
from nspdata.building.tokenize import tokenize_unit
from nspdata.files.any import Places
from nspdata.reading import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from nspdata.building.plan import BuildPlan
    from nspdata.building.shard import ShardResult
    from nspdata.building.tokenize import ReadSummary


def encode_unit(sources: Sequence[Source]) -> bytes:
    """A unit of reading work as JSON."""
    return json.dumps([asdict(source) for source in sources]).encode()


def tokenized(plan: BuildPlan, unit: bytes) -> Iterator[tuple[int, bytes] | ReadSummary]:
    """The spills of a unit, and at the end what was read; here, in this process."""
    sources = [Source(**values) for values in json.loads(unit)]
    return tokenize_unit(plan, sources, Places(), encoder_of(plan))


def finished(plan: BuildPlan, key: int, spills: list[bytes]) -> ShardResult:
    """A shard, built and written here, in this process."""
    return finish_shard(plan, key, spills, Places())


class Workers:
    """The processes of one build.

    Args:
        pool: forked with the plan.
    """

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self.pool = pool
        self.begun: dict[bytes, Future[list[tuple[int, bytes] | ReadSummary]]] = {}

    def begin(self, units: Sequence[bytes]) -> None:
        """Has units worked on before anybody asks for them."""
        self.begun = {unit: self.pool.submit(_tokenized, unit) for unit in units}

    def tokenized(self, unit: bytes) -> Future[list[tuple[int, bytes] | ReadSummary]]:
        """`tokenized`, in another process."""
        return self.begun.pop(unit, None) or self.pool.submit(_tokenized, unit)

    def finished(self, key: int, spills: list[bytes]) -> Future[ShardResult]:
        """`finished`, in another process."""
        return self.pool.submit(_finished, key, spills)


_workers: list[Workers] = []
_plans: list[BuildPlan] = []


def current() -> Workers | None:
    """The processes that `working` has started, or None where the work is done in this one."""
    return _workers[-1] if _workers else None


def how_many(wanted: int, num_tasks: int) -> int:
    """Processes to start: those wanted, or with 0 one a processor; never more than there is to do."""
    return min(wanted or len(os.sched_getaffinity(0)), num_tasks)


@contextmanager
def working(num_workers: int, plan: BuildPlan) -> Iterator[None]:
    """Starts this many processes, if more than one; they end with the block, also when it is interrupted."""
    if num_workers <= 1:
        yield
        return
    gc.freeze()  # a worker that looked through its parent's objects for garbage would copy their pages
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(num_workers, mp_context=context, initializer=_begin, initargs=(plan,))
    for future in [pool.submit(os.getpid) for _ in range(num_workers)]:
        future.result()
    _workers.append(Workers(pool))
    try:
        yield
    except BaseException:
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 - a pool has no public way to stop its work
            process.terminate()
        raise
    finally:
        _workers.pop()
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(plan: BuildPlan) -> None:
    """In a worker: Ctrl-C is the parent's to handle; the plan came with the fork."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _plans.append(plan)


def _tokenized(unit: bytes) -> list[tuple[int, bytes] | ReadSummary]:
    return list(tokenized(_plans[-1], unit))


def _finished(key: int, spills: list[bytes]) -> ShardResult:
    return finished(_plans[-1], key, spills)
