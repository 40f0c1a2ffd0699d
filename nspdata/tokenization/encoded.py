"""Values that flow through a build: documents as text, and documents as token ids."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nspdata.arrays.ragged import copy_runs, offsets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Texts as flat token ids; sentences without a token are left out.

    Attributes:
        ids: shape (num_tokens,), uint16 or uint32.
        sentence_offsets: shape (num_sentences + 1,), int64, into `ids`.
        document_offsets: shape (num_texts + 1,), int64, into sentences.
    """

    ids: NDArray[Any]
    sentence_offsets: NDArray[np.int64]
    document_offsets: NDArray[np.int64]


class Encoder(Protocol):
    """Turns texts into ids; all encoders return the same ids for the same texts."""

    def encode(self, texts: Sequence[str], sentences: Sequence[Sequence[str]] | None = None) -> Encoded:
        """Splits and encodes; if `sentences` are given (one list per text), they are not split again."""
        ...

    def encode_pieces(self, pieces: Iterable[str]) -> Encoded:
        """Splits and encodes one long text that is given in pieces, cut anywhere: `encode(["".join(pieces)])` in less memory."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizedDocuments:
    """Documents as flat token ids; only sentences with at least one token are counted.

    Attributes:
        ids: shape (num_tokens,), uint16 or uint32.
        sentence_offsets: shape (num_sentences + 1,), int64, into `ids`.
        document_offsets: shape (num_documents + 1,), int64, into sentences.
        document_ids: shape (num_documents,), uint64, xxh3-64 of the UTF-8 document id.
        text_hashes: shape (num_documents, 2), uint64, xxh3-128 of the UTF-8 text, high word first.
    """

    ids: NDArray[Any]
    sentence_offsets: NDArray[np.int64]
    document_offsets: NDArray[np.int64]
    document_ids: NDArray[np.uint64]
    text_hashes: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.document_ids)

    @property
    def num_sentences(self) -> int:
        """Sentences in all the documents."""
        return len(self.sentence_offsets) - 1

    def take(self, order: NDArray[np.int64]) -> TokenizedDocuments:
        """Returns the documents at these indices, in this order; no copy if all are in their order already."""
        if len(order) == len(self) and bool((order == np.arange(len(self))).all()):
            return self
        document_offsets = offsets(np.diff(self.document_offsets)[order])
        lengths = copy_runs(np.diff(self.sentence_offsets), self.document_offsets[order], document_offsets)
        starts, ends = self.token_offsets[order], self.token_offsets[order + 1]
        return TokenizedDocuments(
            ids=copy_runs(self.ids, starts, offsets(ends - starts)),
            sentence_offsets=offsets(lengths),
            document_offsets=document_offsets,
            document_ids=self.document_ids[order],
            text_hashes=self.text_hashes[order],
        )

    def part(self, start: int, end: int) -> TokenizedDocuments:
        """Returns the documents from `start` to `end`; their ids are a view."""
        document_offsets = self.document_offsets[start : end + 1]
        sentence_offsets = self.sentence_offsets[document_offsets[0] : document_offsets[-1] + 1]
        return TokenizedDocuments(
            ids=self.ids[sentence_offsets[0] : sentence_offsets[-1]],
            sentence_offsets=sentence_offsets - sentence_offsets[0],
            document_offsets=document_offsets - document_offsets[0],
            document_ids=self.document_ids[start:end],
            text_hashes=self.text_hashes[start:end],
        )

    @property
    def token_offsets(self) -> NDArray[np.int64]:
        """Shape (num_documents + 1,), int64: where each document's tokens begin in `ids`."""
        return self.sentence_offsets[self.document_offsets]

    @staticmethod
    def concatenate(parts: list[TokenizedDocuments], dtype: np.dtype[Any]) -> TokenizedDocuments:
        """Concatenates the documents of the parts, in order; an empty list of parts is allowed. A single part is not copied."""
        if len(parts) == 1 and parts[0].ids.dtype == dtype and _is_regular(parts[0]):
            return parts[0]
        none = np.zeros(0, np.int64)
        return TokenizedDocuments(
            ids=np.concatenate([np.zeros(0, dtype), *(part.ids for part in parts)]),
            sentence_offsets=offsets(np.concatenate([none, *(np.diff(part.sentence_offsets) for part in parts)])),
            document_offsets=offsets(np.concatenate([none, *(np.diff(part.document_offsets) for part in parts)])),
            document_ids=np.concatenate([np.zeros(0, np.uint64), *(part.document_ids for part in parts)]),
            text_hashes=np.concatenate([np.zeros((0, 2), np.uint64), *(part.text_hashes for part in parts)]),
        )

    def to_bytes(self) -> bytes:
        """Serializes; workers exchange documents in this form. See `frame`."""
        return b"".join(frame(self, 0, len(self)))

    @staticmethod
    def from_bytes(data: bytes | bytearray) -> TokenizedDocuments:
        """Deserializes the result of `to_bytes`; the arrays are views of the bytes where their types allow it."""
        num_documents, num_sentences, num_tokens, id_bytes, length_bytes = FRAME.unpack_from(data)
        place = FRAME.size

        def read(dtype: type[np.generic], count: int) -> NDArray[Any]:
            nonlocal place
            values = np.frombuffer(data, dtype, count, place)
            place += values.nbytes
            return values

        document_ids, hashes = read(np.uint64, num_documents), read(np.uint64, 2 * num_documents)
        counts, lengths = read(np.uint32, num_documents), read(UNSIGNED[length_bytes], num_sentences)
        return TokenizedDocuments(
            ids=read(UNSIGNED[id_bytes], num_tokens),
            sentence_offsets=offsets(lengths),
            document_offsets=offsets(counts),
            document_ids=document_ids,
            text_hashes=hashes.reshape(-1, 2),
        )


def _is_regular(documents: TokenizedDocuments) -> bool:
    """Whether the arrays are like new ones, for which loops are compiled. Views of bytes may be read-only or not aligned."""
    arrays = (documents.ids, documents.document_ids, documents.text_hashes)
    return all(array.flags.writeable and array.flags.aligned for array in arrays)


FRAME = struct.Struct("<QQQII")
"""The head of documents as bytes: their number, that of their sentences and tokens, the bytes of an id and of a sentence's length."""

UNSIGNED: dict[int, type[np.generic]] = {2: np.uint16, 4: np.uint32}


def frame(documents: TokenizedDocuments, start: int, end: int) -> tuple[bytes | memoryview, ...]:
    """The documents from `start` to `end` as buffers; joined, they are a frame.

    A frame is a head, then document ids, text hashes, sentences per document, tokens per sentence, token ids. No copy is made of the
    token ids.
    """
    first, last = documents.document_offsets[start], documents.document_offsets[end]
    ends = documents.sentence_offsets[first : last + 1]
    lengths = np.diff(ends)
    length_type = np.uint16 if not len(lengths) or lengths.max() < 1 << 16 else np.uint32
    ids = documents.ids[ends[0] : ends[-1]]
    head = (end - start, len(lengths), len(ids), ids.itemsize, np.dtype(length_type).itemsize)
    return (
        FRAME.pack(*map(int, head)),
        documents.document_ids[start:end].tobytes(),
        documents.text_hashes[start:end].tobytes(),
        np.diff(documents.document_offsets[start : end + 1]).astype(np.uint32).tobytes(),
        lengths.astype(length_type).tobytes(),
        ids.data,
    )
