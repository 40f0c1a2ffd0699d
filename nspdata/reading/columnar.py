"""Reads Parquet and Arrow (stream or file)."""

from __future__ import annotations

import errno
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nspdata.files.bounded import BoundedReads
from nspdata.reading import arrow_messages as messages
from nspdata.reading.compression import check_ratio, unpacked
from nspdata.reading.fields import fields_of, joined
from nspdata.reading.parquet_pages import pages_of
from nspdata.reading.records import BROKEN_FILE, MISSING_TEXT, TOO_LARGE, TRUNCATED_FILE
from nspdata.reading.row_sizes import row_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.input import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.compression import CutShortError
    from nspdata.reading.parquet_pages import Pages
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source

ROWS = 256
"""Rows per batch of Arrow."""

PARQUET_ROWS = 32
"""Rows per batch of Parquet, which are decoded together: a file of 1 kB can hold rows of megabytes."""

READ_BYTES = 1 << 20
"""Bytes of a column chunk of Parquet that are read at once."""

DECODED_BYTES = 512 << 20
"""Most bytes that may be needed at once: pages of Parquet, buffers of Arrow. `input.max_record_bytes` can raise it."""

ROWS_BYTES = 64 << 20
"""Most bytes of rows of Parquet that are decoded together, if there is more than one."""

PIECE_BYTES = 8_000_000
"""Bytes of rows that become documents together."""

DAMAGE = (pa.ArrowException, OSError, ValueError)
"""What pyarrow raises for corrupt files."""

END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""End mark of a complete Arrow stream. A stream that is cut between two batches reads as a complete, shorter one."""


@dataclass(frozen=True, slots=True)
class _Damage:
    """A part of a file that cannot be read.

    Attributes:
        error: why.
        rows: number of rows it holds; 0 if unknown, which means that the rest of the file is lost.
        bytes: their size in bytes.
    """

    error: Exception
    rows: int = 0
    bytes: int = 0


def read_columns(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds every row, identified by its number; yields after each batch."""
    stream: Any
    cut: CutShortError | None = None
    text_field, id_field = fields_of(settings, source.name)
    fields = (text_field, id_field, gathering.language_field)
    if source.compression:
        stream, cut = unpacked(source, files)
    else:
        stream = BoundedReads(files.open(source.path))
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    bound = max(DECODED_BYTES, 8 * settings.max_record_bytes)
    row = 0
    with stream:
        batches = _parquet if source.format == "parquet" else _arrow
        for found in batches(stream, fields, bound):
            if isinstance(found, pa.RecordBatch):
                for piece in _pieces(found, fields):
                    _add_rows(gathering, row, piece, fields, settings.max_record_bytes)
                    row += piece.num_rows
                    yield
                    check_ratio(size, gathering.read_bytes + 8 * row)
                continue
            if cut is None:
                excerpt = f"{found.rows} rows: {found.error}" if found.rows else str(found.error)
                lost = found.bytes if found.rows else max(1, source.size_bytes - gathering.read_bytes)
                gathering.reject_rest(row, BROKEN_FILE, excerpt, lost_bytes=lost)
            row += found.rows
    if cut:
        lost = max(1, size + cut.lost_bytes(source.size_bytes, size) - gathering.read_bytes)
        gathering.reject_rest(row, TRUNCATED_FILE, str(cut), lost_bytes=lost)


def _pieces(batch: pa.RecordBatch, fields: tuple[str, str, str]) -> Iterator[pa.RecordBatch]:
    """Slices a batch of long rows so that about `PIECE_BYTES` are decoded at once, at least one row."""
    total = _row_bytes(batch, fields).cumsum()
    start = 0
    while start < batch.num_rows:
        before = int(total[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(total, before + PIECE_BYTES, side="right")))
        yield batch.slice(start, end - start)
        start = end


def _row_bytes(batch: pa.RecordBatch, fields: tuple[str, str, str]) -> Any:
    columns = [column for path in fields if (column := _column(batch, path)) is not None]
    return sum((row_bytes(column) for column in columns), start=np.zeros(batch.num_rows, np.int64))


