"""Sentences and WordPiece ids an order of magnitude faster than the libraries that define them, and identical to theirs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.ragged import offsets
from nspdata.tokenization.encoded import Encoded
from nspdata.tokenization.fast.boundaries import Boundaries
from nspdata.tokenization.fast.characters import Characters, code_points
from nspdata.tokenization.fast.wordpieces import MOST_TOKENS_A_CHARACTER, PieceTable, encode_spans
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.rules import SentenceRules
from nspdata.tokenization.sections import sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from nspdata.tokenization.sentences import Splitter
    from nspdata.tokenization.wordpiece import WordPiece


BATCH_CHARACTERS = 2_000_000
"""Characters that are encoded together where a text is long."""


class FastEncoder:
    """An `Encoder` for spaCy's rule-based sentencizer after a tokenizer by rules or by characters.

    Args:
        splitter: one that `can_encode_fast` accepts.
        wordpiece: the tokenizer.
    """

    def __init__(self, splitter: Splitter, wordpiece: WordPiece) -> None:
        self.plain = PlainEncoder(splitter, wordpiece)
        self.splitter = splitter
        rules = splitter.rules or SentenceRules(
            move_opening_marks=False,
            correct_end_marks=False,
            punct_chars=splitter.facts.punct_chars,
        )
        self.characters = Characters(wordpiece.backend, rules)
        self.boundaries = Boundaries(splitter.tokenizer, lambda: splitter.nlp.tokenizer, splitter.paragraphs, rules)
        self.table = PieceTable(wordpiece.vocabulary)

    def encode(self, texts: Sequence[str], sentences: Sequence[Sequence[str]] | None = None) -> Encoded:
        """See `Encoder.encode`."""
        if sentences is not None:
            return self._encode_given(sentences)
        if max(map(len, texts), default=0) <= self.splitter.max_characters:
            return self._encode_texts(texts)
        if len(texts) == 1:
            return self.encode_pieces(texts)
        parts, firsts = self._parts(texts)
        encoded = _concatenated([self._encode_texts(batch) for batch in _batches(parts)])
        return dataclasses.replace(encoded, document_offsets=encoded.document_offsets[firsts])

    def _encode_texts(self, texts: Sequence[str]) -> Encoded:
        """Encodes texts whose paragraphs are not too long for spaCy."""
        text = "".join(texts)
        codes, documents = code_points(text, list(texts))
        signs = self.characters.signs_of(codes)
        starts = self.boundaries.starts(text, codes, signs, documents, self.characters.classes)
        firsts = np.searchsorted(starts, documents)
        encoded, unsafe = self._encode_spans(codes, signs, np.append(starts, len(codes)), firsts)
        return self._with_plain(encoded, texts, unsafe)

    def _parts(self, texts: Sequence[str]) -> tuple[list[str], list[int]]:
        """Divides long texts into parts that are encoded like texts of their own, which bounds memory; see `sections`.

        Returns:
            The parts, and the index of the first part of each text, and the number of parts.
        """
        limit, parts, firsts = self.splitter.max_characters, list[str](), [0]
        for text in texts:
            parts += [text] if len(text) <= limit else sections([text], self.splitter.paragraphs, limit)
            firsts.append(len(parts))
        return parts, firsts

    def encode_pieces(self, pieces: Iterable[str]) -> Encoded:
        """See `Encoder.encode_pieces`."""
        ids, lengths = bytearray(), [np.zeros(0, np.int64)]  # a bytearray grows in place
        for batch in _batches(sections(pieces, self.splitter.paragraphs, self.splitter.max_characters)):
            encoded = self._encode_texts(batch)
            ids += encoded.ids.data
            lengths.append(np.diff(encoded.sentence_offsets))
        sentence_offsets = offsets(np.concatenate(lengths))
        return Encoded(
            ids=np.frombuffer(ids, self.table.dtype),
            sentence_offsets=sentence_offsets,
            document_offsets=np.array([0, len(sentence_offsets) - 1], np.int64),
        )

    def _encode_given(self, sentences: Sequence[Sequence[str]]) -> Encoded:
        """Encodes sentences without splitting them."""
        flat = [sentence for document in sentences for sentence in document]
        codes, spans = code_points("".join(flat), flat)
        signs = self.characters.signs_of(codes)
        firsts = offsets(np.array([len(document) for document in sentences], np.int64))
        encoded, unsafe = self._encode_spans(codes, signs, spans, firsts)
        if not unsafe:
            return encoded
        return self.plain.encode([""] * len(sentences), sentences)

    def _encode_spans(
        self,
        codes: NDArray[np.uint32],
        signs: tuple[NDArray[np.uint8], NDArray[np.uint64]],
        spans: NDArray[np.int64],
        firsts: NDArray[np.int64],
    ) -> tuple[Encoded, list[int]]:
        """Encodes spans; `firsts` gives the first span of each document. Also returns the documents with an unsafe span."""
        table, characters = self.table, self.characters
        ids = np.empty(MOST_TOKENS_A_CHARACTER * len(codes) + 1, table.dtype)
        ends, unsafe = np.empty(len(spans) - 1, np.int64), np.zeros(len(spans) - 1, np.bool_)
        count = encode_spans(
            codes,
            *signs,
            spans,
            characters.kinds,
            characters.targets,
            characters.parts,
            table.arrays(),
            ids,
            ends,
            unsafe,
        )
        lengths = np.diff(ends, prepend=0)
        encoded = Encoded(
            ids=ids[:count].copy(),
            sentence_offsets=offsets(lengths[lengths > 0]),
            document_offsets=offsets(lengths > 0)[firsts],
        )
        if not unsafe.any():
            return encoded, []
        return encoded, np.unique(np.searchsorted(firsts, np.flatnonzero(unsafe), side="right") - 1).tolist()

    def _with_plain(self, encoded: Encoded, texts: Sequence[str], indices: list[int]) -> Encoded:
        """Replaces the ids of the documents at these indices by those of the plain encoder."""
        if not indices:
            return encoded
        plain = self.plain.encode([texts[index] for index in indices])
        counts = np.diff(encoded.document_offsets)
        both = [*_documents(encoded), *_documents(plain)]
        order = np.arange(len(counts))
        order[indices] = len(counts) + np.arange(len(indices))
        chosen = [both[index] for index in order.tolist()]
        lengths = np.concatenate([np.zeros(0, np.int64), *(lengths for _, lengths in chosen)])
        return Encoded(
            ids=np.concatenate([encoded.ids[:0], *(ids for ids, _ in chosen)]),
            sentence_offsets=offsets(lengths),
            document_offsets=offsets(np.array([len(lengths) for _, lengths in chosen], np.int64)),
        )


def _batches(parts: Iterable[str]) -> Iterator[list[str]]:
    """Runs of parts of about `BATCH_CHARACTERS`."""
    batch: list[str] = []
    size = 0
    for part in parts:
        batch.append(part)
        size += len(part)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    yield batch


def _concatenated(parts: Sequence[Encoded]) -> Encoded:
    return Encoded(
        ids=np.concatenate([part.ids for part in parts]),
        sentence_offsets=offsets(np.concatenate([np.diff(part.sentence_offsets) for part in parts])),
        document_offsets=offsets(np.concatenate([np.diff(part.document_offsets) for part in parts])),
    )


def _documents(encoded: Encoded) -> list[tuple[NDArray[np.uint16], NDArray[np.int64]]]:
    """Ids and sentence lengths of each document."""
    lengths, places = np.diff(encoded.sentence_offsets), encoded.document_offsets
    tokens = encoded.sentence_offsets[places]
    return [
        (encoded.ids[tokens[index] : tokens[index + 1]], lengths[places[index] : places[index + 1]])
        for index in range(len(places) - 1)
    ]
