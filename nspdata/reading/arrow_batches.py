"""Reads the record batches of Arrow files and streams, in bounded memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nspdata.reading import arrow_messages as messages
from nspdata.reading.columnar_damage import DAMAGE, Damage, check, of_the_data, present, too_much

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 256
"""Rows per batch."""

END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""End mark of a complete Arrow stream. A stream that is cut between two batches reads as a complete, shorter one."""


def arrow_batches(stream: Any, wanted: tuple[str, str, str], bound: int) -> Iterator[pa.RecordBatch | Damage]:
    """Yields the batches up to the first corrupt one, then the error; a batch that is too large is skipped."""
    try:
        is_file = stream.read(6) == messages.MAGIC
        stream.seek(0)
        schema = (pa.ipc.open_file if is_file else pa.ipc.open_stream)(stream).schema
        names = present(schema.names, wanted)
        counted = None if names is None else messages.buffers_of(schema, set(names))
        included = None if names is None else [schema.names.index(name) for name in names]
        options = pa.ipc.IpcReadOptions(included_fields=included)
        stream.seek(0)
        for batch in (_file_batches if is_file else _stream_batches)(stream, options, counted, bound):
            if isinstance(batch, Damage):
                yield batch
                continue
            for column in batch.columns if names is not None else []:
                check(column)
            yield from (batch.slice(start, ROWS) for start in range(0, batch.num_rows, ROWS))
        if not is_file:
            stream.seek(-len(END_OF_STREAM), io.SEEK_END)
            if stream.read() != END_OF_STREAM:
                yield Damage(pa.ArrowInvalid("the stream ends without its end mark: batches may be missing"))
    except DAMAGE as error:
        yield Damage(of_the_data(error))


def _file_batches(
    stream: Any, options: pa.ipc.IpcReadOptions, counted: range | None, bound: int
) -> Iterator[pa.RecordBatch | Damage]:
    dictionaries, batches = messages.blocks_of(stream)
    held = 0
    for place in dictionaries:
        message = messages.message_at(stream, place)
        held += messages.needed_bytes(stream, message, None, whole_body=True) if message else 0
    if held > bound:
        raise too_much("the dictionaries of the record batches", held, bound)
    reader = pa.ipc.open_file(stream, options=options)
    for index in range(reader.num_record_batches):
        message = messages.message_at(stream, batches[index])
        need = held + (messages.needed_bytes(stream, message, counted, whole_body=False) if message else 0)
        if message and need > bound:
            yield Damage(too_much(f"record batch {index}", need, bound), rows=message.rows, bytes=message.body_bytes)
        else:
            yield reader.get_batch(index)


def _stream_batches(
    stream: Any, options: pa.ipc.IpcReadOptions, counted: range | None, bound: int
) -> Iterator[pa.RecordBatch | Damage]:
    reader = pa.ipc.open_stream(stream, options=options)
    held: dict[int, int] = {}
    index, place = 0, stream.tell()
    while message := messages.message_at(stream, stream.tell()):
        is_batch = message.kind == messages.RECORD_BATCH
        need = messages.needed_bytes(stream, message, counted if is_batch else None, whole_body=True)
        if not is_batch:
            number, adds = message.dictionary
            held[number] = need + (held.get(number, 0) if adds else 0)
            if sum(held.values()) > bound:
                raise too_much("the dictionaries of the record batches", sum(held.values()), bound)
            stream.seek(message.end)
            continue
        need += sum(held.values())
        if need > bound:
            if place == message.start:
                stream.seek(message.end)
            yield Damage(too_much(f"record batch {index}", need, bound), rows=message.rows, bytes=message.body_bytes)
            if place != message.start:
                return
        else:
            stream.seek(place)
            yield reader.read_next_batch()
        index, place = index + 1, stream.tell()
    stream.seek(place)
