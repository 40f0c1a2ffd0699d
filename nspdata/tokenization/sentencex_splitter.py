"""Sentences by `sentencex`, Wikimedia's rule-based splitter for about 300 languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.errors import ConfigError
from nspdata.tokenization.paragraphs import paragraph_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class SentencexSplitter:
    """Splits each paragraph with `sentencex.segment`, whose result is used as it is.

    Args:
        language: an ISO 639-1 code; sentencex falls back to a related language, or to English, if it has no rules for the language.
        paragraphs: see `paragraph_spans`.

    Raises:
        ConfigError: sentencex is not installed.
    """

    def __init__(self, language: str, paragraphs: str) -> None:
        try:
            import sentencex
        except ImportError as error:
            raise ConfigError(
                "sentences.splitter='sentencex' needs the package sentencex: pip install 'nspdata[sentencex]', "
                "or set sentences.splitter=spacy"
            ) from error
        self.segment = sentencex.segment
        self.language, self.paragraphs = language, paragraphs

    def split(self, texts: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
        """See `SentenceSplitter.split`."""
        for text in texts:
            spans: list[tuple[int, int]] = []
            for begin, end in paragraph_spans(text, self.paragraphs):
                spans += self._split(text[begin:end], begin)
            yield spans

    def _split(self, paragraph: str, begin: int) -> Iterator[tuple[int, int]]:
        at = 0
        for segment in self.segment(self.language, paragraph):
            place = paragraph.index(segment, at)  # some versions leave out white space between segments
            at = place + len(segment)
            yield begin + place, begin + at
