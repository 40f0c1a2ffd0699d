"""Characters by Unicode script; the table is Unicode's, as one line of code point ranges a script in `scripts.txt`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TABLE = Path(__file__).with_name("scripts.txt")


def count_scripts(texts: Sequence[str]) -> dict[str, int]:
    """How many characters of each script the texts hold; `Common` are digits, punctuation and spaces.

    >>> count_scripts(["Straße 7", "да"])
    {'Common': 2, 'Cyrillic': 2, 'Latin': 6}
    """
    plain = "".join(text for text in texts if text.isascii())
    letters = _letters(np.frombuffer(plain.encode(), np.uint8))
    common = len(plain) - letters
    counts = np.zeros(len(_names()), np.int64)
    others = "".join(text for text in texts if not text.isascii())
    if others:
        points = np.frombuffer(others.encode("utf-32-le", "surrogatepass"), np.uint32)
        foreign = points[points >= 0x80]
        within = _letters(points.astype(np.uint8)[points < 0x80])
        letters, common = letters + within, common + len(points) - len(foreign) - within
        counts += np.bincount(_scripts()[foreign], minlength=len(counts))
    named = dict(zip(_names(), counts.tolist(), strict=True))
    named["Latin"] += letters
    named["Common"] += common
    return {name: count for name, count in sorted(named.items()) if count}


def _letters(characters: NDArray[np.uint8]) -> int:
    """How many of these ASCII characters are letters."""
    return int(np.count_nonzero((characters | np.uint8(0x20)) - np.uint8(ord("a")) < 26))


@cache
def _lines() -> list[list[str]]:
    return [line.split() for line in TABLE.read_text(encoding="ascii").splitlines() if not line.startswith("#")]


@cache
def _names() -> list[str]:
    """The scripts; `Unknown`, the first, is of every code point that no line names."""
    return ["Unknown", *(name for name, *_ in _lines())]


@cache
def _scripts() -> NDArray[np.uint8]:
    """Shape (0x110000,), uint8: index into `_names` of each code point's script."""
    result = np.zeros(0x110000, np.uint8)
    for script, (_, *ranges) in enumerate(_lines(), start=1):
        for first, _, last in (part.partition("-") for part in ranges):
            result[int(first, 16) : int(last or first, 16) + 1] = script
    return result
