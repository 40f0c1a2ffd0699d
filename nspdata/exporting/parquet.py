"""Parquet files with the columns of the shards, a checksum per page, and row groups that a hub can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from nspdata.dataset.schema import row_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nspdata.exporting.files import NewFile
    from nspdata.exporting.options import Context
    from nspdata.instances.rows import Rows

SUFFIX = "parquet"

ROW_GROUP_BYTES = 64 << 20
"""Uncompressed bytes of a row group, about: large enough to read fast, small enough for the viewer of the Hugging Face Hub."""


def write(batches: Iterable[Rows], context: Context, new_file: NewFile) -> None:
    """Writes one file; dictionaries only for the columns that repeat."""
    schema = row_schema(context.metadata)
    with (
        new_file() as file,
        pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            write_page_checksum=True,
            write_page_index=True,
            use_dictionary=["token_type_ids.list.element", "next_sentence_label"],
        ) as writer,
    ):
        waiting: list[pa.RecordBatch] = []
        for rows in batches:
            waiting += rows.to_batches(schema)
            file.add(rows=len(rows), tokens=len(rows.input_ids))
            if sum(batch.nbytes for batch in waiting) >= ROW_GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(waiting), row_group_size=1 << 30)
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting), row_group_size=1 << 30)
