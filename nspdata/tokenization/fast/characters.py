"""What each character is to spaCy's sentencizer and to BERT's normalizer and pre-tokenizer; learnt from them, once a character.

BERT's normalizer works on single characters (cleaning, spaces around CJK, lower case) but for one step: taking accents off
decomposes a text and puts runs of combining marks into canonical order. Marks of category Mn are dropped right after, so only
a character that has a combining class and is *not* dropped could meet that order; such a character is `UNSAFE`, and a text
that holds one is encoded the plain way.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

NUM_CHARACTERS = 0x110000

SPACE, STOP, PUNCTUATION = 1, 2, 4
"""Bits of what spaCy sees: `str.isspace`, one of the sentencizer's punct_chars, category P."""

WORD, DROPPED, BREAK, ALONE, SEVERAL, UNSAFE = 0, 1, 2, 3, 4, 5
"""What BERT makes of a character: part of a word, nothing, a space, a word of its own, several of these, or it depends."""


class Characters:
    """Tables over all of Unicode, filled as characters are met.

    Attributes:
        known: shape (0x110000,), bool: whether the other tables hold a character.
        spacy: shape (0x110000,), uint8: bits `SPACE`, `STOP`, `PUNCTUATION`.
        kinds: shape (0x110000,), uint8: `WORD` to `UNSAFE`.
        targets: shape (0x110000,), uint32: the character after normalization, or for `SEVERAL` where its parts begin in `parts`.
        parts: shape (num_parts, 2), uint32: kind and character; a run ends with a kind of 255.
    """

    def __init__(self, backend: Tokenizer, punct_chars: Iterable[str]) -> None:
        self.backend = backend
        self.punct_chars = frozenset(punct_chars)
        self.known = np.zeros(NUM_CHARACTERS, np.bool_)
        self.spacy = np.zeros(NUM_CHARACTERS, np.uint8)
        self.kinds = np.zeros(NUM_CHARACTERS, np.uint8)
        self.targets = np.zeros(NUM_CHARACTERS, np.uint32)
        self.parts = np.zeros((0, 2), np.uint32)
        self._normalized: dict[str, int] = {}

    def learn(self, codes: NDArray[np.uint32]) -> None:
        """Fills the tables for every character of a text."""
        fresh = np.empty(min(len(codes), NUM_CHARACTERS), np.uint32)
        count = _unknown(codes, self.known, fresh)
        for code in fresh[:count].tolist():
            self._learn(code)

    def _learn(self, code: int) -> None:
        character = chr(code)
        bits = SPACE * character.isspace() | STOP * (character in self.punct_chars)
        self.spacy[code] = bits | PUNCTUATION * unicodedata.category(character).startswith("P")
        normalized = self.backend.normalizer.normalize_str(character)
        pieces = [(self._kind(piece), ord(piece)) for piece in normalized]
        if len(pieces) == 3 and pieces[0][0] == pieces[2][0] == BREAK:  # a CJK character between spaces
            pieces = [(ALONE, pieces[1][1])]
        if any(unicodedata.combining(piece) for piece in normalized) and self._reorders():
            self.kinds[code] = UNSAFE
        elif not pieces:
            self.kinds[code] = DROPPED
        elif len(pieces) == 1:
            self.kinds[code], self.targets[code] = pieces[0]
        else:
            self.kinds[code], self.targets[code] = SEVERAL, len(self.parts)
            self.parts = np.concatenate([self.parts, np.array([*pieces, (255, 0)], np.uint32)])

    def _reorders(self) -> bool:
        """Whether the normalizer decomposes, and so puts combining marks into order."""
        return bool(self.backend.normalizer.normalize_str("\u00e9") != "\u00e9")

    def _kind(self, character: str) -> int:
        """How BERT's pre-tokenizer takes a normalized character."""
        if character not in self._normalized:
            pieces = self.backend.pre_tokenizer.pre_tokenize_str(f"a{character}a")
            self._normalized[character] = {1: WORD, 2: BREAK, 3: ALONE}[len(pieces)]
        return self._normalized[character]


@compiled
def _unknown(codes: NDArray[np.uint32], known: NDArray[np.bool_], fresh: NDArray[np.uint32]) -> int:
    """Gathers the characters that are not known yet, each once, and marks them; returns how many."""
    count = 0
    for code in codes:
        if not known[code]:
            known[code] = True
            fresh[count] = code
            count += 1
    return count


def code_points(joined: str, texts: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The joined texts as code points, shape (num_characters,), uint32, and where each begins, shape (len(texts) + 1,), int64."""
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=starts[1:])
    return codes, starts


def rule_based(nlp: Any) -> bool:
    """Whether a spaCy pipeline is one that this package knows: the stock tokenizer by rules, and the stock sentencizer."""
    from spacy.pipeline import Sentencizer
    from spacy.tokenizer import Tokenizer

    return (
        type(nlp.tokenizer) is Tokenizer
        and nlp.pipe_names == ["sentencizer"]
        and type(nlp.get_pipe("sentencizer")) is Sentencizer
    )


def character_based(nlp: Any) -> bool:
    """Whether a spaCy pipeline takes every character for a token (Chinese by default) before the stock sentencizer."""
    from spacy.pipeline import Sentencizer

    tokenizer = nlp.tokenizer
    return (
        type(tokenizer).__name__ == "ChineseTokenizer"
        and tokenizer.segmenter == "char"
        and nlp.pipe_names == ["sentencizer"]
        and type(nlp.get_pipe("sentencizer")) is Sentencizer
    )
