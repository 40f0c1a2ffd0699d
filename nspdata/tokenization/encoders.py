"""The encoder for a splitter and a tokenizer: the fast one where it is exact, otherwise the plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.arrays.compiled import COMPILED
from nspdata.tokenization.fast.characters import character_based, rule_based
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter

if TYPE_CHECKING:
    from nspdata.tokenization.encoded import Encoder
    from nspdata.tokenization.wordpiece import WordPiece


def make_encoder(
    wordpiece: WordPiece, *, language: str = "en", model: str = "", paragraphs: str = "blank_line"
) -> Encoder:
    """The fastest encoder that is exact for these settings.

    Raises:
        ConfigError: the language or the pipeline cannot be had.
    """
    from nspdata.tokenization.fast.encoder import FastEncoder

    splitter = Splitter(language, model, paragraphs)
    if COMPILED and can_encode_fast(splitter):
        return FastEncoder(splitter, wordpiece)
    return PlainEncoder(splitter, wordpiece)


def can_encode_fast(splitter: Splitter) -> bool:
    """Whether this package knows the splitter's tokenizer and sentence rule; otherwise the plain way is the only exact one."""
    return rule_based(splitter.nlp) or character_based(splitter.nlp)
