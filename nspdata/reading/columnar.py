"""Reads Parquet and Arrow (stream or file)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nspdata.files.bounded import BoundedReads
from nspdata.reading.arrow_batches import arrow_batches
from nspdata.reading.compression import check_ratio, unpacked
from nspdata.reading.fields import fields_of, joined
from nspdata.reading.parquet_batches import parquet_batches
from nspdata.reading.records import BROKEN_FILE, MISSING_TEXT, TOO_LARGE, TRUNCATED_FILE
from nspdata.reading.row_sizes import physical, row_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.input import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.compression import CutShortError
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source

DECODED_BYTES = 512 << 20
"""Most bytes that may be needed at once: pages of Parquet, buffers of Arrow. `input.max_record_bytes` can raise it."""

PIECE_BYTES = 8_000_000
"""Bytes of rows that become documents together."""

STRINGS = (pa.types.is_string, pa.types.is_large_string)

LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


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
        batches = parquet_batches if source.format == "parquet" else arrow_batches
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
    kind = column.type
    if pa.types.is_run_end_encoded(kind):
        return _values(column.values.take(physical(column)))
    if pa.types.is_dictionary(kind):
        return _values(column.dictionary_decode())
    if any(holds(kind) for holds in (*STRINGS, pa.types.is_string_view)):
        column = column.cast(pa.large_binary())
    elif any(holds(kind) for holds in LISTS) and _is_text(kind.value_type):
        items = _values(column.flatten())
        ends = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).cumsum().tolist()
        found = zip([0, *ends], ends, column.is_valid().to_pylist(), strict=False)
        return [items[start:end] if valid else None for start, end, valid in found]
    return column.to_pylist()  # type: ignore[no-any-return]


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    return any(holds(kind) for holds in (*STRINGS, pa.types.is_string_view))


def _ids(column: pa.Array) -> list[Any]:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_dictionary)
    if any(holds(column.type) for holds in texts) or pa.types.is_nested(column.type):
        return _values(column)
    try:
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _values(column)
