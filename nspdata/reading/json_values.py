"""Splits JSON that is not one value per line: an array of records, or concatenated values, pretty-printed or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from nspdata.reading.compression import BOM, CutShortError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STRUCTURE = re.compile(rb'["{}\[\]]')
STRING_END = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
BETWEEN = b" \t\r\n,"
OPENING, CLOSING, ARRAY, ARRAY_END, QUOTE = b"{[", b"}]", 0x5B, 0x5D, 0x22
HEAD_BYTES = 1000


class JsonValue(NamedTuple):
    """A record of the stream.

    Attributes:
        offset: byte offset in the stream.
        data: its bytes; only the first 1,000 if it is too long.
        size: its length in bytes.
        too_long: whether `size` exceeds `max_record_bytes`.
    """

    offset: int
    data: bytes
    size: int
    too_long: bool


class JsonValues:
    """Splits a stream of bytes into the elements of one array, or into concatenated top-level values.

    It counts brackets and skips strings with regular expressions: linear time, and memory for one record of at most
    `max_record_bytes`. Bytes between records other than white space and commas are returned as records.
    """

    def __init__(self, max_record_bytes: int) -> None:
        self.max_record_bytes = max_record_bytes
        self._rest = b""  # bytes not yielded yet
        self._offset = 0  # of the first of them
        self._scanned = 0
        self._in_string = False
        self._depth = self._base = 0  # the base is 1 inside the outer array
        self._head: tuple[int, bytes] | None = None  # offset and first bytes of a record that is too long
        self._empty = True  # only white space so far

    def cut(self, blocks: Iterable[bytes]) -> Iterator[JsonValue]:
        """The records of a stream.

        Raises:
            CutShortError: the stream is corrupt or truncated; `part` is the beginning of the current record.
        """
        try:
            for block in blocks:
                self._rest += block
                yield from self._scan()
        except CutShortError as error:
            part, read_bytes = self._rest, error.read_bytes
            raise CutShortError(str(error), position=self._offset, part=part, read_bytes=read_bytes) from error
        yield from self._piece(0, len(self._rest))

    def _scan(self) -> Iterator[JsonValue]:
        """Yields the records that end in the buffer and drops them from it."""
        begin = 0  # of the current record, or of the bytes between two records
        while self._scanned < len(self._rest):
            if self._in_string:
                if not self._skip_string():
                    break
                if self._depth == self._base:
                    yield from self._piece(begin, self._scanned)
                    begin = self._scanned
                continue
            match = STRUCTURE.search(self._rest, self._scanned)
            if match is None:
                self._scanned = len(self._rest)
                break
            place, self._scanned = match.start(), match.end()
            outside = self._depth == self._base
            if outside and (self._base or self._rest[place] not in CLOSING):
                yield from self._piece(begin, place)
                begin = place
            if self._step(self._rest[place]):
                begin = self._scanned if outside else begin
            elif not outside and self._depth == self._base:
                yield from self._piece(begin, self._scanned)
                begin = self._scanned
        self._drop(begin)

    def _step(self, byte: int) -> bool:
        """Counts a bracket or starts a string; returns True for the brackets of the outer array."""
        first, self._empty = self._empty, False
        if byte == QUOTE:
            self._in_string = True
        elif byte in OPENING:
            if first and byte == ARRAY:
                self._depth = self._base = 1
                return True
            self._depth += 1
        elif self._depth > self._base:
            self._depth -= 1
        elif self._base and byte == ARRAY_END:
            self._depth = self._base = 0
            return True
        return False

    def _skip_string(self) -> bool:
        """Moves to the end of a string; returns False if the buffer ends first."""
        if match := STRING_END.match(self._rest, self._scanned):
            self._scanned, self._in_string = match.end(), False
            return True
        tail = len(self._rest) - len(self._rest.rstrip(b"\\"))
        self._scanned = max(self._scanned, len(self._rest) - tail % 2)  # an escape is not parted
        return False

    def _piece(self, begin: int, end: int) -> Iterator[JsonValue]:
        if self._head:
            offset, head = self._head
            yield JsonValue(offset, head, self._offset + end - offset, too_long=True)
            self._head = None
            return
        if self._offset + begin == 0 and self._rest.startswith(BOM):
            begin += len(BOM)
        data = self._rest[begin:end]
        if kept := data.strip(BETWEEN):
            offset = self._offset + begin + (len(data) - len(data.lstrip(BETWEEN)))
            too_long = len(kept) > self.max_record_bytes
            yield JsonValue(offset, kept[:HEAD_BYTES] if too_long else kept, len(kept), too_long)

    def _drop(self, begin: int) -> None:
        """Drops the bytes that were yielded, and the scanned bytes of a record that is too long."""
        if len(self._rest) - begin > self.max_record_bytes:
            self._head = self._head or (self._offset + begin, self._rest[begin : begin + HEAD_BYTES])
        if self._head:
            begin = self._scanned
        self._rest = self._rest[begin:]
        self._offset += begin
        self._scanned -= begin
