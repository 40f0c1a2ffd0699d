"""Which letters and marks accent stripping deletes or changes: `é` in English is rare, a vowel sign in Hindi is a fifth of a text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache

import numpy as np
from tokenizers import normalizers

_STRIPPING = normalizers.BertNormalizer(lowercase=False, strip_accents=True)
_KEEPING = normalizers.BertNormalizer(lowercase=False, strip_accents=False)


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


@cache
def is_stripped(character: str) -> bool:
    """Whether accent stripping deletes a character or makes another of it.

    >>> [is_stripped(character) for character in "eéй\u0947がק각"]
    [False, True, True, True, True, False, True]
    """
    return bool(_STRIPPING.normalize_str(character) != _KEEPING.normalize_str(character))


@cache
def script_of(character: str) -> str:
    """The first word of a character's Unicode name: its script, for letters; `COMBINING` for marks of any script.

    >>> script_of("a"), script_of("ж"), script_of("क"), script_of("の"), script_of("漢"), script_of("각")
    ('LATIN', 'CYRILLIC', 'DEVANAGARI', 'HIRAGANA', 'CJK', 'HANGUL')
    """
    return unicodedata.name(character, "OTHER").split()[0]
