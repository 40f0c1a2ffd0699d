"""Statistics as Beam pipelines: of the shards of a dataset, or of raw documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apache_beam as beam

from nspdata.building.encoders import encoder_of
from nspdata.building.prepare import make_plan
from nspdata.building.shard import group_documents
from nspdata.building.tokenize import ReadSummary, tokenize_unit, unspill
from nspdata.dataset.manifest import VOCABULARY, read_manifest
from nspdata.files.any import AnyFiles
from nspdata.files.local import join
from nspdata.pipelines.transforms import READING, MergeStatistics
from nspdata.reading import expand_inputs
from nspdata.reading.units import make_units
from nspdata.statistics import (
    PartStatistics,
    Statistics,
    merge,
    summarize_documents,
    summarize_reading,
    to_dict,
    to_json,
)
from nspdata.statistics.recompute import entries_of, summarize_stream
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.vocabulary import Vocabulary
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.config.build import Config
    from nspdata.dataset.manifest import ShardEntry
    from nspdata.files.local import Files
    from nspdata.reading import Source


def statistics_of_shards(pipeline: Any, directory: str) -> Any:
    """Computes the statistics of the rows of a finished dataset; the output has one element.

    Raises:
        ShardError: the directory is unfinished.
    """
    files = AnyFiles()
    manifest = read_manifest(directory, files=files)
    with files.open(join(directory, VOCABULARY)) as stream:
        vocabulary = Vocabulary.parse(stream.read().decode("utf-8"))
    return (
        pipeline
        | "Shards" >> beam.Create(entries_of(manifest))
        | "SpreadShards" >> beam.Reshuffle()
        | "SummarizeShards" >> beam.Map(shard_statistics, directory, vocabulary)
        | "MergeStatistics" >> beam.CombineGlobally(MergeStatistics())
    )


def shard_statistics(entry: ShardEntry, directory: str, vocabulary: Vocabulary) -> Statistics:
    """Returns the statistics of one shard, local or remote."""
    path = join(directory, entry.path)
    with AnyFiles().open(path) as stream:
        return summarize_stream(stream, entry, vocabulary, name=path)


def statistics_of_documents(pipeline: Any, inputs: Sequence[str], tokenizer: str, config: Config) -> Any:
    """Computes the statistics of documents as a build does, without rows and counts of pairing; the output has one element.

    Raises:
        ConfigError: a setting is wrong.
        InputError: an input is missing or cannot be read.
    """
    sources = expand_inputs(inputs, AnyFiles(), config.input)
    wordpiece = WordPiece.load(
        tokenizer, lowercase=config.tokenizer.lowercase, strip_accents=config.tokenizer.strip_accents
    )
    plan = make_plan(sources, "", wordpiece, config)
    tokenized = (
        pipeline
        | "Units" >> beam.Create(make_units(sources))
        | "SpreadUnits" >> beam.Reshuffle()
        | "Tokenize"
        >> beam.FlatMap(unit_statistics, plan).with_output_types(tuple[int, bytes]).with_outputs(READING, main="spills")
    )
    documents = (
        tokenized.spills | "GroupByShard" >> beam.GroupByKey() | "SummarizeShards" >> beam.Map(group_statistics, plan)
    )
    return (
        (tokenized[READING], documents)
        | "Both" >> beam.Flatten()
        | "MergeStatistics" >> beam.CombineGlobally(MergeStatistics())
    )


def unit_statistics(unit: Sequence[Source], plan: BuildPlan) -> Iterator[Any]:
    """Yields the documents of a unit by shard, and the summary of reading under the tag `READING`."""
    for value in tokenize_unit(plan, unit, ReadOnly(AnyFiles()), encoder_of(plan)):
        if isinstance(value, ReadSummary):
            yield beam.pvalue.TaggedOutput(READING, merge(value.statistics, summarize_reading(value.counts)))
        else:
            yield value


def group_statistics(group: tuple[int, Iterable[bytes]], plan: BuildPlan) -> Statistics:
    """Returns the statistics of the documents of a group of shards, without exact duplicates, as in a build."""
    gathered = TokenizedDocuments.concatenate([unspill(data) for data in group[1]], plan.vocabulary.dtype)
    documents, counts, shards = group_documents(plan, group[0], gathered)
    return Statistics(corpus=summarize_documents(documents, plan.vocabulary, shards) + PartStatistics(counts=counts))


class _Discarded:
    """A new file whose bytes go nowhere; see `GrowingFile`."""

    def write(self, data: memoryview) -> None:
        """Does nothing."""

    def finish(self) -> None:
        """Does nothing."""

    def discard(self) -> None:
        """Does nothing."""


class ReadOnly:
    """Read-only files: writes are discarded. For jobs that only count and must not write rejected records."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def write(self, path: str, data: bytes) -> None:
        """Does nothing."""

    def create(self, path: str) -> _Discarded:  # noqa: ARG002 - the interface of files
        """Returns a file whose bytes are discarded."""
        return _Discarded()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.files, name)


def write_statistics(statistics: Statistics, path: str) -> str:
    """Writes statistics in the format of `statistics.json`; returns the path."""
    AnyFiles().write(path, (to_json(to_dict(statistics)) + "\n").encode())
    return path
