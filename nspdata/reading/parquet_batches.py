"""Reads the row groups of Parquet files, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from nspdata.reading.columnar_damage import DAMAGE, Damage, of_the_data, present, too_much
from nspdata.reading.parquet_pages import Chunk, pages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from nspdata.reading.parquet_pages import Pages

ROWS = 32
"""Rows that are decoded together: a file of 1 kB can hold rows of megabytes."""

READ_BYTES = 1 << 20
"""Bytes of a column chunk that are read at once."""

ROWS_BYTES = 64 << 20
"""Most bytes of rows that are decoded together, if there is more than one."""


def parquet_batches(stream: Any, wanted: tuple[str, str, str], bound: int) -> Iterator[pa.RecordBatch | Damage]:
    """Yields the batches of each row group; for a corrupt or too large row group, the lost rows and the error."""
    try:
        file = pq.ParquetFile(stream, buffer_size=READ_BYTES)
        columns = present(file.schema_arrow.names, wanted)
        dictionaries = _dictionaries(file)
        if dictionaries:
            stream.seek(0)
            file = pq.ParquetFile(stream, buffer_size=READ_BYTES, read_dictionary=sorted(dictionaries))
    except DAMAGE as error:
        yield Damage(of_the_data(error))
        return
    for group in range(file.num_row_groups):
        described = file.metadata.row_group(group)
        num_rows = left = described.num_rows
        chunks = [
            Chunk(described.column(index), column, column.path in dictionaries)
            for index in range(described.num_columns)
            if _is_read(column := file.schema.column(index), columns)
        ]
        try:
            pages = [pages_of(stream, chunk, bound) for chunk in chunks]
            rows = _rows_at_once(pages, bound, f"row group {group}")
            for batch in file.iter_batches(rows, row_groups=[group], columns=columns):
                yield batch
                left -= batch.num_rows
        except DAMAGE as error:
            size = sum(chunk.described.total_uncompressed_size for chunk in chunks)
            yield Damage(of_the_data(error), rows=left, bytes=-(-size * left // max(1, num_rows)))


def _is_read(column: Any, columns: list[str] | None) -> bool:
    return columns is None or any(column.path == name or column.path.startswith(f"{name}.") for name in columns)


def _dictionaries(file: pq.ParquetFile) -> set[str]:
    """Columns of texts in lists that pyarrow can give as a dictionary: a text that a row repeats is in memory once."""
    found = set()
    for index in range(len(file.schema)):
        column = file.schema.column(index)
        groups = range(file.num_row_groups)
        if column.max_repetition_level and column.physical_type == "BYTE_ARRAY":
            encodings = {name for group in groups for name in file.metadata.row_group(group).column(index).encodings}
            if not any(name.startswith("DELTA") for name in encodings):
                found.add(column.path)
    return found


def _rows_at_once(pages: list[Pages], bound: int, what: str) -> int:
    """Rows that can be decoded together beside the pages; an error if the pages are too large."""
    need = sum(page.need for page in pages)
    if need > bound:
        raise too_much(what, need, bound)
    longest = sum(page.longest_value for page in pages)
    return max(1, min(ROWS, ROWS_BYTES // max(1, longest)))
