"""Lines of a source or of a range of it."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from typing import TYPE_CHECKING

from nspdata.reading.compression import BOM, CutShortError, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files.local import Files
    from nspdata.reading.sources import Source


ASCII_SPACE = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"


def lines(source: Source, files: Files) -> Iterator[tuple[list[int], list[bytes]]]:
    r"""The lines that begin in the source's range, without their line end `\n`, in lists of about a megabyte.

    Yields:
        Offsets of the lines in the (decompressed) file, and the lines; a byte order mark is left out.

    Raises:
        CutShortError: the compressed stream breaks off; it holds the part of a line that was left.
    """
    position = max(0, source.start - 1)  # a line that begins right at the start is told by the line end before it
    skip, end = source.start > 0, float("inf") if source.end is None else source.end
    held: list[bytes] = []
    try:
        for block in blocks(dataclasses.replace(source, start=position), files):
            cut = block.rfind(b"\n")
            if cut < 0:
                held.append(block)
                continue
            text = b"".join([*held, block[:cut]])
            yield _cut(text, position, end, skip=skip)
            position, held, skip = position + len(text) + 1, [block[cut + 1 :]], False
            if position >= end:
                return
    except CutShortError as error:
        raise CutShortError(str(error), position=position, part=b"".join(held), read_bytes=error.read_bytes) from error
    if text := b"".join(held):
        yield _cut(text, position, end, skip=skip)


def _cut(text: bytes, position: int, end: float, *, skip: bool) -> tuple[list[int], list[bytes]]:
    found = text.split(b"\n")
    offsets = []
    for line in found:
        offsets.append(position)
        position += len(line) + 1
    if offsets[0] == 0 and found[0].startswith(BOM):
        found[0] = found[0][len(BOM) :]
    kept = bisect_left(offsets, end)
    return offsets[skip:kept], found[skip:kept]


def blank(line: bytes) -> bool:
    r"""Whether a line holds nothing but white space, of Unicode's as well (`str.isspace`).

    >>> blank(b" \t\r"), blank(" \u3000".encode()), blank(b"\x1c"), blank(b" x")
    (True, True, True, False)
    """
    rest = line.lstrip(ASCII_SPACE)
    return not rest or (rest[0] >= 0x80 and rest.decode("utf-8", "replace").isspace())
