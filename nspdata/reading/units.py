"""How an input is cut into units of work, and how much text to expect from it."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

from nspdata.reading.content import BLOCK_BYTES
from nspdata.reading.sources import LINE_FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.reading.sources import Source

COMPRESSION_RATIO = 3
"""Bytes of text expected of one byte of a compressed or columnar file, to derive the number of shards."""

LEAST_UNIT_BYTES, MOST_UNIT_BYTES, UNITS = 4 << 20, 64 << 20, 64
"""Bytes of input that a worker takes at once: about a 64th of all, so that the work comes out even, within these bounds."""


def expected_text_bytes(sources: Sequence[Source]) -> int:
    """Bytes of text to expect, from the files' sizes alone."""
    plain = {"jsonl", "csv", "tsv", "text_document", "text_line", "text_sentence"}
    return sum(
        source.size_bytes * (COMPRESSION_RATIO if source.compression or source.format not in plain else 1)
        for source in sources
    )


def make_units(sources: Sequence[Source]) -> list[list[Source]]:
    """Units of work: large files of lines are cut, small neighbours grouped; the same whoever does the work."""
    total = sum(source.size_bytes for source in sources)
    unit_bytes = min(max(LEAST_UNIT_BYTES, total // UNITS), MOST_UNIT_BYTES)
    unit_bytes = -(-unit_bytes // BLOCK_BYTES) * BLOCK_BYTES  # ranges begin where a block of the content hash begins
    units: list[list[Source]] = []
    held = unit_bytes + 1  # the first source begins a unit, an empty one too
    for source in split_sources(sources, range_bytes=unit_bytes):
        size = (source.size_bytes if source.end is None else source.end) - source.start
        if held + size > unit_bytes:
            units.append([])
            held = 0
        units[-1].append(source)
        held += size
    return units


def size_of(source: Source) -> int:
    """Bytes of a source on the disk, or of the range that it is."""
    return (source.size_bytes if source.end is None else source.end) - source.start


def sampling_order(source: Source) -> tuple[bytes, str, int]:
    """The sort key that puts sources into the pseudo-random order in which a sample takes them."""
    digest = hashlib.blake2b(f"{source.name}:{source.start}".encode(), digest_size=8).digest()
    return digest, source.name, source.start


def split_sources(sources: Sequence[Source], *, range_bytes: int = 64 << 20) -> list[Source]:
    """Cuts large uncompressed files of lines into ranges of fixed size; the ranges do not depend on who reads them."""
    result = []
    for source in sources:
        if source.compression or source.format not in LINE_FORMATS or source.size_bytes <= range_bytes:
            result.append(source)
            continue
        starts = range(0, source.size_bytes, range_bytes)
        ends = [*starts[1:], None]
        result += [dataclasses.replace(source, start=start, end=end) for start, end in zip(starts, ends, strict=True)]
    return result