def _add_rows(
    gathering: Gathering, row: int, batch: pa.RecordBatch, fields: tuple[str, str, str], max_record_bytes: int
) -> None:
    """Adds the rows of a batch; a row over the limit is alone in it, or the batch is small enough to be decoded."""
    sizes = _row_bytes(batch, fields)
    large = np.flatnonzero(sizes > max_record_bytes).tolist()
    start = 0
    for place in [*large, batch.num_rows]:
        if place > start:
            _add_small(gathering, row + start, batch.slice(start, place - start), fields)
        if place < batch.num_rows:
            gathering.input_bytes += int(sizes[place])
            excerpt = f"a row of {sizes[place]:,} bytes"
            gathering.reject(row + place, TOO_LARGE, excerpt, size=int(sizes[place]))
        start = place + 1


def _num_bytes(data: pa.Array | pa.RecordBatch) -> int:
    """The size in memory; of string views with old versions of pyarrow, the size of all their buffers."""
    try:
        return int(data.nbytes)
    except pa.ArrowTypeError:  # pyarrow 18: "Extracting byte ranges not supported for type string_view"
        return int(data.get_total_buffer_size())


def _add_small(gathering: Gathering, row: int, batch: pa.RecordBatch, fields: tuple[str, str, str]) -> None:
    texts, ids, languages = (_column(batch, field) for field in fields)
    if texts is None:
        num_bytes = _num_bytes(batch)
        gathering.input_bytes += num_bytes
        sizes = np.diff(np.arange(batch.num_rows + 1) * num_bytes // max(1, batch.num_rows)).tolist()
        for place, size in enumerate(sizes):
            excerpt = f"no column {fields[0]!r} among {', '.join(batch.schema.names)}"
            gathering.reject(row + place, MISSING_TEXT, excerpt, size=size)
        return
    gathering.input_bytes += int(row_bytes(texts).sum()) + (0 if ids is None else _num_bytes(ids))
    ids = pa.nulls(batch.num_rows) if ids is None else ids
    languages = pa.nulls(batch.num_rows) if languages is None else languages
    for place, (document_id, text, language) in enumerate(zip(_ids(ids), _values(texts), _ids(languages), strict=True)):
        gathering.add(row + place, document_id, joined(text), language=language)


def _column(batch: pa.RecordBatch, path: str) -> pa.Array | None:
    """A column, or a field inside a struct or inside a list of structs; None if it does not exist."""
    names = batch.schema.names
    if path in names:
        return batch.column(names.index(path))
    first, *inner = path.split(".")
    if first not in names:
        return None
    return _inside(batch.column(names.index(first)), inner)


def _inside(column: pa.Array, inner: list[str]) -> pa.Array | None:
    if not inner:
        return column
    if pa.types.is_struct(column.type):
        if column.type.get_field_index(inner[0]) < 0:
            return None
        return _inside(pc.struct_field(column, inner[0]), inner[1:])
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        values = _inside(column.flatten(), inner)
        if values is None:
            return None
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), values)
    return None


