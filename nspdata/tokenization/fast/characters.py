"""Tables of how the sentence rules and BERT's normalizer and pre-tokenizer treat each character, filled once per character.

BERT's normalizer works on single characters (cleaning, spaces around CJK, lower case) but for one step: stripping accents
decomposes a text and puts runs of combining marks into canonical order. Marks of category Mn are dropped right after, so only
a character that has a combining class and is *not* dropped is affected by that order; such a character is `UNSAFE`, and a text
that holds one is encoded by the plain encoder.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.tokenization.fast.signs import ENDS_LINE, ENDS_WORD, IS_MARK, IS_SPACE, OTHER, look_up_signs, room_for
from nspdata.tokenization.rules import SPACE, classes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from nspdata.tokenization.rules import SentenceRules

NUM_CHARACTERS = 0x110000

SINGLE_MARK, INNER_MARK, WORD_MARK, MARK = (1 << bit for bit in range(10, 14))
"""Bits beside those of `rules.classes`: the sets of marks of `SentenceRules`."""

WORD, DROPPED, BREAK, ALONE, SEVERAL, UNSAFE = 0, 1, 2, 3, 4, 5
"""BERT's result for a character: part of a word, nothing, a space, a word of its own, several of these, or context-dependent."""


class Characters:
    """Tables over all of Unicode, filled when a character first occurs.

    Attributes:
        classes: shape (0x110000,), uint16: the bits of `rules.classes`, and those of the marks.
        kinds: shape (0x110000,), uint8: `WORD` to `UNSAFE`.
        targets: shape (0x110000,), uint32: the character after normalization, or for `SEVERAL` where its parts begin in `parts`.
        parts: shape (num_parts, 2), uint32: kind and character; a run ends with a kind of 255.
        signs: shape (0x110000,), uint8: the byte of `signs`; 0 for a character that is not known.
    """

    def __init__(self, backend: Tokenizer, rules: SentenceRules) -> None:
        self.backend = backend
        self.rules = rules
        self.classes = np.zeros(NUM_CHARACTERS, np.uint16)
        self.kinds = np.zeros(NUM_CHARACTERS, np.uint8)
        self.targets = np.zeros(NUM_CHARACTERS, np.uint32)
        self.parts = np.zeros((0, 2), np.uint32)
        self.signs = np.zeros(NUM_CHARACTERS, np.uint8)
        self._normalized: dict[str, int] = {}
        self.learn(np.array([ord("\n")], np.uint32))  # separates the chunks that spaCy tokenizes together

    def learn(self, codes: NDArray[np.uint32]) -> None:
        """Fills the tables for every character of a text."""
        fresh = np.empty(min(len(codes), NUM_CHARACTERS), np.uint32)
        count = _unknown(codes, self.signs, fresh)
        for code in fresh[:count].tolist():
            self._learn(code)

    def signs_of(self, codes: NDArray[np.uint32]) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
        """Fills the tables like `learn`; returns the signs of the characters as `room_for` does."""
        signs, words = room_for(len(codes))
        if not look_up_signs(codes, self.signs, signs):
            self.learn(codes)
            look_up_signs(codes, self.signs, signs)
        return signs, words

    def _learn(self, code: int) -> None:
        character = chr(code)
        rules, bits = self.rules, classes(character)
        bits |= SINGLE_MARK * (character in rules.single_marks) | INNER_MARK * (character in rules.inner_marks)
        self.classes[code] = bits | WORD_MARK * (character in rules.word_marks) | MARK * (character in rules.all_marks)
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
        self.signs[code] = self._sign(code)

    def _sign(self, code: int) -> int:
        """The byte of a character whose place in the other tables is filled."""
        kind, target, bits = int(self.kinds[code]), int(self.targets[code]), int(self.classes[code])
        space, mark = bits & SPACE, bits & (SINGLE_MARK | INNER_MARK | WORD_MARK)
        if kind == WORD and 0 < target < 0x80 and not space and not mark:
            return target
        ends = kind in {BREAK, ALONE, UNSAFE}
        bits = IS_SPACE * bool(space) | IS_MARK * bool(mark) | ENDS_WORD * ends | ENDS_LINE * (chr(code) in "\n\r")
        return OTHER | bits | kind

    def _reorders(self) -> bool:
        """Whether the normalizer decomposes, and so puts combining marks into order."""
        return bool(self.backend.normalizer.normalize_str("\u00e9") != "\u00e9")

    def _kind(self, character: str) -> int:
        """How BERT's pre-tokenizer treats a normalized character."""
        if character not in self._normalized:
            pieces = self.backend.pre_tokenizer.pre_tokenize_str(f"a{character}a")
            self._normalized[character] = {1: WORD, 2: BREAK, 3: ALONE}[len(pieces)]
        return self._normalized[character]


@compiled
def _unknown(codes: NDArray[np.uint32], signs: NDArray[np.uint8], fresh: NDArray[np.uint32]) -> int:
    """Collects the characters that are not known yet, each once, and gives them a sign that is replaced; returns their number."""
    count = 0
    for code in codes:
        if not signs[code]:
            signs[code] = OTHER
            fresh[count] = code
            count += 1
    return count


@compiled
def without_row(
    codes: NDArray[np.uint32],
    asked: NDArray[np.int64],
    row_of: NDArray[np.int32],
    num_rows: int,
    fresh: NDArray[np.uint32],
) -> int:
    """Collects the characters of chunks that have no row, and numbers them; returns how many."""
    count = 0
    for chunk in range(len(asked)):
        for at in range(asked[chunk, 0], asked[chunk, 1]):
            code = codes[at]
            if not row_of[code]:
                row_of[code] = num_rows + count
                fresh[count] = code
                count += 1
    return count


def code_points(joined: str, texts: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The joined texts as code points, shape (num_characters,), uint32, and where each begins, shape (len(texts) + 1,), int64."""
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=starts[1:])
    return codes, starts
