"""Reads the metadata of Arrow messages, to know the memory that a record batch needs before it is read and decompressed.

pyarrow decompresses all columns of a batch at once and has no access to the sizes before. They are in the message's metadata
(a flatbuffer) and in the first eight bytes of each compressed buffer.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

SCHEMA, DICTIONARY_BATCH, RECORD_BATCH = 1, 2, 3
"""Types of messages."""

CONTINUATION = 0xFFFFFFFF

MAGIC = b"ARROW1"


class _Table:
    """A table of a flatbuffer."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position
        self._fields = position - self._at("<i", position)
        self._size = self._at("<H", self._fields)

    def _at(self, form: str, position: int) -> int:
        if position < 0 or position + struct.calcsize(form) > len(self.data):
            raise ValueError("the metadata of a message is corrupt")
        return int(struct.unpack_from(form, self.data, position)[0])

    def _place(self, number: int) -> int:
        entry = 4 + 2 * number
        offset = self._at("<H", self._fields + entry) if entry < self._size else 0
        return self.position + offset if offset else 0

    def number(self, number: int, form: str) -> int:
        """A number; 0 if the field is missing."""
        place = self._place(number)
        return self._at(form, place) if place else 0

    def table(self, number: int) -> _Table | None:
        """A table inside this one."""
        place = self._place(number)
        return _Table(self.data, place + self._at("<I", place)) if place else None

    def structs(self, number: int, form: str) -> list[tuple[int, ...]]:
        """A vector of structures."""
        place = self._place(number)
        if not place:
            return []
        start = place + self._at("<I", place)
        count, start = self._at("<I", start), start + 4
        size = struct.calcsize(form)
        if start + count * size > len(self.data):
            raise ValueError("the metadata of a message is corrupt")
        return [struct.unpack_from(form, self.data, start + index * size) for index in range(count)]


def _root(data: bytes) -> _Table:
    if len(data) < 4:
        raise ValueError("the metadata of a message is cut off")
    return _Table(data, int.from_bytes(data[:4], "little"))


@dataclass(frozen=True, slots=True)
class Message:
    """What the metadata of a message says.

    Attributes:
        start: offset of the message.
        kind: `SCHEMA`, `DICTIONARY_BATCH`, `RECORD_BATCH` or another type.
        rows: number of rows of a batch.
        body: offset of the body in the file.
        body_bytes: size of the body.
        buffers: offset in the body and size of each buffer.
        compressed: whether the buffers are compressed.
        dictionary: the dictionary that a batch belongs to, and whether it adds to it.
    """

    start: int
    kind: int
    rows: int
    body: int
    body_bytes: int
    buffers: list[tuple[int, ...]]
    compressed: bool
    dictionary: tuple[int, bool]

    @property
    def end(self) -> int:
        """Offset of the next message."""
        return self.body + self.body_bytes


def message_at(stream: Any, start: int) -> Message | None:
    """The message at an offset; None at the end of the stream. The position of the file changes.

    Raises:
        ValueError: the metadata is corrupt or cut off.
    """
    file_bytes = stream.seek(0, 2)
    if not 0 <= start <= file_bytes:
        raise ValueError("a message is outside the file")
    stream.seek(start)
    head = stream.read(8)
    if len(head) < 8:
        return None
    first, second = struct.unpack("<II", head)
    size, begin = (second, start + 8) if first == CONTINUATION else (first, start + 4)
    if not size:
        return None
    stream.seek(begin)
    data = stream.read(size)
    if len(data) < size:
        raise ValueError("the metadata of a message is cut off")
    root = _root(data)
    kind, header, body_bytes = root.number(1, "<B"), root.table(2), root.number(3, "<q")
    if not 0 <= body_bytes <= file_bytes - begin - size:
        raise ValueError("the body of a message is cut off")
    identity = (0, False)
    if kind == DICTIONARY_BATCH and header:
        identity = header.number(0, "<q"), bool(header.number(2, "<B"))
        header = header.table(1)
    batch = header if kind in {DICTIONARY_BATCH, RECORD_BATCH} else None
    return Message(
        start=start,
        kind=kind,
        rows=batch.number(0, "<q") if batch else 0,
        body=begin + size,
        body_bytes=body_bytes,
        buffers=batch.structs(2, "<qq") if batch else [],
        compressed=bool(batch and batch.table(3)),
        dictionary=identity,
    )


def blocks_of(stream: Any) -> tuple[list[int], list[int]]:
    """Offsets of the dictionary batches and of the record batches in a file with a footer.

    Raises:
        ValueError: the footer is corrupt.
    """
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 10))
    length = int.from_bytes(stream.read(4), "little")
    stream.seek(max(0, size - 10 - length))
    footer = _root(stream.read(length))
    dictionaries, batches = (footer.structs(number, "<qiiq") for number in (2, 3))
    return [block[0] for block in dictionaries], [block[0] for block in batches]


def needed_bytes(stream: Any, message: Message, wanted: range | None, *, whole_body: bool) -> int:
    """Bytes of memory that reading a batch needs: its buffers as they are stored, and decompressed.

    Args:
        stream: the file; its position changes.
        message: a dictionary batch or record batch.
        wanted: the buffers that are decompressed; None for all.
        whole_body: whether all buffers are read, as from a stream.
    """
    buffers = message.buffers if wanted is None else message.buffers[wanted.start : wanted.stop]
    stored = message.body_bytes if whole_body else sum(size for _, size in buffers)
    if not message.compressed:
        return stored
    decompressed = 0
    for offset, size in buffers:
        if not 0 <= offset <= message.body_bytes:
            raise ValueError("a buffer of a message is outside its body")
        if size >= 8:
            stream.seek(message.body + offset)
            decompressed += max(0, int.from_bytes(stream.read(8), "little", signed=True))
    return stored + decompressed


def buffers_of(schema: pa.Schema, names: set[str]) -> range | None:
    """The buffers from the first to the last of some columns; None if they cannot be counted."""
    first = last = place = 0
    for field in schema:
        count = _num_buffers(field.type)
        if count is None:
            return None
        if field.name in names:
            first = place if not last else first
            last = place + count
        place += count
    return range(first, last)


def _num_buffers(kind: pa.DataType) -> int | None:
    """Number of buffers of a column; None if it is not fixed by the type."""
    if isinstance(kind, pa.BaseExtensionType):
        return _num_buffers(kind.storage_type)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind) or pa.types.is_union(kind):
        return None
    own = 0 if pa.types.is_null(kind) else 2
    if pa.types.is_dictionary(kind):
        return own
    if (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    ):
        own = 3
    elif pa.types.is_nested(kind):
        if not any(holds(kind) for holds in (pa.types.is_list, pa.types.is_large_list, pa.types.is_map)):
            own = 1
            if not (pa.types.is_struct(kind) or pa.types.is_fixed_size_list(kind)):
                return None
        inner = [_num_buffers(kind.field(index).type) for index in range(kind.num_fields)]
        return None if None in inner else own + sum(count for count in inner if count)
    return own
