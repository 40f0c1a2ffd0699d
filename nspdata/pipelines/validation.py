"""A validation as a Beam pipeline: each shard is checked by a worker, with the source also against its documents."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apache_beam as beam

from nspdata.errors import ShardError
from nspdata.files.any import AnyFiles
from nspdata.files.local import join
from nspdata.interrupts import temporary_directory
from nspdata.reading import expand_inputs
from nspdata.reading.units import make_units
from nspdata.validation.comparing import Encoding, check_inputs, named_shards
from nspdata.validation.fetching import fetch_file, local_directory
from nspdata.validation.findings import Findings
from nspdata.validation.run import ShardChecks, ShardReport, begin, conclude
from nspdata.validation.shard_source import ShardSource, SourceReport
from nspdata.validation.skipping import without_skipped
from nspdata.validation.source_totals import check_totals
from nspdata.validation.spilling import Spiller, documents_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nspdata.dataset.manifest import Manifest
    from nspdata.reading import Source
    from nspdata.validation.findings import Finding
    from nspdata.validation.spec import RowSpec

READING = "reading"
"""Tag of the output with what was read of the input."""

ONE_AT_A_TIME = threading.Lock()
"""The threads of a worker share the encoders."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker needs to know.

    Attributes:
        directory: the dataset, a path or a URL that all workers reach.
        manifest: the dataset's.
        spec: what rows must be.
        findings: of the files other than shards.
        encoding: how the documents are encoded; None if they are not read.
    """

    directory: str
    manifest: Manifest
    spec: RowSpec
    findings: Findings
    encoding: Encoding | None


@dataclass(slots=True)
class Checked:
    """What was found, of one shard or of many.

    Attributes:
        shards: by path.
        source: of the documents.
    """

    shards: dict[str, ShardReport] = field(default_factory=dict)
    source: SourceReport = field(default_factory=SourceReport)


def findings_of_dataset(pipeline: Any, directory: str, inputs: Sequence[str] = (), *, fast: bool = True) -> Any:
    """Checks a dataset; the output has one element, the list of findings.

    The last step holds 20 bytes per row and 16 per document, of all shards.

    Args:
        pipeline: where the steps are added.
        directory: the dataset, a path or a URL that all workers reach.
        inputs: everything that it was built from; none for a check without the source.
        fast: as of `nspdata.validate`.

    Raises:
        ShardError: there is no finished dataset, or its manifest or tokenizer is so wrong that no row can be checked.
        InputError: an input cannot be read.
    """
    job, units = _job(directory, inputs, fast=fast)
    empty = pipeline | "Shards" >> beam.Create([(key, b"") for key in range(len(job.spec.partition.all_paths))])
    if inputs:
        read = (
            pipeline
            | "Units" >> beam.Create(units)
            | "SpreadUnits" >> beam.Reshuffle()
            | "Tokenize"
            >> beam.FlatMap(_tokenized, job).with_output_types(tuple[int, bytes]).with_outputs(READING, main="spills")
        )
        spills = (empty, read.spills) | "AllShards" >> beam.Flatten()
        readings = [read[READING]]
    else:
        spills, readings = empty, []
    checked = spills | "GroupByShard" >> beam.GroupByKey() | "CheckShards" >> beam.ParDo(CheckShards(job))
    return (
        (checked, *readings)
        | "All" >> beam.Flatten()
        | "Merge" >> beam.CombineGlobally(MergeChecked())
        | "Conclude" >> beam.Map(_concluded, job)
    )


def _job(directory: str, inputs: Sequence[str], *, fast: bool) -> tuple[Job, list[list[Source]]]:
    findings = Findings()
    with local_directory(directory, shards=False) as place:
        manifest, spec = begin(place, findings) or (None, None)
        encoding = Encoding.of(place, manifest, spec, fast=fast) if inputs and manifest and spec else None
    if manifest is None or spec is None:
        broken = findings.to_list()[0]
        raise ShardError(f"{directory}: no row can be checked: {broken.rule}: {broken.message}; run nspdata validate")
    sources = expand_inputs(inputs, AnyFiles(), spec.config.input) if inputs else []
    if inputs:
        check_inputs(manifest, sources, findings)
    return Job(directory, manifest, spec, findings, encoding), make_units(sources) if sources else []


def _tokenized(unit: Sequence[Source], job: Job) -> Iterator[Any]:
    """Yields the documents of a unit by shard, and what was read under the tag `READING`."""
    assert job.encoding
    spills: list[tuple[int, bytes]] = []
    encoder, plain = job.encoding.encoder(), job.encoding.plain()
    spiller = Spiller(job.spec, AnyFiles(), encoder, plain, lambda key, data: spills.append((key, data)))
    with ONE_AT_A_TIME:
        reading = spiller.lay_down(unit)
    yield from spills
    yield beam.pvalue.TaggedOutput(READING, Checked(source=SourceReport(reading=reading)))


class CheckShards(beam.DoFn):
    """Checks shards, each with its documents; a file behind a URL is copied to this machine."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def setup(self) -> None:
        """Finds the shards, once for each worker."""
        splits = self.job.manifest.splits.items()
        self.paths, self.named = self.job.spec.partition.all_paths, named_shards(self.job.manifest)
        self.entries = {entry.path: (split, entry) for split, entries in splits for entry in entries}

    def process(self, group: tuple[int, Iterable[bytes]]) -> Iterator[Checked]:
        """Yields what was found."""
        (key, spills), job, checked = group, self.job, Checked()
        path = self.paths[key]
        with _local_shard(job.directory, path) as place:
            if path in self.entries:
                checked.shards[path] = ShardChecks(place, job.spec).check(*self.entries[path])
            if job.encoding:
                documents, dropped = documents_of([data for data in spills if data], job.spec)
                checked.source = ShardSource(place, self.named, job.spec, None).check(path, documents, dropped)
        yield checked


@contextmanager
def _local_shard(directory: str, path: str) -> Iterator[Path]:
    """A local directory that holds the shard at its path."""
    if "://" not in directory:
        yield Path(directory)
        return
    with temporary_directory("nspdata-validate-") as place:
        if AnyFiles().exists(join(directory, path)):
            fetch_file(join(directory, path), Path(place, path))
        yield Path(place)


class MergeChecked(beam.CombineFn):
    """Merges what was found; the order of the parts makes no difference."""

    def create_accumulator(self) -> Checked:
        """Returns an empty one."""
        return Checked()

    def add_input(self, accumulator: Checked, checked: Checked) -> Checked:
        """Adds what was found in one part."""
        accumulator.shards.update(checked.shards)
        accumulator.source += checked.source
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Checked]) -> Checked:
        """Returns the sum of the accumulators."""
        whole = Checked()
        for accumulator in accumulators:
            whole = self.add_input(whole, accumulator)
        return whole

    def extract_output(self, accumulator: Checked) -> Checked:
        """Returns the sum."""
        return accumulator


def _concluded(checked: Checked, job: Job) -> list[Finding]:
    """Checks what only the whole dataset shows; returns all findings."""
    findings, tally = Findings(), ShardReport().tally
    findings.add_all(job.findings)
    for path in job.spec.partition.all_paths:
        if report := checked.shards.get(path):
            findings.add_all(report.findings)
            tally.add(report.tally)
    with local_directory(job.directory, shards=False) as place:
        conclude(place, job.manifest, job.spec, tally, findings)
        if job.encoding:
            compared = Findings()
            compared.add_all(checked.source.findings)
            check_totals(place, job.manifest, checked.source, compared)
            findings.add_all(compared)
    return without_skipped(findings.to_list(), job.manifest)
