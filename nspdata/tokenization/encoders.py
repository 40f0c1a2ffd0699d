"""The encoder for a splitter and a tokenizer: the fast one if it is exact, otherwise the plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.compiled import is_compiled, is_interpreted
from nspdata.arrays.ragged import copy_runs, offsets
from nspdata.config.build import SentencesConfig
from nspdata.tokenization.encoded import Encoded
from nspdata.tokenization.fast.facts import OTHER
from nspdata.tokenization.languages import PerLanguage
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nspdata.tokenization.encoded import Encoder
    from nspdata.tokenization.sentences import SentenceSplitter
    from nspdata.tokenization.wordpiece import WordPiece


def make_splitter(settings: SentencesConfig) -> SentenceSplitter:
    """The splitter of the settings.

    Raises:
        ConfigError: the language, the pipeline or the library is not installed or not known.
    """
    if settings.splitter == "sentencex":
        from nspdata.tokenization.sentencex_splitter import SentencexSplitter

        return SentencexSplitter(settings.language, settings.paragraphs)
    return Splitter.of(settings)


def make_encoder(wordpiece: WordPiece, settings: SentencesConfig | None = None, *, fast: bool = True) -> Encoder:
    """The fastest encoder that is exact for these settings. Where loops are `interpreted`, it is the plain one.

    Args:
        wordpiece: the tokenizer.
        settings: the settings `sentences`.
        fast: False for the plain encoder, whose result is identical.

    Raises:
        ConfigError: the language, the pipeline or the library is not installed or not known.
    """
    from nspdata.tokenization.fast.encoder import FastEncoder

    splitter = make_splitter(settings or SentencesConfig())
    if fast and isinstance(splitter, Splitter) and not why_slow(wordpiece, splitter) and not is_interpreted():
        return FastEncoder(splitter, wordpiece)
    return PlainEncoder(splitter, wordpiece)


def why_slow(wordpiece: WordPiece, splitter: SentenceSplitter) -> str:
    """Why the fast encoder does not apply to a tokenizer and a splitter; "" if it does."""
    if not isinstance(splitter, Splitter):
        return "sentences.splitter = 'sentencex'"
    if splitter.model:
        return f"sentences.model = {splitter.model!r}"
    if not can_encode_fast(splitter):
        return f"spaCy splits words of {splitter.language!r} with a package of its own"
    if not wordpiece.is_plain:
        return f"`tokenizers` runs the tokenizer, because {wordpiece.reason}"
    return "" if is_interpreted() or is_compiled() else "numba is not installed or switched off"


def can_encode_fast(splitter: Splitter) -> bool:
    """Whether the splitter's tokenizer and sentence rules are those that the fast encoder implements exactly."""
    return not splitter.model and splitter.facts.kind != OTHER


class DocumentSplitter:
    """Splits each document by the rules of its own language.

    Args:
        settings: the settings `sentences`.

    Raises:
        ConfigError: the language, the pipeline or the library is not installed or not known.
    """

    def __init__(self, settings: SentencesConfig) -> None:
        self._splitters = PerLanguage(make_splitter, settings)

    def split(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> Iterator[list[tuple[int, int]]]:
        """The spans of each text; see `SentenceSplitter.split`. Without `languages`, all are in the default language."""
        if languages is None:
            yield from self._splitters.of("").split(texts)
            return
        found: list[list[tuple[int, int]]] = [[]] * len(texts)
        for splitter, indices in self._splitters.grouped(languages):
            for index, spans in zip(indices, splitter.split([texts[index] for index in indices]), strict=True):
                found[index] = spans
        yield from found


class DocumentEncoder:
    """Splits and encodes each document, by the rules of its own language.

    Args:
        wordpiece: the tokenizer.
        settings: the settings `sentences`.
        fast: False for the plain encoders, whose result is identical.

    Attributes:
        slow: why the fast encoder does not apply, by language, for the languages that were seen.

    Raises:
        ConfigError: the language, the pipeline or the library is not installed or not known.
    """

    def __init__(self, wordpiece: WordPiece, settings: SentencesConfig | None = None, *, fast: bool = True) -> None:
        self.slow: dict[str, str] = {}

        def make(one: SentencesConfig) -> Encoder:
            encoder = make_encoder(wordpiece, one, fast=fast)
            if isinstance(encoder, PlainEncoder) and fast and (reason := why_slow(wordpiece, encoder.splitter)):
                self.slow[one.language] = reason
            return encoder

        self._encoders = PerLanguage(make, settings or SentencesConfig())

    def encode(
        self,
        texts: Sequence[str],
        sentences: Sequence[Sequence[str]] | None = None,
        languages: Sequence[str] | None = None,
    ) -> Encoded:
        """The ids of the documents, in their order; see `Encoder.encode`.

        Args:
            texts: the documents.
            sentences: their sentences, if they are given; they are not split again.
            languages: their language codes, "" for the default language; None if all are in that one.
        """
        if languages is None or sentences is not None:
            return self._encoders.of("").encode(texts, sentences)
        parts, order = [], list[int]()
        for encoder, indices in self._encoders.grouped(languages):
            parts.append(encoder.encode([texts[index] for index in indices]))
            order += indices
        if len(parts) == 1:
            return parts[0]
        return _in_order(parts, order)

    def encode_pieces(self, pieces: Iterable[str], language: str = "") -> Encoded:
        """The ids of one long document in this language; see `Encoder.encode_pieces`."""
        return self._encoders.of(language).encode_pieces(pieces)


def _in_order(parts: Sequence[Encoded], order: Sequence[int]) -> Encoded:
    """Joins parts whose documents have these places in the result, and puts the documents in order."""
    if not parts:
        none = np.zeros(1, np.int64)
        return Encoded(ids=np.zeros(0, np.uint16), sentence_offsets=none, document_offsets=none)
    places = np.argsort(np.array(order, np.int64))
    sentences = np.concatenate([np.diff(part.sentence_offsets) for part in parts])
    ids = np.concatenate([part.ids for part in parts])
    joined = offsets(np.concatenate([np.diff(part.document_offsets) for part in parts]))
    counts = np.diff(joined)[places]
    tokens = offsets(sentences)[joined]
    lengths = copy_runs(sentences, joined[:-1][places], offsets(counts))
    return Encoded(
        ids=copy_runs(ids, tokens[:-1][places], offsets(np.diff(tokens)[places])),
        sentence_offsets=offsets(lengths),
        document_offsets=offsets(counts),
    )
