"""Tokenizes the documents of the input and writes them to a file per shard: memory is bounded by a shard, not by the corpus.

Each process writes files of its own, in a directory of its own.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nspdata.arrays.hashing import document_hash, document_hashes, text_hashes
from nspdata.reading import read_source
from nspdata.statistics import merge, summarize_reading, summarize_texts, zero
from nspdata.tokenization.cutting import cut_documents
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.languages import Languages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nspdata.files.local import Files
    from nspdata.reading import ReadBatch, Source
    from nspdata.reading.documents import DocumentBatch
    from nspdata.statistics import Statistics
    from nspdata.tokenization.encoded import Encoded
    from nspdata.tokenization.encoders import DocumentEncoder
    from nspdata.validation.spec import RowSpec

COUNTED = ("records", "documents", "input_bytes", "text_bytes")
"""Counts of reading, as the manifest names them."""

SPILL_TOKENS = 4_000_000
"""Tokens that are collected before they are written."""

SAMPLE = 100
"""One document of this many is encoded by the plain encoder too where the fast one is used."""


@dataclass(slots=True)
class Reading:
    """Summary of the input that was read: 8 bytes per document, and sums.

    Attributes:
        counts: `records`, `documents`, `input_bytes`, `text_bytes`, as the manifest names them.
        rejected: records, by reason.
        rejected_bytes: their bytes, by reason.
        rejected_digest: of the rejected records, see `digest_rejected`.
        names: the hashes of the documents' ids, in parts of shape (any,), uint64.
        statistics: of the texts.
        compared: documents of the sample that was encoded by the plain encoder too.
        differing: hashes of the ids of those to which the plain encoder gives other ids or sentences.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    rejected: dict[str, int] = field(default_factory=dict)
    rejected_bytes: dict[str, int] = field(default_factory=dict)
    rejected_digest: int = 0
    names: list[NDArray[np.uint64]] = field(default_factory=list)
    statistics: Statistics = field(default_factory=zero)
    compared: int = 0
    differing: list[int] = field(default_factory=list)

    def __iadd__(self, other: Self) -> Self:
        for mine, others in (
            (self.counts, other.counts),
            (self.rejected, other.rejected),
            (self.rejected_bytes, other.rejected_bytes),
        ):
            for name, number in others.items():
                mine[name] = mine.get(name, 0) + number
        self.rejected_digest ^= other.rejected_digest
        self.names += other.names
        self.statistics = merge(self.statistics, other.statistics)
        self.compared += other.compared
        self.differing += other.differing
        return self

    def add(self, batch: ReadBatch, sizes: Sequence[int], names: NDArray[np.uint64]) -> None:
        """Adds a batch; `sizes` are the bytes of its texts, `names` the hashes of its ids."""
        for key, number in zip(COUNTED, (batch.records, len(names), batch.input_bytes, sum(sizes)), strict=True):
            self.counts[key] += number
        for record in batch.rejected:
            self.rejected[record.reason] = self.rejected.get(record.reason, 0) + 1
            self.rejected_bytes[record.reason] = self.rejected_bytes.get(record.reason, 0) + record.bytes
            self.rejected_digest ^= digest_rejected(asdict(record))
        self.names.append(names)
        self.statistics = merge(
            self.statistics, summarize_texts(batch.documents.texts, sizes, batch.documents.languages)
        )

    def summarize(self) -> Statistics:
        """The part of the statistics that comes from reading."""
        rejected = {f"rejected.{reason}": count for reason, count in self.rejected.items()}
        sizes = {f"rejected_bytes.{reason}": size for reason, size in self.rejected_bytes.items()}
        return merge(self.statistics, summarize_reading({**self.counts, **rejected, **sizes}))


def digest_rejected(record: Mapping[str, Any]) -> int:
    """A 64-bit digest of a rejected record; digests of several records are combined by exclusive or, in any order."""
    return document_hash(json.dumps(record, sort_keys=True))


