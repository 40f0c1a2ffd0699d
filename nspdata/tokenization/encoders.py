"""The encoder for a splitter and a tokenizer: the fast one if it is exact, otherwise the plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.arrays.compiled import COMPILED
from nspdata.config.build import SentencesConfig
from nspdata.tokenization.fast.characters import character_based, rule_based
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter

if TYPE_CHECKING:
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
    """The fastest encoder that is exact for these settings.

    Args:
        wordpiece: the tokenizer.
        settings: the settings `sentences`.
        fast: False for the plain encoder, whose result is identical.

    Raises:
        ConfigError: the language, the pipeline or the library is not installed or not known.
    """
    from nspdata.tokenization.fast.encoder import FastEncoder

    splitter = make_splitter(settings or SentencesConfig())
    if fast and COMPILED and wordpiece.is_plain and isinstance(splitter, Splitter) and can_encode_fast(splitter):
        return FastEncoder(splitter, wordpiece)
    return PlainEncoder(splitter, wordpiece)


def can_encode_fast(splitter: Splitter) -> bool:
    """Whether the splitter's tokenizer and sentence rules are those that the fast encoder implements exactly."""
    return rule_based(splitter.nlp) or character_based(splitter.nlp)
