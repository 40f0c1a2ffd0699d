"""Values that flow through a build: documents as text, and documents as token ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from nspdata.arrays.ragged import copy_runs, offsets

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        """Returns the documents at these indices, in this order."""
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

    @property
    def token_offsets(self) -> NDArray[np.int64]:
        """Shape (num_documents + 1,), int64: where each document's tokens begin in `ids`."""
        return self.sentence_offsets[self.document_offsets]

    @staticmethod
    def concatenate(parts: list[TokenizedDocuments], dtype: np.dtype[Any]) -> TokenizedDocuments:
        """Concatenates the documents of the parts, in order; an empty list of parts is allowed."""
        none = np.zeros(0, np.int64)
        return TokenizedDocuments(
            ids=np.concatenate([np.zeros(0, dtype), *(part.ids for part in parts)]),
            sentence_offsets=offsets(np.concatenate([none, *(np.diff(part.sentence_offsets) for part in parts)])),
            document_offsets=offsets(np.concatenate([none, *(np.diff(part.document_offsets) for part in parts)])),
            document_ids=np.concatenate([np.zeros(0, np.uint64), *(part.document_ids for part in parts)]),
            text_hashes=np.concatenate([np.zeros((0, 2), np.uint64), *(part.text_hashes for part in parts)]),
        )

    def to_bytes(self) -> bytes:
        """Serializes to one Arrow IPC stream, compressed with lz4; workers exchange documents in this form."""
        sentences = pa.ListArray.from_arrays(
            pa.array(self.document_offsets, pa.int32()), pa.array(np.diff(self.sentence_offsets), pa.uint32())
        )
        tokens = pa.LargeListArray.from_arrays(pa.array(self.token_offsets), pa.array(self.ids))
        columns = {
            "document_id": pa.array(self.document_ids),
            "text_hash_high": pa.array(self.text_hashes[:, 0]),
            "text_hash_low": pa.array(self.text_hashes[:, 1]),
            "sentence_lengths": sentences,
            "input_ids": tokens,
        }
        batch = pa.record_batch(list(columns.values()), names=list(columns))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_batch(batch)
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]

    @staticmethod
    def from_bytes(data: bytes) -> TokenizedDocuments:
        """Deserializes the result of `to_bytes`."""
        with pa.ipc.open_stream(data) as reader:
            batch = reader.read_next_batch()
        lengths = batch["sentence_lengths"]
        hashes = [batch["text_hash_high"].to_numpy(), batch["text_hash_low"].to_numpy()]
        return TokenizedDocuments(
            ids=batch["input_ids"].values.to_numpy(),
            sentence_offsets=offsets(lengths.values.to_numpy()),
            document_offsets=lengths.offsets.to_numpy().astype(np.int64),
            document_ids=batch["document_id"].to_numpy(),
            text_hashes=np.stack(hashes, axis=1),
        )
