"""A build on this machine without Beam: the functions of `nspdata.pipelines.build`, called in loops.

Beam's in-process engine runs the same steps with the same result. But its import, the translation of the pipeline and its bundles took 2 of the
5 CPU-seconds of a small build, and it holds each grouped element several times.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from nspdata.building import progress, workers
from nspdata.building.contents import keep_contents
from nspdata.building.earlier import READERS
from nspdata.building.finish import finish_build
from nspdata.building.results import Built
from nspdata.building.shard import check_rejected
from nspdata.building.tokenize import ReadSummary
from nspdata.files.any import AnyFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from nspdata.building.plan import BuildPlan
    from nspdata.dataset.manifest import Manifest


def build_here(plan: BuildPlan, units: Sequence[bytes]) -> Manifest:
    """Runs a whole build, in the worker processes that `workers.working` has started or in this process.

    Raises:
        NspdataError: what a worker raised, as it raised it.
    """
    files = AnyFiles()
    summary, spills = ReadSummary(), defaultdict[int, list[bytes]](list)
    for value in _tokenized(plan, units):
        if isinstance(value, ReadSummary):
            summary = summary.absorb(value)
        else:
            spills[value[0]].append(value[1])
    check_rejected(plan, summary)
    keep_contents(plan, summary, files)
    built = Built.merged(_shown(plan, _finished(plan, spills)))
    return finish_build(plan, summary, built, files)


def _tokenized(plan: BuildPlan, units: Sequence[bytes]) -> Iterator[tuple[int, bytes] | ReadSummary]:
    """The spills and summaries of all units, in the order of the units."""
    if not (pool := workers.current()):
        for unit in units:
            yield from workers.tokenized(plan, unit)
        return
    pending = deque(pool.tokenized(unit) for unit in units)
    while pending:  # frees each result after it was used
        yield from pending.popleft()


def _finished(plan: BuildPlan, spills: dict[int, list[bytes]]) -> Iterator[Built]:
    """The results of all groups: those of earlier runs first, then the others in order. Removes the spills of each group."""
    earlier: list[int] = []
    rest: list[int] = []
    for group, keys in enumerate(plan.groups):
        (earlier if keys[0] in plan.finished else rest).append(group)
    parts = [earlier[start : start + READERS] for start in range(0, len(earlier), READERS)]
    if not (pool := workers.current()):
        yield from (workers.earlier(plan, part) for part in parts)
        yield from (workers.finished(plan, group, spills.pop(group, [])) for group in rest)
        return
    pending: deque[Future[Any]] = deque(
        [*map(pool.earlier, parts), *(pool.finished(group, spills.pop(group, [])) for group in rest)]
    )
    while pending:
        yield workers.result_of(pending.popleft())


def _shown(plan: BuildPlan, results: Iterable[Built]) -> Iterator[Built]:
    """Counts the shards of this run for the progress as they are finished."""
    for built in results:
        for key, entry in built.entries.items():
            if key not in plan.finished:
                progress.current().built(rows=entry.rows)
        yield built