@dataclass(frozen=True)
class Spiller:
    """Tokenizes documents and writes each to the file of the shard that its text belongs to.

    Attributes:
        spec: which shard a text belongs to.
        files: where the input is.
        encoder: how texts become ids.
        plain: the plain encoder, if it encodes a sample too, see `_compare`; None for no comparison.
        write: called with the number of a shard and documents of it.
    """

    spec: RowSpec
    files: Files
    encoder: DocumentEncoder
    plain: DocumentEncoder | None
    write: Callable[[int, bytes], None]

    def lay_down(self, sources: Sequence[Source]) -> Reading:
        """Reads and tokenizes all documents of a unit of input, and writes them to temporary files."""
        reading, gathered, split = Reading(), list[TokenizedDocuments](), ""
        languages = Languages.of(self.spec.config.sentences)
        for source in sources:
            if source.split != split:
                self._spill(gathered, split)
                gathered, split = [], source.split
            for batch in read_source(source, self.files, self.spec.config.input, languages=languages):
                gathered.append(self._tokenize(batch, reading))
                if sum(len(documents.ids) for documents in gathered) >= SPILL_TOKENS:
                    self._spill(gathered, split)
                    gathered = []
        self._spill(gathered, split)
        return reading

    def _tokenize(self, batch: ReadBatch, reading: Reading) -> TokenizedDocuments:
        documents = batch.documents
        texts = [text.encode() for text in documents.texts]
        names = document_hashes(documents.ids)
        reading.add(batch, [len(text) for text in texts], names)
        encoded = self.encoder.encode(documents.texts, documents.sentences, documents.languages)
        if self.plain and texts:
            _compare(documents, names, encoded, self.plain, reading)
        return TokenizedDocuments(
            ids=encoded.ids,
            sentence_offsets=encoded.sentence_offsets,
            document_offsets=encoded.document_offsets,
            document_ids=names,
            text_hashes=text_hashes(texts),
        )

    def _spill(self, gathered: list[TokenizedDocuments], split: str) -> None:
        documents = TokenizedDocuments.concatenate(gathered, self.spec.vocabulary.dtype)
        keys = self.spec.partition.assign(documents.text_hashes, split)
        order = np.argsort(keys, kind="stable")
        used, starts = np.unique(keys[order], return_index=True)
        for key, indices in zip(used.tolist(), np.split(order, starts[1:]), strict=True) if len(used) else ():
            self.write(key, documents.take(indices).to_bytes())


def _compare(
    documents: DocumentBatch, names: NDArray[np.uint64], encoded: Encoded, plain: DocumentEncoder, reading: Reading
) -> None:
    """Encodes a sample by the plain encoder: documents whose id has a hash divisible by `SAMPLE`, and the batch's shortest."""
    chosen = names % np.uint64(SAMPLE) == 0
    chosen[min(range(len(names)), key=lambda index: len(documents.texts[index]))] = True
    for index in np.flatnonzero(chosen).tolist():
        one = slice(index, index + 1)
        expected = plain.encode(
            documents.texts[one],
            documents.sentences and documents.sentences[one],
            documents.languages and documents.languages[one],
        )
        reading.compared += 1
        first, end = encoded.document_offsets[index : index + 2]
        offsets = encoded.sentence_offsets[first : end + 1]
        same = np.array_equal(offsets - offsets[0], expected.sentence_offsets) and np.array_equal(
            encoded.ids[offsets[0] : offsets[-1]], expected.ids
        )
        if not same:
            reading.differing.append(int(names[index]))


def spills_of(key: int, directory: Path) -> Iterator[bytes]:
    """Returns the spilled documents of a shard, from all processes, and deletes their files."""
    for path in [written for written in directory.glob(f"*/{key}") if written.is_file()]:
        with path.open("rb") as file:
            while head := file.read(8):
                yield file.read(struct.unpack("<Q", head)[0])
        path.unlink()


def append_to(directory: Path) -> Callable[[int, bytes], None]:
    """Returns a function that appends documents to the file of their shard."""

    def write(key: int, data: bytes) -> None:
        with (directory / str(key)).open("ab") as file:
            file.write(struct.pack("<Q", len(data)) + data)

    return write


def documents_of(spills: Iterable[bytes], spec: RowSpec) -> tuple[TokenizedDocuments, dict[str, int]]:
    """The documents of a shard in their order: by text and id, no text twice, none without a token, long sentences cut.

    Args:
        spills: what was written for the shard, in any order.
        spec: the settings and the vocabulary.

    Returns:
        The documents, how many were left out (`duplicates_dropped`, `documents_without_tokens`), and `Cuts.counts`.
    """
    parts = [TokenizedDocuments.from_bytes(data) for data in spills]
    documents = TokenizedDocuments.concatenate(parts, spec.vocabulary.dtype)
    high, low = documents.text_hashes.T
    order = np.lexsort((documents.document_ids, low, high))
    high, low = high[order], low[order]
    again = np.zeros(len(order), np.bool_)
    again[1:] = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
    empty = (np.diff(documents.document_offsets) == 0)[order] & ~again
    dropped = {"duplicates_dropped": int(again.sum()), "documents_without_tokens": int(empty.sum())}
    cut, cuts = cut_documents(
        documents.take(order[~again & ~empty]), spec.vocabulary, max_tokens=spec.config.max_sentence_tokens
    )
    return cut, {**dropped, **cuts}
