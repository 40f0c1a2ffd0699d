"""The first half of a build: tokenizes a unit of input and writes the token ids by group of shards."""

from __future__ import annotations

import dataclasses
import struct
import tempfile
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.hashing import document_hashes, text_hashes
from nspdata.building import progress
from nspdata.building.parts import parts_of
from nspdata.building.rejected import RejectedRecords
from nspdata.errors import naming
from nspdata.reading import read_source
from nspdata.reading.content import MODULUS, WatchedFiles
from nspdata.reading.documents import joined
from nspdata.statistics import merge, summarize_texts, zero
from nspdata.statistics.values import REJECTED, REJECTED_BYTES, with_prefix
from nspdata.tokenization.encoded import TokenizedDocuments, frame
from nspdata.tokenization.languages import Languages

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from nspdata.building.encoders import OneAtATime
    from nspdata.building.parts import Batch
    from nspdata.building.plan import BuildPlan
    from nspdata.files.local import Files
    from nspdata.reading import Source
    from nspdata.reading.documents import DocumentBatch, LongText
    from nspdata.statistics import Statistics

SPILL_TOKENS = 4_000_000
"""Tokens that a worker collects before it writes them, one slice per shard; with 16 million it took 160 MB more memory."""

BATCH_CHARACTERS = 1 << 20
"""Characters of text that are tokenized together."""

INLINE, REFERENCE = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSummary:
    """A summary of what was read; `+` is associative.

    Attributes:
        counts: `records`, `documents`, `input_bytes`, `text_bytes`, and for each reason `rejected.<reason>` (records) and
            `rejected_bytes.<reason>`.
        statistics: of the texts.
        contents: the content of each input file, or of the part of it that was read; see `nspdata.reading.content`.
    """

    counts: dict[str, int] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=zero)
    contents: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: ReadSummary) -> ReadSummary:
        return dataclasses.replace(self, contents=dict(self.contents)).absorb(other)

    def absorb(self, other: ReadSummary) -> ReadSummary:
        """Like `+`, but updates `contents` of this summary in place, because there may be very many files."""
        for name, content in other.contents.items():
            self.contents[name] = (self.contents.get(name, 0) + content) % MODULUS
        return ReadSummary(
            counts=add_counts(self.counts, other.counts),
            statistics=merge(self.statistics, other.statistics),
            contents=self.contents,
        )

    @property
    def rejected(self) -> dict[str, int]:
        """Records rejected, by reason."""
        return with_prefix(self.counts, REJECTED)

    @property
    def rejected_bytes(self) -> dict[str, int]:
        """Bytes of the rejected records, by reason."""
        return with_prefix(self.counts, REJECTED_BYTES)


def add_counts(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """Adds counts by key.

    >>> add_counts({"a": 1}, {"a": 2, "b": 3})
    {'a': 3, 'b': 3}
    """
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({*one, *other})}


def tokenize_unit(
    plan: BuildPlan,
    sources: Sequence[Source],
    files: Files,
    encoder: OneAtATime,
    *,
    keep: Callable[[Iterator[Batch]], Iterator[Batch]] = iter,
) -> Iterator[tuple[int, bytes] | ReadSummary]:
    """Reads some sources and tokenizes them.

    Args:
        plan: of the build.
        sources: the unit.
        files: where they are.
        encoder: tokenizes the texts.
        keep: returns the batches that are tokenized here; others tokenize the rest, see `nspdata.building.parts`.

    Yields:
        `(group, spill)` for each group of shards with documents in these sources, and at the end the summary of what was read.

    Raises:
        InputError: a file changed since it was listed, or while it was read.
    """
    read = _Read()
    summary = yield from tokenize_batches(plan, keep(_batches(plan, sources, files, read)), encoder)
    yield summary + read.summary()


def divide_unit(plan: BuildPlan, sources: Sequence[Source], files: Files) -> Iterator[list[Batch] | ReadSummary]:
    """Reads some sources; yields their documents in parts, and at the end what was read without the documents.

    Raises:
        InputError: a file changed since it was listed, or while it was read.
    """
    read = _Read()
    yield from parts_of(_batches(plan, sources, files, read))
    yield read.summary()


def tokenize_batches(
    plan: BuildPlan, batches: Iterable[Batch], encoder: OneAtATime
) -> Generator[tuple[int, bytes], None, ReadSummary]:
    """Tokenizes batches of documents; yields `(group, spill)`, and returns the summary of the documents."""
    summary = ReadSummary()
    gathered: list[TokenizedDocuments] = []
    num_tokens, split = 0, ""
    for batch_split, batch in batches:
        if batch_split != split or num_tokens >= SPILL_TOKENS:
            yield from spill(plan, gathered, split)
            gathered, num_tokens, split = [], 0, batch_split
        documents, part = tokenize_batch(plan, batch, encoder, split)
        summary += part
        progress.current().read(documents=part.counts["documents"], text_bytes=part.counts["text_bytes"])
        gathered.append(documents)
        num_tokens += len(documents.ids)
        del batch, documents  # a long text is not held while its tokens are written
    yield from spill(plan, gathered, split)
    return summary


@dataclass(slots=True)
class _Read:
    """Counts of the records read so far; `ReadSummary` is the result."""

    counts: Counter[str] = field(default_factory=lambda: Counter(records=0, input_bytes=0))
    contents: dict[str, int] = field(default_factory=dict)

    def summary(self) -> ReadSummary:
        """As a summary without statistics."""
        return ReadSummary(counts=dict(self.counts), contents=self.contents)


