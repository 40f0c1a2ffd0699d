"""Texts to token ids: sentences, then WordPiece in each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.ragged import offsets
from nspdata.tokenization.encoded import Encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nspdata.tokenization.sentences import SentenceSplitter
    from nspdata.tokenization.wordpiece import WordPiece


class PlainEncoder:
    """A splitter and `tokenizers`, one after the other: the reference, and the only way for pipelines with a model."""

    def __init__(self, splitter: SentenceSplitter, wordpiece: WordPiece) -> None:
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

    def encode_pieces(self, pieces: Iterable[str]) -> Encoded:
        """See `Encoder.encode_pieces`."""
        return self.encode(["".join(pieces)])