def _values(column: pa.Array) -> list[Any]:
    """The values; strings as bytes, because a file may contain invalid UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        column = column.cast(pa.large_binary())
    elif (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and pa.types.is_string(kind.value_type):
        column = column.cast(pa.large_list(pa.large_binary()))
    return column.to_pylist()  # type: ignore[no-any-return]


def _ids(column: pa.Array) -> list[Any]:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_dictionary)
    if any(holds(column.type) for holds in texts) or pa.types.is_nested(column.type):
        return _values(column)
    try:
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _values(column)


def _too_much(what: str, need: int, bound: int) -> ValueError:
    return ValueError(
        f"{what} needs {need:,} bytes of memory at once, at most {bound:,} may be needed; "
        "write the file with smaller row groups or record batches, or raise input.max_record_bytes"
    )


def _present(names: list[str], wanted: tuple[str, str, str]) -> list[str] | None:
    """The columns that are read; None for all if the text is missing."""
    found = [name if name in names else name.partition(".")[0] for name in wanted]
    found = [name for name in dict.fromkeys(found) if name in names]
    return found if {wanted[0], wanted[0].partition(".")[0]} & set(found) else None


def _parquet(stream: Any, wanted: tuple[str, str, str], bound: int) -> Iterator[pa.RecordBatch | _Damage]:
    """Yields the batches of each row group; for a corrupt or too large row group, the lost rows and the error."""
    try:
        file = pq.ParquetFile(stream, buffer_size=READ_BYTES)
        columns = _present(file.schema_arrow.names, wanted)
    except DAMAGE as error:
        yield _Damage(_of_the_data(error))
        return
    for group in range(file.num_row_groups):
        described = file.metadata.row_group(group)
        num_rows = left = described.num_rows
        held = [described.column(index) for index in range(described.num_columns)]
        held = [c for c in held if columns is None or c.path_in_schema.partition(".")[0] in columns]
        try:
            rows = _rows_at_once([pages_of(stream, column) for column in held], bound, f"row group {group}")
            for batch in file.iter_batches(rows, row_groups=[group], columns=columns):
                yield batch
                left -= batch.num_rows
        except DAMAGE as error:
            size = sum(column.total_uncompressed_size for column in held)
            yield _Damage(_of_the_data(error), rows=left, bytes=-(-size * left // max(1, num_rows)))


def _rows_at_once(pages: list[Pages], bound: int, what: str) -> int:
    """Rows that can be decoded together beside the pages; an error if the pages are too large."""
    need = sum(page.need for page in pages)
    if need > bound:
        raise _too_much(what, need, bound)
    longest = sum(page.longest_value for page in pages)
    return max(1, min(PARQUET_ROWS, ROWS_BYTES // max(1, longest)))


def _arrow(stream: Any, wanted: tuple[str, str, str], bound: int) -> Iterator[pa.RecordBatch | _Damage]:
    """Yields the batches up to the first corrupt one, then the error; a batch that is too large is skipped."""
    try:
        is_file = stream.read(6) == messages.MAGIC
        stream.seek(0)
        schema = (pa.ipc.open_file if is_file else pa.ipc.open_stream)(stream).schema
        names = _present(schema.names, wanted)
        counted = None if names is None else messages.buffers_of(schema, set(names))
        included = None if names is None else [schema.names.index(name) for name in names]
        options = pa.ipc.IpcReadOptions(included_fields=included)
        stream.seek(0)
        for batch in (_file_batches if is_file else _stream_batches)(stream, options, counted, bound):
            if isinstance(batch, _Damage):
                yield batch
                continue
            _check([column for path in wanted if (column := _column(batch, path)) is not None])
            yield from (batch.slice(start, ROWS) for start in range(0, batch.num_rows, ROWS))
        if not is_file:
            stream.seek(-len(END_OF_STREAM), io.SEEK_END)
            if stream.read() != END_OF_STREAM:
                yield _Damage(pa.ArrowInvalid("the stream ends without its end mark: batches may be missing"))
    except DAMAGE as error:
        yield _Damage(_of_the_data(error))


def _file_batches(
    stream: Any, options: pa.ipc.IpcReadOptions, counted: range | None, bound: int
) -> Iterator[pa.RecordBatch | _Damage]:
    dictionaries, batches = messages.blocks_of(stream)
    held = 0
    for place in dictionaries:
        message = messages.message_at(stream, place)
        held += messages.needed_bytes(stream, message, None, whole_body=True) if message else 0
    if held > bound:
        raise _too_much("the dictionaries of the record batches", held, bound)
    reader = pa.ipc.open_file(stream, options=options)
    for index in range(reader.num_record_batches):
        message = messages.message_at(stream, batches[index])
        need = held + (messages.needed_bytes(stream, message, counted, whole_body=False) if message else 0)
        if message and need > bound:
            yield _Damage(_too_much(f"record batch {index}", need, bound), rows=message.rows, bytes=message.body_bytes)
        else:
            yield reader.get_batch(index)


def _stream_batches(
    stream: Any, options: pa.ipc.IpcReadOptions, counted: range | None, bound: int
) -> Iterator[pa.RecordBatch | _Damage]:
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
                raise _too_much("the dictionaries of the record batches", sum(held.values()), bound)
            stream.seek(message.end)
            continue
        need += sum(held.values())
        if need > bound:
            if place == message.start:
                stream.seek(message.end)
            yield _Damage(_too_much(f"record batch {index}", need, bound), rows=message.rows, bytes=message.body_bytes)
            if place != message.start:
                return
        else:
            stream.seek(place)
            yield reader.read_next_batch()
        index, place = index + 1, stream.tell()
    stream.seek(place)


def _check(columns: list[pa.Array]) -> None:
    """Rejects offsets that point outside the data; invalid UTF-8 is reported later, row by row."""
    for column in columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise


def _of_the_data(error: Exception) -> Exception:
    """Returns the error if the data caused it; raises it if the disk or the network did.

    pyarrow 18 may read at an impossible position that the data names: "invalid argument".
    """
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        raise error
    return error
