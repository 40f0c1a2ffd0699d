"""The plain functions of a build as Beam transforms."""

from __future__ import annotations

from collections import deque
from functools import reduce
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from nspdata.building import progress, workers
from nspdata.building.contents import keep_contents
from nspdata.building.earlier import READERS
from nspdata.building.listed import unit_at
from nspdata.building.parts import is_divided, pack, unpack
from nspdata.building.results import Built
from nspdata.building.shard import check_rejected
from nspdata.building.tokenize import ReadSummary, add_counts
from nspdata.files.any import AnyFiles
from nspdata.files.lease import renew_job
from nspdata.pipelines.lineage import report_sources
from nspdata.statistics import merge, zero

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from nspdata.building.plan import BuildPlan
    from nspdata.statistics import Statistics


class MergeStatistics(beam.CombineFn):
    """Merges statistics."""

    def create_accumulator(self) -> Statistics:
        """Returns empty statistics."""
        return zero()

    def add_input(self, accumulator: Statistics, statistics: Statistics) -> Statistics:
        """Adds the statistics of one part."""
        return merge(accumulator, statistics)

    def merge_accumulators(self, accumulators: Iterable[Statistics]) -> Statistics:
        """Returns the sum of the accumulators."""
        return reduce(merge, accumulators, zero())

    def extract_output(self, accumulator: Statistics) -> Statistics:
        """Returns the merged statistics."""
        return accumulator


READING = "read"
"""Tag of the output with the summaries of reading."""


PARTS = "parts"
"""Tag of the output with the documents of large files that one worker must read: see `nspdata.building.parts`."""


class _Tokenize(beam.DoFn):
    """Outputs `(group of shards, spill)`, and summaries of reading under the tag `READING`."""

    def __init__(self, plan: BuildPlan) -> None:
        super().__init__()
        self.plan = plan
        self.documents = Metrics.counter("nspdata", "documents")
        self.text_bytes = Metrics.counter("nspdata", "text_bytes")
        self.rejected = Metrics.counter("nspdata", "rejected")
        self.spill_bytes = Metrics.distribution("nspdata", "spill_bytes")

    def _output(self, value: tuple[int, bytes] | ReadSummary) -> Any:
        if isinstance(value, ReadSummary):
            documents, text_bytes = value.counts.get("documents", 0), value.counts.get("text_bytes", 0)
            self.documents.inc(documents)
            self.text_bytes.inc(text_bytes)
            self.rejected.inc(sum(value.rejected.values()))
            return beam.pvalue.TaggedOutput(READING, value)
        self.spill_bytes.update(len(value[1]))
        return value


