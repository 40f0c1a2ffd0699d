"""Worker processes of a local build.

A forked worker shares the imports, the tables and the compiled code of its parent, so it has no start-up time. (Beam's
`multi_processing` mode starts a new Python for each worker: 2 CPU-seconds each, 10 s in total, as measured.) With `spawn` and
`forkserver` each worker imports first.
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

from nspdata.arrays.compiled import interpret
from nspdata.building import progress
from nspdata.building.earlier import earlier_shards
from nspdata.building.encoders import encoder_of
from nspdata.building.parts import is_divided, offered, take
from nspdata.building.pool import ProcessPool, report
from nspdata.building.shard import finish_group
from nspdata.building.tokenize import divide_unit, tokenize_batches, tokenize_unit
from nspdata.files.any import AnyFiles
from nspdata.files.lease import check_now_and_then
from nspdata.reading import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from nspdata.building.parts import Batch
    from nspdata.building.plan import BuildPlan
    from nspdata.building.results import Built
    from nspdata.building.tokenize import ReadSummary

    Value = tuple[int, bytes] | ReadSummary

LOG = logging.getLogger("nspdata")
"""Logger of workers on a Beam engine; the processes of a local build log nothing."""


_FIELDS = tuple(field.name for field in fields(Source))
_VALUES = attrgetter(*_FIELDS)


def encode_unit(sources: Sequence[Source]) -> bytes:
    """Returns a unit of input as JSON: the values of each source, without their names, as there may be millions."""
    return json.dumps([_VALUES(source) for source in sources], separators=(",", ":")).encode()


def tokenized(
    plan: BuildPlan, unit: bytes, *, keep: Callable[[Iterator[Batch]], Iterator[Batch]] = iter
) -> Iterator[Value]:
    """Yields the spills of a unit, then the summary of what was read; runs in this process. See `tokenize_unit` for `keep`."""
    sources = sources_of(unit)
    name = f"{sources[0].name} from byte {sources[0].start}" + (f" and {len(sources) - 1} more" * (len(sources) > 1))
    LOG.info("reading %s", name)
    with _first_failure():
        check_now_and_then(plan.output, plan.lease, AnyFiles())
        for value in tokenize_unit(plan, sources, AnyFiles(), encoder_of(plan), keep=keep):
            if not isinstance(value, tuple):
                LOG.info("read %s: %s documents", name, value.counts.get("documents", 0))
            yield value


def tokenized_part(plan: BuildPlan, part: list[Batch]) -> Iterator[Value]:
    """Yields the spills of a part of a unit, then the summary of its documents; runs in this process."""
    with _first_failure():
        yield (yield from tokenize_batches(plan, part, encoder_of(plan)))


def divided(plan: BuildPlan, unit: bytes) -> Iterator[list[Batch] | ReadSummary]:
    """Yields the documents of a unit in parts, then the summary of what was read; runs in this process."""
    with _first_failure():
        check_now_and_then(plan.output, plan.lease, AnyFiles())
        yield from divide_unit(plan, sources_of(unit), AnyFiles())


def finished(plan: BuildPlan, group: int, spills: list[bytes]) -> Built:
    """Builds and writes a group of shards in this process."""
    name = _title(plan, group)
    LOG.info("building %s of %s spills", name, len(spills))
    with _first_failure():
        built = finish_group(plan, group, spills, AnyFiles())
    size = sum(entry.bytes for entry in built.entries.values())
    LOG.info("built %s: %s rows, %s bytes", name, built.counts["rows"], size)
    return built


def earlier(plan: BuildPlan, groups: Sequence[int]) -> Built:
    """Reads the results of groups of shards that an earlier run has finished; runs in this process."""
    with _first_failure():
        return earlier_shards(plan, groups, AnyFiles())


def _title(plan: BuildPlan, group: int) -> str:
    """Names the shards of a group: the path of the first, and how many more."""
    keys = plan.groups[group]
    return f"{plan.shard_path(keys[0])}{f' and {len(keys) - 1} more' * (len(keys) > 1)}"


class Workers:
    """The worker processes of one build.

    Args:
        pool: processes that have the plan.
        plan: what is built.
    """

    def __init__(self, pool: ProcessPool, plan: BuildPlan) -> None:
        self.pool, self.plan = pool, plan
        self.begun: dict[bytes, Future[list[Value]]] = {}
        self.parts: dict[bytes, list[Future[list[Value]]]] = {}

    def begin(self, units: Sequence[bytes]) -> None:
        """Submits units before the engine requests them."""
        self.begun = {unit: self._submit(unit) for unit in units}

    def tokenized(self, unit: bytes) -> Iterator[Value]:
        """Runs `tokenized` in a worker process, immediately; the results are waited for when they are iterated over."""
        future = self.begun.pop(unit, None) or self._submit(unit)

        def results() -> Iterator[Value]:
            yield from result_of(future)
            for part in self.parts.pop(unit, ()):  # complete, because the reader has finished
                yield from result_of(part)

        return results()

    def take(self, unit: bytes, path: str) -> None:
        """Lets the next idle worker tokenize a part that the reader of a unit has stored."""
        future = self.pool.submit(f"tokenizing a part of {_name(unit)}", _tokenized_part, path, first=True)
        self.parts.setdefault(unit, []).append(future)

    def finished(self, group: int, spills: list[bytes]) -> Future[Built]:
        """Runs `finished` in a worker process."""
        return self.pool.submit(f"building {_title(self.plan, group)}", _finished, group, spills)

    def earlier(self, groups: Sequence[int]) -> Future[Built]:
        """Runs `earlier` in a worker process."""
        return self.pool.submit(f"reading {len(groups)} results of finished shards", _earlier, list(groups))

    def _submit(self, unit: bytes) -> Future[list[Value]]:
        return self.pool.submit(f"reading {_name(unit)}", _tokenized, unit)


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
    with ProcessPool(num_workers, initialize=_begin, arguments=(plan,), on_report=_receive) as pool:
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
    return list(dict.fromkeys(source.path for source in sources_of(unit)))


def _name(unit: bytes) -> str:
    """The files of a unit, for messages."""
    names = list(dict.fromkeys(source.name for source in sources_of(unit)))
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def sources_of(unit: bytes) -> list[Source]:
    """The sources that `encode_unit` got."""
    return [Source(**dict(zip(_FIELDS, values, strict=True))) for values in json.loads(unit)]


def _receive(value: tuple[int, int] | tuple[bytes, str]) -> None:
    """Takes what a worker reports: numbers of documents and bytes for the progress, or a unit and the path of a part of it."""
    if isinstance(value[0], bytes):
        if pool := current():  # else the build has failed
            pool.take(*value)
    else:
        progress.current().read(documents=value[0], text_bytes=value[1])


def _begin(plan: BuildPlan) -> None:
    """Stores the plan in a worker process."""
    interpret(when=plan.interpreted)
    _plans.append(plan)
    progress.send(report)


def _tokenized(unit: bytes) -> list[Value]:
    plan = _plans[-1]
    if not is_divided(sources_of(unit)):
        return list(tokenized(plan, unit))

    def keep(batches: Iterator[Batch]) -> Iterator[Batch]:
        return offered(batches, plan.spill_directory, lambda path: report((unit, path)))

    return list(tokenized(plan, unit, keep=keep))


def _tokenized_part(path: str) -> list[Value]:
    return list(tokenized_part(_plans[-1], take(path)))


def _earlier(groups: list[int]) -> Built:
    return earlier(_plans[-1], groups)


def _finished(group: int, spills: list[bytes]) -> Built:
    return finished(_plans[-1], group, spills)
