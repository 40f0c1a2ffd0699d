"""Worker processes of a local build, forked before Beam is imported.

A forked worker shares the imports, the tables and the compiled code of its parent, so it has no start-up time. (Beam's
`multi_processing` mode starts a new Python for each worker: 2 CPU-seconds each, 10 s in total, as measured.) It works on the
first units while its parent imports Beam. With `spawn` and `forkserver` each worker imports first.
"""

from __future__ import annotations

import gc
import json
import logging
import os
from contextlib import contextmanager
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from nspdata.building import progress
from nspdata.building.earlier import earlier_shards
from nspdata.building.encoders import encoder_of
from nspdata.building.pool import ProcessPool, report
from nspdata.building.shard import finish_shard
from nspdata.building.tokenize import tokenize_unit
from nspdata.files.any import AnyFiles
from nspdata.files.lease import check_now_and_then
from nspdata.reading import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from nspdata.building.plan import BuildPlan
    from nspdata.building.shard import Built, ShardResult
    from nspdata.building.tokenize import ReadSummary

LOG = logging.getLogger("nspdata")
"""Logger of workers on a Beam engine; the processes of a local build log nothing."""


_FIELDS = tuple(field.name for field in fields(Source))
_VALUES = attrgetter(*_FIELDS)


def encode_unit(sources: Sequence[Source]) -> bytes:
    """Returns a unit of input as JSON: the values of each source, without their names, as there may be millions."""
    return json.dumps([_VALUES(source) for source in sources], separators=(",", ":")).encode()


def tokenized(plan: BuildPlan, unit: bytes) -> Iterator[tuple[int, bytes] | ReadSummary]:
    """Yields the spills of a unit, then the summary of what was read; runs in this process."""
    sources = _sources(unit)
    name = f"{sources[0].name} from byte {sources[0].start}" + (f" and {len(sources) - 1} more" * (len(sources) > 1))
    LOG.info("reading %s", name)
    with _first_failure():
        check_now_and_then(plan.output, plan.lease, AnyFiles())
        for value in tokenize_unit(plan, sources, AnyFiles(), encoder_of(plan)):
            if not isinstance(value, tuple):
                LOG.info("read %s: %s documents", name, value.counts.get("documents", 0))
            yield value


def finished(plan: BuildPlan, key: int, spills: list[bytes]) -> ShardResult:
    """Builds and writes a shard in this process."""
    path = plan.shard_path(key)
    LOG.info("building %s of %s spills", path, len(spills))
    with _first_failure():
        result = finish_shard(plan, key, spills, AnyFiles())
    LOG.info("built %s: %s rows, %s bytes", path, result.entry.rows, result.entry.bytes)
    return result


def earlier(plan: BuildPlan, keys: Sequence[int]) -> Built:
    """Reads the results of shards that an earlier run has finished; runs in this process."""
    with _first_failure():
        return earlier_shards(plan, keys, AnyFiles())


class Workers:
    """The worker processes of one build.

    Args:
        pool: processes that have the plan.
        plan: what is built.
    """

    def __init__(self, pool: ProcessPool, plan: BuildPlan) -> None:
        self.pool, self.plan = pool, plan
        self.begun: dict[bytes, Future[list[tuple[int, bytes] | ReadSummary]]] = {}

    def begin(self, units: Sequence[bytes]) -> None:
        """Submits units before the engine requests them."""
        self.begun = {unit: self._submit(unit) for unit in units}

    def tokenized(self, unit: bytes) -> Future[list[tuple[int, bytes] | ReadSummary]]:
        """Runs `tokenized` in a worker process."""
        return self.begun.pop(unit, None) or self._submit(unit)

    def finished(self, key: int, spills: list[bytes]) -> Future[ShardResult]:
        """Runs `finished` in a worker process."""
        return self.pool.submit(f"building {self.plan.shard_path(key)}", _finished, key, spills)

    def earlier(self, keys: Sequence[int]) -> Future[Built]:
        """Runs `earlier` in a worker process."""
        return self.pool.submit(f"reading the results of {len(keys)} finished shards", _earlier, list(keys))

    def _submit(self, unit: bytes) -> Future[list[tuple[int, bytes] | ReadSummary]]:
        names = list(dict.fromkeys(source.name for source in _sources(unit)))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return self.pool.submit(f"reading {names[0]}{more}", _tokenized, unit)


_workers: list[Workers] = []
_plans: list[BuildPlan] = []
_failures: list[Exception] = []


def current() -> Workers | None:
    """Returns the worker processes that `working` has started, or None if this process does the work."""
    return _workers[-1] if _workers else None


def how_many(wanted: int, num_tasks: int) -> int:
    """Returns the number of processes to start: `wanted`, or one per processor if that is 0; at most one per task."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(wanted or available, num_tasks)


Result = TypeVar("Result")


def result_of(future: Future[Result]) -> Result:
    """Returns the result of a worker process; stores its exception for `failure`."""
    with _first_failure():
        return future.result()


def failure() -> Exception | None:
    """Returns the first exception since `working` began, because an engine raises only its text."""
    return _failures[0] if _failures else None


@contextmanager
def working(num_workers: int, plan: BuildPlan) -> Iterator[None]:
    """Starts this many processes, if more than one; they are stopped when the block ends or is interrupted."""
    _failures.clear()
    if num_workers <= 1:
        yield
        return
    gc.freeze()  # garbage collection in a worker would copy the parent's pages
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one process per processor; otherwise it warns of forks
    with ProcessPool(num_workers, initialize=_begin, arguments=(plan,), on_report=_show) as pool:
        _workers.append(Workers(pool, plan))
        try:
            yield
        finally:
            _workers.pop()


@contextmanager
def _first_failure() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        _failures.append(error)
        raise


def paths_of(unit: bytes) -> list[str]:
    """The paths of a unit's files, distinct, in order."""
    return list(dict.fromkeys(source.path for source in _sources(unit)))


def _sources(unit: bytes) -> list[Source]:
    return [Source(**dict(zip(_FIELDS, values, strict=True))) for values in json.loads(unit)]


def _show(read: tuple[int, int]) -> None:
    progress.current().read(documents=read[0], text_bytes=read[1])


def _begin(plan: BuildPlan) -> None:
    """Stores the plan in a worker process."""
    _plans.append(plan)
    progress.send(report)


def _tokenized(unit: bytes) -> list[tuple[int, bytes] | ReadSummary]:
    return list(tokenized(_plans[-1], unit))


def _earlier(keys: list[int]) -> Built:
    return earlier(_plans[-1], keys)


def _finished(key: int, spills: list[bytes]) -> ShardResult:
    return finished(_plans[-1], key, spills)
