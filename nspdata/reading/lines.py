"""Reads the lines of a source or of a range of it."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from nspdata.reading.compression import BOM, CutShortError, blocks
from nspdata.reading.records import TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files.local import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source


ASCII_SPACE = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"

HEAD_BYTES = 1000


def lines(
    source: Source, files: Files, gathering: Gathering, max_record_bytes: int
) -> Iterator[tuple[list[int], list[bytes]]]:
    r"""Yields the lines that start in the source's range, without line ends, in lists of about a megabyte.

    A line ends with `\n`, or with `\r` if the first block of the file contains no `\n`. A line longer than
    `max_record_bytes` is rejected, and reading continues.

    Yields:
        Offsets of the lines in the (decompressed) file, and the lines; without a byte order mark.

    Raises:
        CutShortError: the compressed stream is corrupt or truncated; `part` is the beginning of the current line.
    """
    position = max(0, source.start - 1)  # the line end before a line shows that it starts here
    line_end = source.line_end.encode() or (b"\n" if source.start or source.end is not None else b"")
    found = _Lines(gathering, position, max_record_bytes, skip=source.start > 0, line_end=line_end)
    end = float("inf") if source.end is None else source.end
    try:
        for block in blocks(source, files, start=position):
            if kept := found.take(block, end):
                yield kept
            if found.position >= end or (found.skip and found.seen >= end):
                return
    except CutShortError as error:
        raise CutShortError(
            str(error), position=found.position, part=b"".join(found.held), read_bytes=error.read_bytes
        ) from error
    if kept := found.rest(end):
        yield kept


class _Lines:
    """Cuts blocks into lines.

    Attributes:
        position: offset of the first buffered byte.
        seen: offset after the last byte that was taken.
        held: the buffered beginning of the next line.
        held_bytes: length of the next line so far.
        head: the first bytes of a line that is too long; nothing else of it is buffered.
        skip: whether the current line started before the range.
    """

    def __init__(
        self, gathering: Gathering, position: int, max_record_bytes: int, *, skip: bool, line_end: bytes
    ) -> None:
        self.gathering, self.max_record_bytes, self.line_end = gathering, max_record_bytes, line_end
        self.position = self.seen = position
        self.held: list[bytes] = []
        self.held_bytes = 0
        self.head = b""
        self.skip = skip

    def take(self, block: bytes, end: float) -> tuple[list[int], list[bytes]] | None:
        """The lines that end in this block."""
        if not self.line_end:
            self.line_end = b"\r" if b"\r" in block and b"\n" not in block else b"\n"
        if self.skip:  # the skipped line is not buffered
            self.position = self.seen
        self.seen += len(block)
        cut = block.rfind(self.line_end)
        if cut < 0:
            self._hold(block)
            return None
        if self.head:
            first = block.find(self.line_end)
            self._reject_long(self.held_bytes + first + 1)
            self.position = self.seen - len(block) + first + 1
            text, lost = block[first + 1 : max(cut, first + 1)], cut == first
        else:
            text, lost = b"".join([*self.held, block[:cut]]), False
        found = None if lost else self._cut(text, end)
        self.position = self.seen - len(block) + cut + 1
        self.skip = False
        self.held, self.held_bytes = [], 0
        self._hold(block[cut + 1 :])
        return found

    def rest(self, end: float) -> tuple[list[int], list[bytes]] | None:
        """The last line, if it has no line end."""
        if self.head:
            self._reject_long(self.held_bytes)
        text = b"".join(self.held)
        return self._cut(text, end) if text else None

    def _hold(self, block: bytes) -> None:
        self.held_bytes += len(block)
        if self.skip or self.head:
            return
        self.held.append(block)
        if self.held_bytes > self.max_record_bytes:
            self.head, self.held = b"".join(self.held)[:HEAD_BYTES], []

    def _reject_long(self, size: int) -> None:
        self.gathering.input_bytes += size
        self.gathering.reject(self.position, TOO_LARGE, self.head, size=size)
        self.head = b""

    def _cut(self, text: bytes, end: float) -> tuple[list[int], list[bytes]]:
        found, position = text.split(self.line_end), self.position
        offsets = []
        for line in found:
            offsets.append(position)
            position += len(line) + 1
        if offsets[0] == 0 and found[0].startswith(BOM):
            found[0] = found[0][len(BOM) :]
        kept = bisect_left(offsets, end)
        offsets, found = offsets[self.skip : kept], found[self.skip : kept]
        if len(text) > self.max_record_bytes:
            return self._without_long(offsets, found)
        return offsets, found

    def _without_long(self, offsets: list[int], found: list[bytes]) -> tuple[list[int], list[bytes]]:
        short = []
        for place, line in zip(offsets, found, strict=True):
            if len(line) > self.max_record_bytes:
                self.gathering.input_bytes += len(line) + 1
                self.gathering.reject(place, TOO_LARGE, line[:HEAD_BYTES], size=len(line) + 1)
            else:
                short.append((place, line))
        return [place for place, _ in short], [line for _, line in short]


def blank(line: bytes) -> bool:
    r"""Whether a line is empty or white space only, Unicode white space included (`str.isspace`).

    >>> blank(b" \t\r"), blank(" \u3000".encode()), blank(b"\x1c"), blank(b" x")
    (True, True, True, False)
    """
    rest = line.lstrip(ASCII_SPACE)
    return not rest or (rest[0] >= 0x80 and rest.decode("utf-8", "replace").isspace())
