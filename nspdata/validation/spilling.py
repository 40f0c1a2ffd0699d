"""Tokenizes the documents of the input and writes them to a file per shard: memory is bounded by a shard, not by the corpus."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.hashing import document_hash, document_hashes, text_hashes
from nspdata.reading import read_source
from nspdata.statistics import merge, summarize_reading, summarize_texts, zero
from nspdata.tokenization.cutting import cut_documents
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.languages import Languages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nspdata.files.local import Files
    from nspdata.reading import ReadBatch, Source
    from nspdata.statistics import Statistics
    from nspdata.tokenization.encoders import DocumentEncoder
    from nspdata.validation.spec import RowSpec

COUNTED = ("records", "documents", "input_bytes", "text_bytes")
"""Counts of reading, as the manifest names them."""

SPILL_TOKENS = 4_000_000
"""Tokens that are collected before they are written."""


@dataclass(slots=True)
class Reading:
    """What was read of the input: 8 bytes per document, and sums.

    Attributes:
        counts: `records`, `documents`, `input_bytes`, `text_bytes`, as the manifest names them.
        rejected: records, by reason.
        rejected_bytes: their bytes, by reason.
        rejected_digest: of the rejected records, see `digest_rejected`.
        names: the hashes of the documents' ids, in parts of shape (any,), uint64.
        statistics: of the texts.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    rejected: dict[str, int] = field(default_factory=dict)
    rejected_bytes: dict[str, int] = field(default_factory=dict)
    rejected_digest: int = 0
    names: list[NDArray[np.uint64]] = field(default_factory=list)
    statistics: Statistics = field(default_factory=zero)

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


def lay_down(  # noqa: PLR0913 - from where, how, and where to
    sources: Sequence[Source],
    spec: RowSpec,
    files: Files,
    encoder: DocumentEncoder,
    directory: Path,
    *,
    on_read: Callable[[int], None] = lambda _size: None,
) -> tuple[Reading, NDArray[np.uint64]]:
    """Reads and tokenizes every document, and writes it to the file of the shard that its text belongs to.

    Args:
        sources: the input.
        spec: which shard a text belongs to.
        files: where the input is.
        encoder: how texts become ids.
        directory: an empty one, for the spills.
        on_read: called with the bytes of text that were read so far.

    Returns:
        What was read, and the hashes of all documents' ids, shape (any,), uint64, sorted, each once.
    """
    reading, gathered, split = Reading(), list[TokenizedDocuments](), ""
    languages = Languages.of(spec.config.sentences)
    for source in sources:
        if source.split != split:
            _spill(gathered, spec, directory, split)
            gathered, split = [], source.split
        for batch in read_source(source, files, spec.config.input, languages=languages):
            gathered.append(_tokenize(batch, encoder, reading))
            on_read(reading.counts["text_bytes"])
            if sum(len(documents.ids) for documents in gathered) >= SPILL_TOKENS:
                _spill(gathered, spec, directory, split)
                gathered = []
    _spill(gathered, spec, directory, split)
    return reading, np.unique(np.concatenate([np.zeros(0, np.uint64), *reading.names]))


def _tokenize(batch: ReadBatch, encoder: DocumentEncoder, reading: Reading) -> TokenizedDocuments:
    documents = batch.documents
    texts = [text.encode() for text in documents.texts]
    names = document_hashes(documents.ids)
    reading.add(batch, [len(text) for text in texts], names)
    encoded = encoder.encode(documents.texts, documents.sentences, documents.languages)
    return TokenizedDocuments(
        ids=encoded.ids,
        sentence_offsets=encoded.sentence_offsets,
        document_offsets=encoded.document_offsets,
        document_ids=names,
        text_hashes=text_hashes(texts),
    )


def _spill(gathered: list[TokenizedDocuments], spec: RowSpec, directory: Path, split: str) -> None:
    """Appends the documents to the files of their shards."""
    documents = TokenizedDocuments.concatenate(gathered, spec.vocabulary.dtype)
    keys = spec.partition.assign(documents.text_hashes, split)
    order = np.argsort(keys, kind="stable")
    used, starts = np.unique(keys[order], return_index=True)
    for key, indices in zip(used.tolist(), np.split(order, starts[1:]), strict=True) if len(used) else ():
        data = documents.take(indices).to_bytes()
        with (directory / str(key)).open("ab") as file:
            file.write(struct.pack("<Q", len(data)) + data)


def take_up(key: int, spec: RowSpec, directory: Path) -> tuple[TokenizedDocuments, dict[str, int]]:
    """The documents of a shard in their order: by text and id, no text twice, none without a token, long sentences cut.

    Returns:
        The documents, how many were left out (`duplicates_dropped`, `documents_without_tokens`), and `Cuts.counts`.
    """
    parts, path = [], directory / str(key)
    if path.exists():
        with path.open("rb") as file:
            while head := file.read(8):
                parts.append(TokenizedDocuments.from_bytes(file.read(struct.unpack("<Q", head)[0])))
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
