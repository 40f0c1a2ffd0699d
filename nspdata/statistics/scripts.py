"""Characters by Unicode script, and those that accent stripping changes; the tables are Unicode's, as ranges of code points."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.compiled import is_compiled
from nspdata.statistics.utf8 import count_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SCRIPTS, MARKS = (Path(__file__).with_name(name) for name in ("scripts.txt", "marks.txt"))

MOST_CHARACTERS = 1 << 20
"""Characters of a text that are counted at once; each needs up to 20 bytes."""

MARKED_OFFSET = 256
"""Added to the script's number of a character that loses a mark, or is deleted, if accents are stripped."""


def count_scripts(texts: Sequence[str]) -> dict[str, int]:
    """The number of characters of each script in the texts; `Common` are digits, punctuation and spaces.

    >>> count_scripts(["Straße 7", "да"])
    {'Common': 2, 'Cyrillic': 2, 'Latin': 6}
    """
    return count_characters(texts)[0]


def count_characters(texts: Sequence[str | bytes | bytearray]) -> tuple[dict[str, int], dict[str, int]]:
    """The number of characters of each script, and of those among them that accent stripping changes or deletes.

    Args:
        texts: as strings, or as UTF-8.

    >>> count_characters(["Äpfel", "हिंदी"])
    ({'Devanagari': 5, 'Latin': 5}, {'Devanagari': 1, 'Latin': 1})
    """
    counts = np.zeros(2 * MARKED_OFFSET, np.int64)
    if is_compiled():
        utf8 = b"".join(text.encode(errors="surrogatepass") if isinstance(text, str) else text for text in texts)
        letters, common = count_utf8(utf8, _kinds(), counts)
    else:
        text = "".join(text if isinstance(text, str) else text.decode() for text in texts)
        letters, common = _count_string(text, counts)
    plain_counts, marked_counts = counts[:MARKED_OFFSET], counts[MARKED_OFFSET:]
    named = dict(zip(_names(), (plain_counts + marked_counts).tolist(), strict=False))
    named["Latin"] += letters
    named["Common"] += common
    marked = dict(zip(_names(), marked_counts.tolist(), strict=False))
    return _positive(named), _positive(marked)


def _count_string(text: str, counts: NDArray[np.int64]) -> tuple[int, int]:
    """`count_utf8` without a compiler."""
    letters = common = 0
    for start in range(0, len(text), MOST_CHARACTERS):
        points = np.frombuffer(text[start : start + MOST_CHARACTERS].encode("utf-32-le", "surrogatepass"), np.uint32)
        plain, others = points[points < 0x80].astype(np.uint8), points[points >= 0x80]
        letters += _letters(plain)
        common += len(plain)
        counts += np.bincount(_kinds()[others], minlength=len(counts))
    return letters, common - letters


def _positive(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}


def _letters(characters: NDArray[np.uint8]) -> int:
    """The number of letters among these ASCII characters."""
    return int(np.count_nonzero((characters | np.uint8(0x20)) - np.uint8(ord("a")) < 26))


@cache
def _lines(table: Path) -> list[list[str]]:
    return [line.split() for line in table.read_text(encoding="ascii").splitlines() if not line.startswith("#")]


@cache
def _names() -> list[str]:
    """The scripts; the first, `Unknown`, is the script of all code points that are in no range."""
    return ["Unknown", *(name for name, *_ in _lines(SCRIPTS))]


@cache
def _kinds() -> NDArray[np.uint16]:
    """Shape (0x110000,), uint16: index into `_names` of each code point's script, plus `MARKED_OFFSET` if it has a mark."""
    result = np.zeros(0x110000, np.uint16)
    for script, (_, *ranges) in enumerate(_lines(SCRIPTS), start=1):
        for points in _slices(ranges):
            result[points] = script
    for _, *ranges in _lines(MARKS):
        for points in _slices(ranges):
            result[points] += np.uint16(MARKED_OFFSET)
    return result


def _slices(ranges: Sequence[str]) -> Iterator[slice]:
    for first, _, last in (part.partition("-") for part in ranges):
        yield slice(int(first, 16), int(last or first, 16) + 1)
