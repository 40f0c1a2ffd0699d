"""Reads the row groups of Parquet files, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from nspdata.reading.columnar_damage import DAMAGE, Damage, check_inside, of_the_data, present, too_much
from nspdata.reading.parquet_footer import column_chunks
from nspdata.reading.parquet_pages import DELTA_ENCODINGS, Chunk, pages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from nspdata.reading.parquet_footer import ColumnChunk
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
        places = column_chunks(stream)
        stream.seek(0)
        file = pq.ParquetFile(stream, buffer_size=READ_BYTES)
        columns = present(file.schema_arrow.names, wanted)
        dictionaries = _dictionaries(file, places)
        if dictionaries:
            stream.seek(0)
            file = pq.ParquetFile(stream, buffer_size=READ_BYTES, read_dictionary=sorted(dictionaries))
    except DAMAGE as error:
        yield Damage(of_the_data(error))
        return
    schema = [file.schema.column(index) for index in range(len(file.schema))]
    for group, held in enumerate(places):
        num_rows = left = file.metadata.row_group(group).num_rows
        chunks = [
            Chunk(place, column, column.path in dictionaries)
            for place, column in zip(held, schema, strict=False)
            if _is_read(column, columns)
        ]
        try:
            pages = [pages_of(stream, chunk, bound) for chunk in chunks]
            rows = _rows_at_once(pages, bound, f"row group {group}")
            for batch in file.iter_batches(rows, row_groups=[group], columns=columns):
                for column in batch.columns if dictionaries else []:
                    check_inside(column)  # pyarrow does not compare the indices with the dictionary
                yield batch
                left -= batch.num_rows
        except DAMAGE as error:
            size = sum(chunk.place.decompressed_bytes for chunk in chunks)
            yield Damage(of_the_data(error), rows=left, bytes=-(-size * left // max(1, num_rows)))


def _is_read(column: Any, columns: list[str] | None) -> bool:
    return columns is None or any(column.path == name or column.path.startswith(f"{name}.") for name in columns)


def _dictionaries(file: pq.ParquetFile, places: list[list[ColumnChunk]]) -> set[str]:
    """Columns of texts in lists that pyarrow can give as a dictionary: a text that a row repeats is in memory once."""
    found = set()
    for index in range(len(file.schema)):
        column = file.schema.column(index)
        encodings = {number for chunks in places for chunk in chunks[index : index + 1] for number in chunk.encodings}
        if (
            column.max_repetition_level
            and column.physical_type == "BYTE_ARRAY"
            and not encodings.intersection(DELTA_ENCODINGS)
        ):
            found.add(column.path)
    return found


def _rows_at_once(pages: list[Pages], bound: int, what: str) -> int:
    """Rows that can be decoded together beside the pages; an error if the pages are too large."""
    need = sum(page.need for page in pages)
    if need > bound:
        raise too_much(what, need, bound)
    longest = sum(page.longest_value for page in pages)
    return max(1, min(ROWS, ROWS_BYTES // max(1, longest)))
