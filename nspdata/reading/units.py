"""Splits the input into units of work, and estimates the text in it."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from nspdata.reading.content import BLOCK_BYTES
from nspdata.reading.sources import LINE_FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.reading.sources import Source

PLAIN = frozenset({"jsonl", "csv", "tsv", "text_document", "text_line", "text_sentence"})
"""Formats whose files are about as large as their text."""

COMPRESSION_RATIO = 3
"""Estimated bytes of text per byte of a compressed or columnar file."""

LEAST_UNIT_BYTES, MOST_UNIT_BYTES, UNITS = 4 << 20, 64 << 20, 64
"""Bounds of a unit in bytes, and the number of units aimed at: about a 64th of the input each, so that workers finish at the same time."""

SLOW_BYTES = 16 << 30
"""Text of a file from which on a build warns that one process reads it, at about 100 MB per second."""


def expected_text_bytes(sources: Sequence[Source], *, ratio: int = COMPRESSION_RATIO) -> int:
    """Estimated bytes of text, from file sizes alone; see `text_bytes_of`."""
    return sum(text_bytes_of(source, ratio=ratio) for source in sources)


def text_bytes_of(source: Source, *, ratio: int = COMPRESSION_RATIO) -> int:
    """Estimated bytes of text of a source or of its range: its size, or `ratio` times that if it is compressed or columnar."""
    plain = not source.compression and source.format in PLAIN
    return source.stored_bytes * (1 if plain else ratio)


@dataclass(slots=True)
class Budget:
    """How much of each unit of a walk belongs to a sample, so that every part of the input gives in proportion to its size.

    Attributes:
        part: size of the sample.
        whole: size of the input.
        seen: size of the units so far.
        taken: size of what was taken from them.
    """

    part: int
    whole: int
    seen: int = 0
    taken: float = 0

    def after(self, size: int) -> float:
        """Adds a unit of this size; returns how much may be taken from it."""
        self.seen += size
        return self.seen * self.part // max(1, self.whole) - self.taken


def make_units(sources: Sequence[Source]) -> list[list[Source]]:
    """Units of work: large files of lines are split, small neighbouring files are grouped. Independent of the number of workers."""
    total = sum(source.size_bytes for source in sources)
    unit_bytes = min(max(LEAST_UNIT_BYTES, total // UNITS), MOST_UNIT_BYTES)
    unit_bytes = -(-unit_bytes // BLOCK_BYTES) * BLOCK_BYTES  # ranges begin where a block of the content hash begins
    units: list[list[Source]] = []
    held = unit_bytes + 1  # the first source begins a unit, an empty one too
    for source in split_sources(sources, range_bytes=unit_bytes):
        size = source.stored_bytes
        if held + size > unit_bytes:
            units.append([])
            held = 0
        units[-1].append(source)
        held += size
    return units


def sampling_order(source: Source) -> tuple[bytes, str, int]:
    """The sort key that puts sources into the pseudo-random order in which a sample takes them."""
    digest = hashlib.blake2b(f"{source.name}:{source.start}".encode(), digest_size=8).digest()
    return digest, source.name, source.start


def split_sources(sources: Sequence[Source], *, range_bytes: int = 64 << 20) -> list[Source]:
    """Splits large files of lines into ranges of about one size on the disk, independent of the number of workers."""
    result = []
    for source in sources:
        if not source.can_be_split or source.size_bytes <= range_bytes:
            result.append(source)
        elif source.compression:
            result += _compressed_ranges(source, range_bytes)
        else:
            starts = range(0, source.size_bytes, range_bytes)
            ends = [*starts[1:], None]
            result += [
                dataclasses.replace(source, start=start, end=end) for start, end in zip(starts, ends, strict=True)
            ]
    return result


def _compressed_ranges(source: Source, range_bytes: int) -> list[Source]:
    """Ranges between seek points. The byte at a point belongs to the range before: a reader sees there whether a line ends with it."""
    starts = [(0, 0)]
    for stored, place in source.seek_points:
        if stored - starts[-1][0] >= range_bytes:
            starts.append((stored, place + 1))
    whole = dataclasses.replace(source, seek_points=())
    ranges = zip(starts, [*starts[1:], (None, None)], strict=True)
    return [
        dataclasses.replace(whole, stored_start=stored, start=start, stored_end=stored_end, end=end)
        for (stored, start), (stored_end, end) in ranges
    ]


def slow_file(units: Sequence[Sequence[Source]]) -> str:
    """Describes the largest file that one process must read from beginning to end, if that takes minutes; "" if there is none."""
    sources = [source for unit in units for source in unit if not source.can_be_split]
    size, largest = max(((text_bytes_of(source), source) for source in sources), key=itemgetter(0), default=(0, None))
    if largest is None or size < SLOW_BYTES:
        return ""
    bgzip = " or compress it with bgzip" if largest.compression and largest.format in LINE_FORMATS else ""
    return (
        f"{largest.name}, about {size / 1e9:,.0f} GB of text, because ranges of a {largest.compression or largest.format} file cannot be read; "
        f"that takes a minute or more per 10 GB, so divide it into files of about 1 GB{bgzip} to use many workers"
    )
