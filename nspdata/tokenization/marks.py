"""Which letters and marks accent stripping deletes or changes: `é` in English is rare, a vowel sign in Hindi is a fifth of a text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from tokenizers import normalizers

from nspdata.tokenization.scripts import script_of

_STRIPPING = normalizers.BertNormalizer(lowercase=False, strip_accents=True)
_KEEPING = normalizers.BertNormalizer(lowercase=False, strip_accents=False)


MAX_LOST_SHARE = 0.005
"""The largest share of the letters and marks of a script that a trained vocabulary loses to accent stripping by default.

English has 0.0001, German 0.012, Russian 0.012 (the letter й), Arabic 0.04, Japanese 0.1, Hindi 0.2, pointed Hebrew 0.5.
"""

MIN_SCRIPT_SHARE = 0.001
"""Scripts with a smaller share of all letters are ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accents:
    """The decision whether to strip accents, with its reason.

    Attributes:
        strip: whether to strip them.
        script: the script that stripping changes most, "" where it changes none.
        share: letters and marks of that script that stripping deletes or changes, 0 to 1.
        examples: the most frequent of them in all scripts.
    """

    strip: bool
    script: str
    share: float
    examples: str


class StrippedLetters:
    """Counts the characters of texts; memory does not grow with the texts."""

    def __init__(self) -> None:
        self._counts = np.zeros(0x110000, np.int64)

    def add(self, text: str) -> None:
        """Counts the characters of a text."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        if len(codes) > 1 << 16:
            self._counts += np.bincount(codes, minlength=len(self._counts))
        else:
            np.add.at(self._counts, codes, 1)

    def _items(self) -> list[tuple[str, int]]:
        """The letters and marks with their counts."""
        found = ((chr(code), int(self._counts[code])) for code in np.flatnonzero(self._counts).tolist())
        return [(character, count) for character, count in found if unicodedata.category(character)[0] in "LM"]

    def letters(self) -> Counter[str]:
        """Letters and marks by script."""
        result: Counter[str] = Counter()
        for character, count in self._items():
            result[script_of(character)] += count
        return result

    def stripped(self) -> tuple[Counter[str], str]:
        """Letters and marks that accent stripping deletes or changes: counts by script, and the characters by frequency."""
        result: Counter[str] = Counter()
        changed: Counter[str] = Counter()
        for character, count in self._items():
            if is_stripped(character):
                result[script_of(character)] += count
                changed[character] += count
        return result, "".join(character for character, _ in changed.most_common(40))

    def choose(self) -> Accents:
        """Whether a vocabulary of these texts should strip accents: not if the accents are letters of a script."""
        letters, (stripped, examples) = self.letters(), self.stripped()
        least = MIN_SCRIPT_SHARE * letters.total()
        shares = {script: count / letters[script] for script, count in stripped.items() if letters[script] >= least}
        script = max(shares, key=lambda name: (shares[name], name), default="")
        share = shares.get(script, 0.0)
        return Accents(strip=share <= MAX_LOST_SHARE, script=script, share=share, examples=examples[:10])


@cache
def is_stripped(character: str) -> bool:
    """Whether accent stripping deletes or changes a character.

    >>> [is_stripped(character) for character in "eéй\u0947がק각"]
    [False, True, True, True, True, False, True]
    """
    return bool(_STRIPPING.normalize_str(character) != _KEEPING.normalize_str(character))
