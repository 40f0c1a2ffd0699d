"""Writes the tables of nspdata/statistics: `scripts.txt` from fontTools' copy of Unicode's Scripts.txt, `marks.txt` from Python's.

`pip install fonttools; python docs/generate_scripts.py`
"""

from __future__ import annotations

import unicodedata
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

TABLES = Path(__file__).parents[1] / "nspdata" / "statistics"

LICENCE = "by docs/generate_scripts.py; Unicode data, licence: https://www.unicode.org/license.txt\n"


def scripts() -> str:
    """One line per script: its name, and the ranges of its code points in hexadecimal."""
    from fontTools import unicodedata as names

    ranges = {
        names.script_name(code).replace(" ", "_"): found
        for code, found in _ranges(lambda point: names.script(chr(point))).items()
        if code != "Zzzz"
    }
    lines = [f"{name} {' '.join(found)}\n" for name, found in sorted(ranges.items())]
    return f"# Scripts of Unicode, {LICENCE}" + "".join(lines)


def marks() -> str:
    """One line: the ranges of the characters that lose a mark, or are deleted, where accents are stripped."""
    stripped = _ranges(_has_mark)[True]
    return f"# Characters with a mark of category Mn, {LICENCE}" + f"Marked {' '.join(stripped)}\n"


def _has_mark(point: int) -> bool:
    decomposed = unicodedata.normalize("NFD", chr(point))
    return any(unicodedata.category(character) == "Mn" for character in decomposed)


def _ranges(kind_of: Callable[[int], Hashable]) -> dict[Hashable, list[str]]:
    found: dict[Hashable, list[str]] = {}
    for kind, points in groupby(range(0x110000), kind_of):
        first, *rest = points
        found.setdefault(kind, []).append(f"{first:X}-{rest[-1]:X}" if rest else f"{first:X}")
    return found


if __name__ == "__main__":
    (TABLES / "scripts.txt").write_text(scripts(), encoding="ascii")
    (TABLES / "marks.txt").write_text(marks(), encoding="ascii")
