"""The pipeline: the plain functions of `nspdata.build` as Beam transforms; the only room that knows Beam.

```
units ──▶ TokenizeUnits ──(shard, spill)──▶ GroupByShard ──▶ FinishShards ──▶ MergeShards ──▶ FinishBuild
               └──────── what was read ──▶ MergeReading ──────────▲───────────────────────────────▲
```
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from nspdata.build import progress, workers
from nspdata.build.finish import finish_build
from nspdata.build.places import Places
from nspdata.build.shard import ShardResult, check_rejected
from nspdata.build.tokenize import ReadSummary
from nspdata.build.tokenizer import train_from_inputs

if TYPE_CHECKING:
    from concurrent.futures import Future

    from nspdata.build.plan import BuildPlan
    from nspdata.config import Config
    from nspdata.shards import Manifest

READ = "read"
"""Tag of the output that says what was read."""


class BeamFiles:
    """What Beam's filesystems reach (`gs://`, `s3://`, `hdfs://` and whatever is registered). See `nspdata.files.Files`."""

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """The files of a path, a directory or a glob."""
        for tried in (pattern, f"{pattern.rstrip('/')}/**"):
            found = FileSystems.match([tried])[0].metadata_list
            if found:
                return sorted((file.path, file.size_in_bytes) for file in found)
        return []

    def open(self, path: str) -> BinaryIO:
        """Opens a file as it lies, compressed or not."""
        return cast("BinaryIO", FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED))

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file; an object store shows it only when it is whole."""
        with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
            stream.write(bytes(data))

    def exists(self, path: str) -> bool:
        """Whether there is such a file, or a directory with a file in it."""
        return bool(self.match(path))

    def delete(self, path: str) -> None:
        """Removes a file or a directory."""
        if found := [name for name, _ in self.match(path)]:
            FileSystems.delete(found)


class TokenizeUnits(beam.DoFn):
    """Reads and tokenizes units of input: `(shard, spill)`, and what was read under the tag `READ`."""

    def __init__(self, plan: BuildPlan) -> None:
        super().__init__()
        self.plan = plan
        self.documents = Metrics.counter("nspdata", "documents")
        self.text_bytes = Metrics.counter("nspdata", "text_bytes")
        self.rejected = Metrics.counter("nspdata", "rejected")
        self.spill_bytes = Metrics.distribution("nspdata", "spill_bytes")

    def start_bundle(self) -> None:
        """Begins to gather what other processes work on."""
        self.pending: list[Future[list[tuple[int, bytes] | ReadSummary]]] = []

    def process(self, unit: bytes) -> Iterator[Any]:
        """One unit: here and at once, or sent to the local workers."""
        if pool := workers.current():
            self.pending.append(pool.tokenized(unit))
        else:
            yield from map(self._output, workers.tokenized(self.plan, unit))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """What the local workers have made of the units."""
        for future in self.pending:
            for value in future.result():
                output = self._output(value)
                tagged = isinstance(output, beam.pvalue.TaggedOutput)
                windowed = _in_global_window(output.value if tagged else output)
                yield beam.pvalue.TaggedOutput(READ, windowed) if tagged else windowed

    def _output(self, value: tuple[int, bytes] | ReadSummary) -> Any:
        if isinstance(value, ReadSummary):
            documents, text_bytes = value.counts.get("documents", 0), value.counts.get("text_bytes", 0)
            self.documents.inc(documents)
            self.text_bytes.inc(text_bytes)
            self.rejected.inc(sum(value.rejected.values()))
            progress.current().read(documents=documents, text_bytes=text_bytes)
            return beam.pvalue.TaggedOutput(READ, value)
        self.spill_bytes.update(len(value[1]))
        return value


class FinishShards(beam.DoFn):
    """Builds and writes the shards whose spills were grouped."""

    def __init__(self, plan: BuildPlan) -> None:
        super().__init__()
        self.plan = plan
        self.shards = Metrics.counter("nspdata", "shards")
        self.rows = Metrics.counter("nspdata", "rows")
        self.tokens = Metrics.distribution("nspdata", "tokens_a_shard")

    def start_bundle(self) -> None:
        """Begins to gather what other processes work on."""
        self.pending: list[Future[ShardResult]] = []

    def process(self, group: tuple[int, Iterable[bytes]], summary: ReadSummary) -> Iterator[ShardResult]:
        """One shard; before the first, the share of rejected records is checked."""
        check_rejected(self.plan, summary)
        key, spills = group
        spills = [data for data in spills if data]
        if pool := workers.current():
            self.pending.append(pool.finished(key, spills))
        else:
            yield self._count(workers.finished(self.plan, key, spills))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """The shards that the local workers have built."""
        for future in self.pending:
            yield _in_global_window(self._count(future.result()))

    def _count(self, result: ShardResult) -> ShardResult:
        self.shards.inc()
        self.rows.inc(result.entry.rows)
        self.tokens.update(result.entry.tokens)
        progress.current().built(rows=result.entry.rows)
        return result


def _in_global_window(value: Any) -> WindowedValue:
    window = GlobalWindow()
    return WindowedValue(value, window.max_timestamp(), (window,))


class MergeReading(beam.CombineFn):
    """The sum of what was read."""

    def create_accumulator(self) -> ReadSummary:
        """Nothing read."""
        return ReadSummary()

    def add_input(self, accumulator: ReadSummary, summary: ReadSummary) -> ReadSummary:
        """One more."""
        return accumulator + summary

    def merge_accumulators(self, accumulators: Iterable[ReadSummary]) -> ReadSummary:
        """All of them."""
        return sum(accumulators, ReadSummary())

    def extract_output(self, accumulator: ReadSummary) -> ReadSummary:
        """The sum."""
        return accumulator


def finish(result: list[ShardResult], summary: ReadSummary, plan: BuildPlan) -> Manifest:
    """Writes what stands beside the shards, and the manifest last."""
    return finish_build(plan, summary, result, Places())


def build_pipeline(pipeline: beam.Pipeline, plan: BuildPlan, units: Sequence[bytes]) -> beam.PCollection:
    """The whole build as a pipeline: labelled steps, one GroupByKey, one manifest at the end."""
    read = (
        pipeline
        | "Units" >> beam.Create(list(units), reshuffle=False).with_output_types(bytes)
        | "SpreadUnits" >> beam.Reshuffle()
        | "Tokenize"
        >> beam.ParDo(TokenizeUnits(plan)).with_output_types(tuple[int, bytes]).with_outputs(READ, main="spills")
    )
    summary = beam.pvalue.AsSingleton(read[READ] | "MergeReading" >> beam.CombineGlobally(MergeReading()))
    every_shard = [(key, b"") for key in range(plan.total_shards)]
    seeds = pipeline | "EveryShard" >> beam.Create(every_shard, reshuffle=False).with_output_types(tuple[int, bytes])
    return (
        ((read.spills, seeds) | "WithEveryShard" >> beam.Flatten())
        | "GroupByShard" >> beam.GroupByKey()
        | "FinishShards" >> beam.ParDo(FinishShards(plan), summary)
        | "MergeShards" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
        | "FinishBuild" >> beam.Map(finish, summary, plan)
    )


def tokenizer_pipeline(pipeline: beam.Pipeline, inputs: Sequence[str], output: str, config: Config) -> beam.PCollection:
    """A tokenizer's training as one element on one worker: it needs the whole sample in one place."""
    return (
        pipeline
        | "Inputs" >> beam.Create([json.dumps(list(inputs)).encode()], reshuffle=False)
        | "TrainTokenizer" >> beam.Map(_trained_size, output, config)
    )


def _trained_size(inputs: bytes, output: str, config: Config) -> int:
    wordpiece, _ = train_from_inputs(json.loads(inputs), output, config, Places())
    return len(wordpiece.vocabulary)
