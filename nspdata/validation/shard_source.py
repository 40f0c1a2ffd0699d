"""Checks one shard against the documents that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from nspdata.dataset.schema import row_schema
from nspdata.instances.rows import Rows
from nspdata.statistics import PartStatistics, summarize_documents
from nspdata.validation.coverage import Origin, check_cover
from nspdata.validation.findings import Findings, Notes
from nspdata.validation.lookup import look_up
from nspdata.validation.rebuilding import check_rebuilt
from nspdata.validation.shard_files import read_batches, sound_parts
from nspdata.validation.spilling import Reading

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.validation.spec import RowSpec


@dataclass(slots=True)
class SourceReport:
    """What was found by comparing shards with their documents; reports can be added.

    Attributes:
        findings: what is wrong.
        reading: of the input.
        built: counts of the second half of the build, from the documents.
        corpus: statistics of the documents.
        origin: sums over the rows that were looked up.
        rebuilt: what building the shards again counted.
    """

    findings: Findings = field(default_factory=Findings)
    reading: Reading = field(default_factory=Reading)
    built: dict[str, int] = field(default_factory=dict)
    corpus: PartStatistics = field(default_factory=PartStatistics)
    origin: Origin = field(default_factory=Origin)
    rebuilt: dict[str, int] = field(default_factory=dict)

    def __iadd__(self, other: Self) -> Self:
        self.findings.add_all(other.findings)
        self.reading += other.reading
        self.built = _sum(self.built, other.built)
        self.corpus += other.corpus
        self.origin += other.origin
        self.rebuilt = _sum(self.rebuilt, other.rebuilt)
        return self

    @property
    def counts(self) -> dict[str, int]:
        """The counts of the second half of the build, from the documents and the rows."""
        if not self.origin.placed:
            return self.built
        return {**self.built, "sentences_unpaired": self.origin.sentences_unpaired}


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


@dataclass(frozen=True, slots=True)
class ShardSource:
    """Checks shards against their documents, each apart from the others.

    Attributes:
        directory: the dataset directory.
        named: paths of the shards that the manifest names.
        spec: what rows must be.
        names: hashes of the ids of all documents of the input, shape (any,), uint64, sorted; None if they are not known.
    """

    directory: Path
    named: frozenset[str]
    spec: RowSpec
    names: NDArray[np.uint64] | None

    def check(self, path: str, documents: TokenizedDocuments, dropped: dict[str, int]) -> SourceReport:
        """Checks a shard.

        Args:
            path: of the shard, in the dataset directory.
            documents: those that belong to it, in order.
            dropped: counts of documents that were left out.
        """
        report = SourceReport(corpus=summarize_documents(documents, self.spec.vocabulary))
        held = {"documents": len(documents), "sentences": documents.num_sentences, "tokens": len(documents.ids)}
        report.built = {**held, **dropped}
        self._look_up(path, documents, report)
        return report

    def _look_up(self, path: str, documents: TokenizedDocuments, report: SourceReport) -> None:
        """Looks up the rows of a shard, and builds it again if all of them are right."""
        report.origin = Origin(placed=False)
        read = self._read(path, report.findings)
        if read is None:
            return
        rows, notes, whole = read
        places = look_up(rows, documents, self.names, self.spec, notes)
        if not whole:
            return
        report.origin = check_cover(rows, places, documents, self.spec, notes)
        if not len(report.findings):
            report.rebuilt = check_rebuilt(rows, documents, self.spec, notes, self.spec.partition.place(path))

    def _read(self, path: str, findings: Findings) -> tuple[Rows, Notes, bool] | None:
        """The rows of a shard with a valid shape, and whether these are all rows; `validate` reports the others."""
        ignored, batches = Findings(), None
        if path in self.named and (self.directory / path).exists():
            batches = read_batches(self.directory / path, path, self.spec, ignored)
        if batches is None:
            return None
        parts = list(sound_parts(batches, path, self.spec, ignored))
        numbers = np.concatenate([np.zeros(0, np.int64), *(notes.numbers for _, notes in parts)])
        none = Rows.from_batch(pa.RecordBatch.from_pylist([], schema=row_schema(self.spec.metadata)))
        rows = Rows.concatenate([none, *(rows for rows, _ in parts)])
        return rows, Notes(findings, path, numbers), len(rows) == sum(map(len, batches))
