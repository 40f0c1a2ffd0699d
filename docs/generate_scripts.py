"""Writes nspdata/statistics/scripts.txt from fontTools' copy of Unicode's Scripts.txt (`pip install fonttools`)."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from fontTools import unicodedata

TABLE = Path(__file__).parents[1] / "nspdata" / "statistics" / "scripts.txt"


def table() -> str:
    """One line a script: its name, and the ranges of its code points in hexadecimal."""
    ranges: dict[str, list[str]] = {}
    for code, points in groupby(range(0x110000), lambda point: unicodedata.script(chr(point))):
        first, *rest = points
        if code != "Zzzz":
            name = unicodedata.script_name(code).replace(" ", "_")
            ranges.setdefault(name, []).append(f"{first:X}-{rest[-1]:X}" if rest else f"{first:X}")
    lines = [f"{name} {' '.join(found)}\n" for name, found in sorted(ranges.items())]
    return (
        "# Scripts of Unicode, by docs/generate_scripts.py; Unicode data, licence: https://www.unicode.org/license.txt\n"
        + "".join(lines)
    )


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="ascii")
