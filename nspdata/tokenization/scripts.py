"""The scripts of characters by their Unicode names; loads no tokenizer library, so statistics can use it."""

from __future__ import annotations

import unicodedata
from functools import cache

UNSPACED = {"THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "HIRAGANA", "KATAKANA", "CJK", "JAVANESE", "BALINESE", "TAI"}
"""Scripts (first word of the characters' names) without spaces between words: tokens per word is not defined for them."""


@cache
def script_of(character: str) -> str:
    """The first word of a character's Unicode name: its script, for letters; `COMBINING` for marks of any script.

    >>> script_of("a"), script_of("ж"), script_of("क"), script_of("の"), script_of("漢"), script_of("각")
    ('LATIN', 'CYRILLIC', 'DEVANAGARI', 'HIRAGANA', 'CJK', 'HANGUL')
    """
    return unicodedata.name(character, "OTHER").split()[0]


def begins_with_letter(token: str) -> bool:
    """Whether a token that is no continuation begins with a letter of a script with spaces between words."""
    return token[:1].isalpha() and script_of(token[0]) not in UNSPACED
