"""Texts to token ids: sentences, then WordPiece in each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nspdata.compiled import COMPILED
from nspdata.documents import offsets
from nspdata.sentences import Splitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nspdata.wordpiece import WordPiece


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
    """Whatever turns texts into ids; all of them give the same ids for the same texts."""

    def encode(self, texts: Sequence[str], sentences: Sequence[Sequence[str]] | None = None) -> Encoded:
        """Splits and encodes; where `sentences` are given (one list a text) they are taken as they stand."""
        ...


class PlainEncoder:
    """spaCy and `tokenizers`, called one after the other: the reference, and the way of every pipeline with a model."""

    def __init__(self, splitter: Splitter, wordpiece: WordPiece) -> None:
        self.splitter = splitter
        self.wordpiece = wordpiece

    def encode(self, texts: Sequence[str], sentences: Sequence[Sequence[str]] | None = None) -> Encoded:
        """See `Encoder.encode`."""
        if sentences is None:
            spans = self.splitter.split(texts)
            sentences = [[text[start:end] for start, end in found] for text, found in zip(texts, spans, strict=True)]
        ids, ends = self.wordpiece.encode([sentence for document in sentences for sentence in document])
        lengths = np.diff(ends)
        held = offsets(lengths > 0)[offsets(np.array([len(document) for document in sentences], np.int64))]
        return Encoded(ids=ids, sentence_offsets=offsets(lengths[lengths > 0]), document_offsets=held)


def make_encoder(
    wordpiece: WordPiece, *, language: str = "en", model: str = "", paragraphs: str = "blank_line"
) -> Encoder:
    """The fastest encoder that is exact for these settings.

    Raises:
        ConfigError: the language or the pipeline cannot be had.
    """
    from nspdata.fast_encoding import FastEncoder, can_encode_fast

    splitter = Splitter(language, model, paragraphs)
    if COMPILED and can_encode_fast(splitter):
        return FastEncoder(splitter, wordpiece)
    return PlainEncoder(splitter, wordpiece)
