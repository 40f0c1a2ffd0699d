"""Characters by Unicode script, and those that accent stripping changes; the tables are Unicode's, as ranges of code points."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

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


def count_characters(texts: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """The number of characters of each script, and of those among them that accent stripping changes or deletes.

    >>> count_characters(["Äpfel", "हिंदी"])
    ({'Devanagari': 5, 'Latin': 5}, {'Devanagari': 1, 'Latin': 1})
    """
    long = [text for text in texts if len(text) > MOST_CHARACTERS]
    if not long:
        return _counted(texts)
    scripts, marked = map(Counter[str], _counted([text for text in texts if len(text) <= MOST_CHARACTERS]))
    for text in long:
        for start in range(0, len(text), MOST_CHARACTERS):
            found = _counted([text[start : start + MOST_CHARACTERS]])
            scripts.update(found[0])
            marked.update(found[1])
    return dict(sorted(scripts.items())), dict(sorted(marked.items()))


def _counted(texts: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """`count_characters` of all the texts at once."""
    plain = "".join(text for text in texts if text.isascii())
    letters = _letters(np.frombuffer(plain.encode(), np.uint8))
    common = len(plain) - letters
    counts = np.zeros(2 * MARKED_OFFSET, np.int64)
    others = "".join(text for text in texts if not text.isascii())
    if others:
        points = np.frombuffer(others.encode("utf-32-le", "surrogatepass"), np.uint32)
        foreign = points[points >= 0x80]
        within = _letters(points.astype(np.uint8)[points < 0x80])
        letters, common = letters + within, common + len(points) - len(foreign) - within
        counts += np.bincount(_kinds()[foreign], minlength=len(counts))
    plain_counts, marked_counts = counts[:MARKED_OFFSET], counts[MARKED_OFFSET:]
    named = dict(zip(_names(), (plain_counts + marked_counts).tolist(), strict=False))
    named["Latin"] += letters
    named["Common"] += common
    marked = dict(zip(_names(), marked_counts.tolist(), strict=False))
    return _positive(named), _positive(marked)


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
