"""Reads a shard as batches of rows: a complete Arrow stream, the columns of the schema, rows of a valid shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from nspdata.dataset.schema import row_metadata
from nspdata.errors import ShardError
from nspdata.validation.findings import Notes
from nspdata.validation.shapes import sound_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nspdata.instances.rows import Rows
    from nspdata.validation.findings import Findings
    from nspdata.validation.spec import RowSpec


def read_batches(path: Path, file: str, spec: RowSpec | None, findings: Findings) -> list[pa.RecordBatch] | None:
    """The record batches of a shard, views of the file; None if they cannot be read as rows.

    Args:
        path: of the file.
        file: its path in the dataset directory.
        spec: what rows must be, where that is known.
        findings: where to note what is wrong.
    """
    try:
        with pa.ipc.open_stream(pa.memory_map(str(path))) as reader:
            metadata = row_metadata(reader.schema, name=file)
            batches = list(reader)
        for batch in batches:
            batch.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        findings.add("arrow", str(error).split("\n")[0], file=file)
        return None
    except (ShardError, TypeError, ValueError) as error:
        findings.add("arrow_schema", str(error), file=file)
        return None
    if spec and metadata != spec.metadata:
        findings.add("arrow_schema", "the metadata are not those that the manifest and the tokenizer give", file=file)
    if nulls := sum(_num_nulls(column) for batch in batches for column in batch.columns):
        findings.add("arrow_schema", "values are null", file=file, count=nulls)
        return None
    return batches


def _num_nulls(column: pa.Array) -> int:
    inner = column.values.null_count if pa.types.is_list(column.type) else 0
    return int(column.null_count) + int(inner)


def sound_parts(
    batches: Sequence[pa.RecordBatch], file: str, spec: RowSpec, findings: Findings
) -> Iterator[tuple[Rows, Notes]]:
    """The rows of a shard that have a valid shape, batch by batch, and where to note what else is wrong with them."""
    begin = 0
    for batch in batches:
        numbers = np.arange(begin, begin + len(batch))
        begin += len(batch)
        rows, notes = sound_rows(batch, spec, Notes(findings, file, numbers))
        if len(rows):
            yield rows, notes