class TokenizeUnits(_Tokenize):
    """Reads and tokenizes units of input.

    Args:
        plan: of the build.
        divide: whether to output large files that one worker must read in parts, under the tag `PARTS`.
    """

    def __init__(self, plan: BuildPlan, *, divide: bool = False) -> None:
        super().__init__(plan)
        self.divide = divide

    def start_bundle(self) -> None:
        """Starts an empty list of results that local workers compute."""
        self.pending: list[Iterator[tuple[int, bytes] | ReadSummary]] = []

    def process(self, unit: bytes) -> Iterator[Any]:
        """Processes one unit in this process, or submits it to the local workers."""
        renew_job(self.plan.output, self.plan.lease, AnyFiles())
        unit = unit_at(self.plan, unit, AnyFiles())
        report_sources(workers.paths_of(unit))
        if pool := workers.current():
            self.pending.append(pool.tokenized(unit))
        elif self.divide and is_divided(workers.sources_of(unit), on_runner=True):
            for value in workers.divided(self.plan, unit):
                if isinstance(value, list):
                    yield beam.pvalue.TaggedOutput(PARTS, pack(value))
                else:
                    yield self._output(value)
        else:
            yield from map(self._output, workers.tokenized(self.plan, unit))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Outputs the results of the local workers."""
        for values in self.pending:
            for value in values:
                output = self._output(value)
                tagged = isinstance(output, beam.pvalue.TaggedOutput)
                windowed = in_global_window(output.value if tagged else output)
                yield beam.pvalue.TaggedOutput(READING, windowed) if tagged else windowed


class TokenizeParts(_Tokenize):
    """Tokenizes the parts of large files."""

    def process(self, part: bytes) -> Iterator[Any]:
        """Processes one part in this process."""
        yield from map(self._output, workers.tokenized_part(self.plan, unpack(part)))


class FinishShards(beam.DoFn):
    """Builds and writes groups of shards from their spills."""

    def __init__(self, plan: BuildPlan) -> None:
        super().__init__()
        self.plan = plan
        self.shards = Metrics.counter("nspdata", "shards")
        self.rows = Metrics.counter("nspdata", "rows")
        self.tokens = Metrics.distribution("nspdata", "tokens_per_shard")

    def setup(self) -> None:
        """Resets the flag: the content of the inputs is recorded or compared once, before the first shard."""
        self.checked = False

    def start_bundle(self) -> None:
        """Starts empty lists: of results that local workers compute, and of groups that an earlier run has finished."""
        self.pending: deque[Future[Any]] = deque()
        self.earlier: list[int] = []

    def process(self, group: tuple[int, Iterable[bytes]], summary: ReadSummary) -> Iterator[Built]:
        """Builds one group of shards; checks the share of rejected records before the first."""
        if not self.checked:
            check_rejected(self.plan, summary)
            keep_contents(self.plan, summary, AnyFiles())
            self.checked = True
        renew_job(self.plan.output, self.plan.lease, AnyFiles())
        number, spills = group
        if self.plan.groups[number][0] in self.plan.finished:
            self.earlier.append(number)
            if len(self.earlier) == READERS:
                yield from self._read_earlier()
            return
        spills = [data for data in spills if data]
        if pool := workers.current():
            self.pending.append(pool.finished(number, spills))
        else:
            yield self._count(workers.finished(self.plan, number, spills))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Outputs the shards that the local workers have built."""
        if self.earlier:
            yield from map(in_global_window, self._read_earlier())
        while self.pending:  # frees each result after it was output
            yield in_global_window(self._count(workers.result_of(self.pending.popleft())))

    def _read_earlier(self) -> Iterator[Built]:
        """Reads the results of finished groups together, as each takes two requests."""
        groups, self.earlier = self.earlier, []
        if pool := workers.current():
            self.pending.append(pool.earlier(groups))
        else:
            yield self._count(workers.earlier(self.plan, groups))

    def _count(self, built: Built) -> Built:
        for key, entry in built.entries.items():
            self.shards.inc()
            self.rows.inc(entry.rows)
            self.tokens.update(entry.tokens)
            if key not in self.plan.finished:
                progress.current().built(rows=entry.rows)
        return built


class MergeShards(beam.CombineFn):
    """Combines finished shards: collects entries, sums counts and statistics, so that elements do not grow with the vocabulary."""

    def create_accumulator(self) -> Built:
        """Returns the empty sum."""
        return Built()

    def add_input(self, accumulator: Built, built: Built) -> Built:
        """Adds some shards."""
        accumulator.entries.update(built.entries)
        return Built(
            entries=accumulator.entries,
            counts=add_counts(accumulator.counts, built.counts),
            statistics=merge(accumulator.statistics, built.statistics),
        )

    def merge_accumulators(self, accumulators: Iterable[Built]) -> Built:
        """Returns the sum of the accumulators."""
        return Built.merged(accumulators)

    def extract_output(self, accumulator: Built) -> Built:
        """Returns the sum of all shards."""
        return accumulator


def in_global_window(value: Any) -> WindowedValue:
    """Wraps a value for output at the end of a bundle."""
    window = GlobalWindow()
    return WindowedValue(value, window.max_timestamp(), (window,))


class MergeReading(beam.CombineFn):
    """Sums the summaries of reading."""

    def create_accumulator(self) -> ReadSummary:
        """Returns the empty summary."""
        return ReadSummary()

    def add_input(self, accumulator: ReadSummary, summary: ReadSummary) -> ReadSummary:
        """Adds one summary."""
        return accumulator.absorb(summary)

    def merge_accumulators(self, accumulators: Iterable[ReadSummary]) -> ReadSummary:
        """Returns the sum of the accumulators."""
        return reduce(ReadSummary.absorb, accumulators, ReadSummary())

    def extract_output(self, accumulator: ReadSummary) -> ReadSummary:
        """Returns the sum."""
        return accumulator
