"""Takes a deterministic sample that is spread over the input, and extrapolates it to the whole.

Sources of one format and compression are sampled together, for only of them bytes on the disk say the same. Large files of
lines are cut into ranges and some of these are read to their end; of another large file the beginning is read. Sources and
ranges are taken in the order of a hash of their names, so neither the order nor the place of the files changes the sample.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from nspdata.files.bounded import BoundedReads
from nspdata.reading.documents import joined
from nspdata.reading.read import read_source
from nspdata.reading.records import count_rejected
from nspdata.reading.units import Budget, sampling_order, split_sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nspdata.config.input import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.documents import DocumentBatch, DocumentLanguages
    from nspdata.reading.records import ReadBatch
    from nspdata.reading.sources import Source

READ_BYTES = 192_000_000
"""Text that is read at most, about."""

KEPT_BYTES = 16_000_000
"""Text that is kept to be tokenized, about."""

READ_FILES = 1000
"""Small files that are read at most, about, unless more are needed for the text that is kept: reading one costs 0.2 CPU-milliseconds."""

RANGE_BYTES = 1 << 20

MOST_SEARCHED = 1024
"""Ranges of a megabyte that are read in addition, in search of the beginning of long lines."""

BATCH_BYTES = 1 << 20

READ_AT_ONCE = 1 << 16


@dataclass(slots=True)
class Sample:
    """A sample of an input.

    Attributes:
        counts: estimated totals of the whole input: `records`, `documents`, `text_bytes`, `rejected.<reason>`.
        read_seconds: estimated wall time of reading the whole input in one process, seconds.
        read_processor_seconds: the same as CPU time, seconds.
        batches: documents, in batches of about a megabyte.
        kept_bytes: bytes of text in `batches`.
        whole: whether the sample is the whole input.
    """

    counts: Counter[str] = field(default_factory=Counter)
    read_seconds: float = 0.0
    read_processor_seconds: float = 0.0
    batches: list[DocumentBatch] = field(default_factory=list)
    kept_bytes: int = 0
    whole: bool = True


def take_sample(  # noqa: PLR0913 - two budgets
    sources: Sequence[Source],
    files: Files,
    settings: InputConfig,
    *,
    expected_bytes: int,
    read_bytes: int = READ_BYTES,
    kept_bytes: int = KEPT_BYTES,
    languages: DocumentLanguages | None = None,
) -> Sample:
    """Takes a sample.

    Args:
        sources: whole files.
        files: the file systems.
        settings: how records are read.
        expected_bytes: estimated bytes of text of all sources.
        read_bytes: approximate maximum of text to read.
        kept_bytes: approximate maximum of text to keep.
        languages: the languages of the documents, if a field of their records names them.
    """
    strata: dict[tuple[str, str], list[Source]] = defaultdict(list)
    for source in sources:
        strata[source.format, source.compression].append(source)
    sample, kept = Sample(), []
    kept_share = min(1.0, kept_bytes / max(1, expected_bytes))
    read_share = max(kept_share, min(1.0, read_bytes / max(1, expected_bytes), READ_FILES / max(1, len(sources))))
    keep_share = kept_share / read_share
    for _, stratum in sorted(strata.items()):
        reader = _Reader(stratum, files, settings, languages, read_share=read_share, keep_share=keep_share)
        kept += reader.kept(sample)
        sample.whole &= read_share == keep_share == 1
    sample.batches = list(_regrouped(kept))
    return sample


class _Reader:
    """Reads the sources of one format and compression."""

    def __init__(  # noqa: PLR0913 - two shares
        self,
        sources: Sequence[Source],
        files: Files,
        settings: InputConfig,
        languages: DocumentLanguages | None,
        *,
        read_share: float,
        keep_share: float,
    ) -> None:
        self.units = sorted(split_sources(sources, range_bytes=RANGE_BYTES), key=sampling_order)
        self.files = _Watched(files)
        self.settings, self.languages = settings, languages
        size = sum(unit.stored_bytes for unit in self.units)
        self.budget = Budget(round(read_share * size), size)
        self.keep_share = keep_share
        self.counts: Counter[str] = Counter()
        self.kept_bytes = 0

    def kept(self, sample: Sample) -> list[DocumentBatch]:
        """The kept documents; adds the estimated totals of this stratum to the sample."""
        kept: list[DocumentBatch] = []
        start, started = time.perf_counter(), time.process_time()
        skipped = []
        for unit in self.units:
            left = self.budget.after(unit.stored_bytes)
            if left > 0:
                self.budget.taken += unit.stored_bytes * self._read(unit, left / max(1, unit.stored_bytes), kept)
            else:
                skipped.append(unit)
        self._find_long(skipped, kept)
        scale = self.budget.seen / self.budget.taken if self.budget.taken else 0.0
        sample.read_seconds += scale * (time.perf_counter() - start)
        sample.read_processor_seconds += scale * (time.process_time() - started)
        sample.kept_bytes += self.kept_bytes
        sample.counts.update({key: count * scale for key, count in self.counts.items()})
        return kept

    def _find_long(self, units: list[Source], kept: list[DocumentBatch]) -> None:
        """Reads other ranges, if less began in those of the sample than half of their size: most were within long lines."""
        if not self.units[0].can_be_split:
            return
        for unit in sorted(units, key=attrgetter("start", "name"))[:MOST_SEARCHED]:
            if 2 * self.counts["input_bytes"] >= self.budget.taken:
                break
            self._read(unit, 1.0, kept)
        self.budget.taken = max(self.budget.taken, min(self.budget.seen, self.counts["input_bytes"]))

    def _read(self, unit: Source, share: float, kept: list[DocumentBatch]) -> float:
        """Reads about this share of a unit (a range always to its end) and returns the share read."""
        before, records = self.files.read_bytes, 0
        num_rows = _num_rows(unit, self.files.files) if share < 1 and unit.format == "parquet" else 0
        for batch in read_source(unit, self.files, self.settings, languages=self.languages, batch_bytes=READ_AT_ONCE):
            kept += self._taken(batch)
            records += batch.records
            done = records / num_rows if num_rows else (self.files.read_bytes - before) / max(1, unit.stored_bytes)
            if unit.end is None and not unit.start and share <= done < 1:
                return done
        return 1.0

    def _taken(self, batch: ReadBatch) -> list[DocumentBatch]:
        """Counts a batch and keeps it if less than the wanted share of the text up to its end is kept."""
        size = sum(map(len, batch.documents.encoded()))
        self.counts.update(records=batch.records, documents=len(batch.documents), text_bytes=size)
        self.counts.update(input_bytes=batch.input_bytes, **count_rejected(batch.rejected))
        if not size or self.kept_bytes >= self.keep_share * self.counts["text_bytes"]:
            return []
        self.kept_bytes += size
        return [batch.documents]


class _Watched:
    """Counts the bytes that are read."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.read_bytes = 0

    def open(self, path: str) -> BinaryIO:
        """Opens a file and counts the bytes read from it."""
        return cast("BinaryIO", _Stream(self.files.open(path), self))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.files, name)


class _Stream:
    def __init__(self, stream: BinaryIO, owner: _Watched) -> None:
        self._stream, self._owner = stream, owner

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._owner.read_bytes += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _num_rows(source: Source, files: Files) -> int:
    """Number of rows of a Parquet file; 0 if unknown."""
    if source.compression:
        return 0
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with BoundedReads(files.open(source.path)) as stream:
            return pq.ParquetFile(stream).metadata.num_rows  # type: ignore[no-any-return]
    except (pa.ArrowException, OSError):
        return 0


def _regrouped(batches: Iterable[DocumentBatch]) -> Iterator[DocumentBatch]:
    """Regroups documents into batches of the size that a build uses; documents with given sentences are kept apart."""
    held: dict[bool, list[DocumentBatch]] = {False: [], True: []}
    sizes = {False: 0, True: 0}
    for batch in batches:
        if batch.long:
            yield batch
            continue
        given = batch.sentences is not None
        held[given].append(batch)
        sizes[given] += batch.characters
        if sizes[given] >= BATCH_BYTES:
            yield joined(held[given])
            held[given], sizes[given] = [], 0
    yield from (joined(group) for group in held.values() if group)
