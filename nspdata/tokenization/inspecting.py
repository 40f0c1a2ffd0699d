"""Sentences of texts as a build splits them, with each cut and its reason; used to check settings before a build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nspdata.tokenization.cutting import REASONS, find_cuts, token_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nspdata.tokenization.encoders import DocumentSplitter
    from nspdata.tokenization.wordpiece import WordPiece


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of a text.

    Attributes:
        start: index of its first character.
        end: index after its last character.
        tokens: number of its tokens; None without a tokenizer.
        cuts: where it is cut into pieces, in characters of the text, and why: a value of `cutting.REASONS`.
    """

    start: int
    end: int
    tokens: int | None = None
    cuts: tuple[tuple[int, str], ...] = ()


def inspect_sentences(
    texts: Sequence[str],
    splitter: DocumentSplitter,
    wordpiece: WordPiece | None = None,
    *,
    languages: Sequence[str] | None = None,
    max_tokens: int = 0,
) -> Iterator[list[Sentence]]:
    """The sentences of each text; those without a token are left out if there is a tokenizer.

    Args:
        texts: texts to split.
        splitter: splits them.
        wordpiece: the tokenizer, or None.
        languages: their language codes; None if all are in the default language.
        max_tokens: the longest sentence that is not cut.
    """
    for text, spans in zip(texts, splitter.split(texts, languages), strict=True):
        held = [(start, end) for start, end in spans if text[start:end].strip()]
        if wordpiece is None:
            yield [Sentence(start=start, end=end) for start, end in held]
            continue
        found = [_measured(text, start, end, wordpiece, max_tokens) for start, end in held]
        yield [sentence for sentence in found if sentence.tokens]


def _measured(text: str, start: int, end: int, wordpiece: WordPiece, max_tokens: int) -> Sentence:
    encoding = wordpiece.backend.encode(text[start:end], add_special_tokens=False)
    ids = np.array(encoding.ids, wordpiece.vocabulary.dtype)
    cuts = find_cuts(ids, np.array([0, len(ids)]), token_kinds(wordpiece.vocabulary), max_tokens=max_tokens)
    places = [start + encoding.offsets[place][0] for place in cuts.places.tolist()]
    reasons = [REASONS[reason] for reason in cuts.reasons.tolist()]
    return Sentence(start=start, end=end, tokens=len(ids), cuts=tuple(zip(places, reasons, strict=True)))
