"""Which languages are written in which script, to compare a text with `sentences.language`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = {
    "Arabic": ("ar", "fa", "ur"),
    "Armenian": ("hy",),
    "Bengali": ("bn",),
    "Bopomofo": ("zh",),
    "Cyrillic": ("ru", "uk", "bg", "mk", "sr", "ky", "tt"),
    "Devanagari": ("hi", "mr", "ne", "sa"),
    "Ethiopic": ("am", "ti"),
    "Greek": ("el", "grc"),
    "Gujarati": ("gu",),
    "Han": ("zh", "ja"),
    "Hangul": ("ko",),
    "Hebrew": ("he",),
    "Hiragana": ("ja",),
    "Kannada": ("kn",),
    "Katakana": ("ja",),
    "Malayalam": ("ml",),
    "Sinhala": ("si",),
    "Tamil": ("ta",),
    "Telugu": ("te",),
    "Thai": ("th",),
    "Tibetan": ("bo",),
}
"""Codes that spaCy knows, by script, the most frequent first. A script that is not here has no language in spaCy but `xx`."""

ALSO = {"ko": {"Han"}, "zh": {"Han"}, "sr": {"Latin"}, "kmr": {"Cyrillic"}, "az": {"Cyrillic"}}
"""More scripts of some languages. A language that is in neither table is written in Latin letters."""

NEUTRAL = {"Common", "Inherited", "Unknown"}
"""Digits, punctuation, spaces and marks of no script of their own."""

ANY = "xx"
"""The code of spaCy's rules for any language."""

MAX_KANA_OF_CHINESE = 0.02
"""Text with Han and more kana than this is Japanese."""


def scripts_of(language: str) -> set[str]:
    """The scripts that a language is written in.

    >>> sorted(scripts_of("ja")), sorted(scripts_of("de"))
    (['Han', 'Hiragana', 'Katakana'], ['Latin'])
    """
    found = {script for script, codes in LANGUAGES.items() if language in codes} | ALSO.get(language, set())
    return found or {"Latin"}


def script_shares(characters: Mapping[str, int]) -> dict[str, float]:
    """The shares of the scripts among the letters, the largest first.

    Args:
        characters: by script, as statistics count them.
    """
    letters = {script: count for script, count in characters.items() if script not in NEUTRAL}
    total = max(1, sum(letters.values()))
    return {script: count / total for script, count in sorted(letters.items(), key=lambda item: (-item[1], item[0]))}


def foreign_share(shares: Mapping[str, float], *languages: str) -> float:
    """The share of the letters in scripts that none of the languages is written in.

    Latin letters are in texts of every language: they count only if they are most of the text.

    >>> foreign_share({"Han": 0.8, "Latin": 0.2}, "zh"), foreign_share({"Han": 0.8, "Latin": 0.2}, "en")
    (0.0, 0.8)
    """
    own = set().union(*map(scripts_of, languages))
    neutral = own if shares.get("Latin", 0) > 0.5 else own | {"Latin"}
    return sum((share for script, share in shares.items() if script not in neutral), 0.0)


def suggest(shares: Mapping[str, float], *, least: float = 0.1) -> dict[str, str]:
    """The language codes for a text, by script: for each script that is at least this share of the letters.

    >>> suggest({"Han": 0.45, "Hiragana": 0.4, "Katakana": 0.1, "Latin": 0.05})
    {'Japanese': 'ja'}
    >>> suggest({"Latin": 0.6, "Cyrillic": 0.4})
    {'Cyrillic': 'ru, uk, bg, mk, sr, ky or tt', 'Latin': 'the code of its language, such as en, de or fr'}
    """
    kana = shares.get("Hiragana", 0) + shares.get("Katakana", 0)
    japanese = kana > MAX_KANA_OF_CHINESE and kana > 0.1 * shares.get("Han", 0)
    result = {}
    for script, share in shares.items():
        if script in {"Han", "Hiragana", "Katakana"}:
            if share + (kana if japanese else 0) >= least:
                result["Japanese" if japanese else "Chinese"] = "ja" if japanese else "zh"
        elif share >= least:
            result[script] = _codes(script)
    return dict(sorted(result.items()))


def _codes(script: str) -> str:
    if script == "Latin":
        return "the code of its language, such as en, de or fr"
    *others, last = LANGUAGES.get(script, (ANY,))
    return f"{', '.join(others)} or {last}" if others else last