def _batches(plan: BuildPlan, sources: Sequence[Source], files: Files, read: _Read) -> Iterator[Batch]:
    """Yields the documents of the sources in batches of about a megabyte, each with its split; a batch may span small files."""
    held: list[DocumentBatch] = []
    languages = Languages.of(plan.config.sentences)
    size, kind = 0, ("", False, False)
    for source in sources:
        watched = WatchedFiles(files, source)
        with RejectedRecords(plan, source, files) as rejected:
            for found in read_source(
                source, watched, plan.config.input, languages=languages, batch_bytes=BATCH_CHARACTERS
            ):
                read.counts["records"] += found.records
                read.counts["input_bytes"] += found.input_bytes
                rejected.add(found.rejected)
                new_kind = (source.split, found.documents.sentences is not None, found.documents.long is not None)
                if held and (new_kind != kind or size >= BATCH_CHARACTERS):
                    yield kind[0], _taken(held)
                    size = 0
                kind = new_kind
                held.append(found.documents)
                size += found.documents.characters
                del found
            read.contents[source.name] = (read.contents.get(source.name, 0) + watched.content()) % MODULUS
            read.counts.update(rejected.finish())
    if held:
        yield kind[0], _taken(held)


def _taken(held: list[DocumentBatch]) -> DocumentBatch:
    """`joined`; removes the batches from the list, so that they are not held while their documents are used."""
    batches = [*held]
    held.clear()
    return joined(batches)


def tokenize_batch(
    plan: BuildPlan, batch: DocumentBatch, encoder: OneAtATime, split: str = ""
) -> tuple[TokenizedDocuments, ReadSummary]:
    """Hashes and tokenizes a batch; documents of finished shards are only counted."""
    utf8 = batch.encoded()
    hashes = text_hashes(utf8)
    wanted: Sequence[int] = range(len(batch))
    if plan.finished:
        keys = plan.assign(hashes, split)
        wanted = [index for index in wanted if keys[index] not in plan.finished]
    kept = np.fromiter(wanted, np.int64, len(wanted))
    counted = _Counted(batch, utf8)
    if batch.long and wanted:
        encoded = encoder.encode_pieces(counted.pieces(batch.long), batch.languages[0] if batch.languages else "")
    else:
        encoded = encoder.encode(
            [batch.texts[index] for index in wanted],
            None if batch.sentences is None else [batch.sentences[index] for index in wanted],
            None if batch.languages is None else [batch.languages[index] for index in wanted],
        )
    summary = ReadSummary(
        counts={"documents": len(batch), "text_bytes": sum(map(len, utf8))}, statistics=counted.statistics()
    )
    documents = TokenizedDocuments(
        ids=encoded.ids,
        sentence_offsets=encoded.sentence_offsets,
        document_offsets=encoded.document_offsets,
        document_ids=document_hashes([batch.ids[index] for index in wanted]),
        text_hashes=hashes[kept],
    )
    return documents, summary


class _Counted:
    """The statistics of the texts of a batch. A long text is counted while its pieces pass."""

    def __init__(self, batch: DocumentBatch, utf8: Sequence[bytes | bytearray]) -> None:
        self._batch, self._utf8, self._pieces = batch, utf8, zero()
        self._sizes = [len(text) for text in utf8]
        self._passed = False

    def pieces(self, text: LongText) -> Iterator[str]:
        """Yields and counts the pieces of the long text."""
        for piece in text.pieces():
            self._pieces = merge(self._pieces, summarize_texts([piece]))
            yield piece
        self._passed = True

    def statistics(self) -> Statistics:
        """See `summarize_texts`."""
        batch = self._batch
        if not batch.long:
            return summarize_texts(self._utf8, self._sizes, batch.languages)
        if not self._passed:
            deque(self.pieces(batch.long), maxlen=0)
        return merge(self._pieces, summarize_texts([b""], self._sizes, batch.languages))


def spill(plan: BuildPlan, gathered: list[TokenizedDocuments], split: str = "") -> Iterator[tuple[int, bytes]]:
    """Divides the documents by group of shards: as bytes, or as references to one temporary file if the plan has a spill directory."""
    documents = TokenizedDocuments.concatenate(gathered, plan.vocabulary.dtype)
    if not len(documents):
        return
    keys = plan.groups_of(plan.assign(documents.text_hashes, split))
    order = np.argsort(keys, kind="stable")
    used, starts = np.unique(keys[order], return_index=True)
    documents = documents.take(order)
    parts = zip(used.tolist(), starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True)
    if not plan.spill_directory:
        for key, start, end in parts:
            yield key, b"".join((INLINE, *frame(documents, start, end)))
        return
    with (
        naming(plan.spill_directory),
        tempfile.NamedTemporaryFile(dir=plan.spill_directory, suffix=".spill", delete=False) as file,
    ):
        name, place = file.name.encode(), 0
        for key, start, end in parts:
            size = sum(file.write(buffer) for buffer in frame(documents, start, end))
            yield key, REFERENCE + struct.pack("<QQ", place, size) + name
            place += size


def unspill(data: bytes) -> TokenizedDocuments:
    """Reads one spill back."""
    kind, payload = data[:1], data[1:]
    if kind == REFERENCE:
        start, size = struct.unpack_from("<QQ", payload)
        found = bytearray(size)  # not read-only, so its arrays need not be copied
        with open(payload[16:].decode(), "rb") as file:  # noqa: PTH123 - the path is bytes
            file.seek(start)
            file.readinto(found)
        return TokenizedDocuments.from_bytes(found)
    return TokenizedDocuments.from_bytes(payload)
