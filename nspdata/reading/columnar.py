"""Records in columns: Parquet, Arrow (stream and file), CSV and TSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nspdata.errors import InputError
from nspdata.reading.lines import BLOCK_BYTES, CutShortError, blocks, whole
from nspdata.reading.records import BROKEN_FILE, INVALID_UTF8, TRUNCATED_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source

ROWS = 256
"""Rows read at once: texts may be long."""

MAX_FIELD_BYTES = 1 << 30


def read_columns(source: Source, files: Files, gathering: Gathering, text_field: str, id_field: str) -> Iterator[None]:
    """Adds every row to the gathering; gives the caller a turn after each batch."""
    row = 0
    try:
        for batch in _batches(source, files):
            _require_column(source, batch.schema.names, text_field)
            ids = batch[id_field].to_pylist() if id_field in batch.schema.names else [None] * batch.num_rows
            for text, document_id in zip(_texts(batch[text_field]), ids, strict=True):
                if isinstance(text, UnicodeDecodeError):
                    gathering.reject(row, INVALID_UTF8, text.object)
                else:
                    gathering.add(row, document_id, text)
                row += 1
            gathering.input_bytes += batch.nbytes
            yield
    except CutShortError as error:
        gathering.reject(row, TRUNCATED_FILE, str(error))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        gathering.reject(row, BROKEN_FILE, str(error))


def _texts(column: pa.Array) -> list[Any]:
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except UnicodeDecodeError:
        return [_text(value) for value in column]


def _text(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except UnicodeDecodeError as error:
        return error


def _batches(source: Source, files: Files) -> Iterator[pa.RecordBatch]:
    stream: Any = io.BytesIO(whole(source, files)) if source.compression else files.open(source.path)
    with stream:
        if source.format == "parquet":
            yield from pq.ParquetFile(stream).iter_batches(ROWS)
            return
        magic = stream.read(6)
        stream.seek(0)
        if magic == b"ARROW1":
            reader = pa.ipc.open_file(stream)
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        else:
            batches = iter(pa.ipc.open_stream(stream))
        for batch in batches:
            yield from (batch.slice(start, ROWS) for start in range(0, batch.num_rows, ROWS))


def read_csv(source: Source, files: Files, gathering: Gathering, text_field: str, id_field: str) -> Iterator[None]:
    """Adds every row of a CSV or TSV with a header; fields may hold line ends inside quotes; a row is named by its number."""
    csv.field_size_limit(MAX_FIELD_BYTES)
    delimiter = "\t" if source.format == "tsv" else ","
    row, size = 0, 0
    rows = csv.reader(_decoded_lines(source, files), delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
        _require_column(source, header, text_field)
        at, id_at = header.index(text_field), header.index(id_field) if id_field in header else -1
        for values in rows:
            if values:
                text = values[at] if at < len(values) else None
                if text is not None and "\udc80" <= max(text, default="") <= "\udcff":
                    gathering.reject(row, INVALID_UTF8, text)
                else:
                    gathering.add(row, values[id_at] if 0 <= id_at < len(values) else None, text)
                row += 1
                size += sum(map(len, values))
            if size >= BLOCK_BYTES:
                gathering.input_bytes, size = gathering.input_bytes + size, 0
                yield
    except CutShortError as error:
        gathering.reject(row, TRUNCATED_FILE, str(error))
    except csv.Error as error:
        gathering.reject(row, BROKEN_FILE, str(error))
    gathering.input_bytes += size


def _decoded_lines(source: Source, files: Files) -> Iterator[str]:
    """Lines with their ends; bytes that are not UTF-8 become lone surrogates, which `read_csv` rejects."""
    held = b""
    for number, block in enumerate(blocks(source, files)):
        text = held + (block.removeprefix(b"\xef\xbb\xbf") if number == 0 else block)
        *found, held = text.split(b"\n")
        yield from (line.decode("utf-8", "surrogateescape") + "\n" for line in found)
    if held:
        yield held.decode("utf-8", "surrogateescape")


def _require_column(source: Source, names: list[str], text_field: str) -> None:
    if text_field not in names:
        raise InputError(
            f"{source.name}: no column {text_field!r}; it has {', '.join(map(repr, names)) or 'none'}; name one with --text-field"
        )
