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
from nspdata.reading.compression import CutShortError, whole
from nspdata.reading.fields import fields_of, joined
from nspdata.reading.records import BROKEN_FILE, MISSING_TEXT, TRUNCATED_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.input import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source

ROWS = 256
"""Rows per batch of Arrow."""

PARQUET_ROWS = 32
"""Rows per batch of Parquet, which are decoded together: a file of 1 kB can hold rows of megabytes."""

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
        try:
            stream = io.BytesIO(whole(source, files, most_bytes=1 << 62))
        except CutShortError as error:
            stream, cut = io.BytesIO(error.part), error
    else:
        stream = BoundedReads(files.open(source.path))
    row = 0
    with stream:
        batches = _parquet if source.format == "parquet" else _arrow
        for found in batches(stream, fields):
            if isinstance(found, pa.RecordBatch):
                for piece in _pieces(found):
                    _add_rows(gathering, row, piece, fields)
                    row += piece.num_rows
                    yield
                continue
            if cut is None:
                excerpt = f"{found.rows} rows: {found.error}" if found.rows else str(found.error)
                lost = found.bytes if found.rows else max(1, source.size_bytes - gathering.read_bytes)
                gathering.reject_rest(row, BROKEN_FILE, excerpt, lost_bytes=lost)
            row += found.rows
    if cut:
        lost = max(1, cut.lost_bytes(source.size_bytes, 0) - gathering.read_bytes)
        gathering.reject_rest(row, TRUNCATED_FILE, str(cut), lost_bytes=lost)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Slices a batch of long rows."""
    size = max(1, batch.num_rows * PIECE_BYTES // max(1, _num_bytes(batch)))
    yield from (batch.slice(start, size) for start in range(0, batch.num_rows, size))


def _add_rows(gathering: Gathering, row: int, batch: pa.RecordBatch, fields: tuple[str, str, str]) -> None:
    texts, ids, languages = (_column(batch, field) for field in fields)
    if texts is None:
        num_bytes = _num_bytes(batch)
        gathering.input_bytes += num_bytes
        sizes = np.diff(np.arange(batch.num_rows + 1) * num_bytes // max(1, batch.num_rows)).tolist()
        for place, size in enumerate(sizes):
            excerpt = f"no column {fields[0]!r} among {', '.join(batch.schema.names)}"
            gathering.reject(row + place, MISSING_TEXT, excerpt, size=size)
        return
    ids = pa.nulls(batch.num_rows) if ids is None else ids
    languages = pa.nulls(batch.num_rows) if languages is None else languages
    gathering.input_bytes += _num_bytes(texts) + _num_bytes(ids)
    for place, (document_id, text, language) in enumerate(zip(_ids(ids), _values(texts), _ids(languages), strict=True)):
        gathering.add(row + place, document_id, joined(text), language=language)


def _num_bytes(data: pa.Array | pa.RecordBatch) -> int:
    """The size in memory; of string views with old versions of pyarrow, the size of all their buffers."""
    try:
        return int(data.nbytes)
    except pa.ArrowTypeError:  # pyarrow 18: "Extracting byte ranges not supported for type string_view"
        return int(data.get_total_buffer_size())


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


def _parquet(stream: Any, wanted: tuple[str, str, str]) -> Iterator[pa.RecordBatch | _Damage]:
    """Yields the batches of each row group; for a corrupt row group, the lost rows and the error."""
    try:
        file = pq.ParquetFile(stream)
        names = file.schema_arrow.names
        present = [name if name in names else name.partition(".")[0] for name in wanted]
        present = [name for name in dict.fromkeys(present) if name in names]
    except DAMAGE as error:
        yield _Damage(_of_the_data(error))
        return
    columns = present if {wanted[0], wanted[0].partition(".")[0]} & set(present) else None
    for group in range(file.num_row_groups):
        described = file.metadata.row_group(group)
        num_rows = left = described.num_rows
        try:
            for batch in file.iter_batches(PARQUET_ROWS, row_groups=[group], columns=columns):
                yield batch
                left -= batch.num_rows
        except DAMAGE as error:
            held = [described.column(index) for index in range(described.num_columns)]
            size = sum(
                c.total_uncompressed_size
                for c in held
                if columns is None or c.path_in_schema.partition(".")[0] in columns
            )
            yield _Damage(_of_the_data(error), rows=left, bytes=-(-size * left // max(1, num_rows)))


def _arrow(stream: Any, wanted: tuple[str, str, str]) -> Iterator[pa.RecordBatch | _Damage]:
    """Yields the batches up to the first corrupt one, then the error."""
    try:
        magic = stream.read(6)
        stream.seek(0)
        if magic == b"ARROW1":
            reader = pa.ipc.open_file(stream)
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        else:
            batches = iter(pa.ipc.open_stream(stream))
        for batch in batches:
            _check([column for path in wanted if (column := _column(batch, path)) is not None])
            yield from (batch.slice(start, ROWS) for start in range(0, batch.num_rows, ROWS))
        if magic != b"ARROW1":
            stream.seek(-len(END_OF_STREAM), io.SEEK_END)
            if stream.read() != END_OF_STREAM:
                yield _Damage(pa.ArrowInvalid("the stream ends without its end mark: batches may be missing"))
    except DAMAGE as error:
        yield _Damage(_of_the_data(error))


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
