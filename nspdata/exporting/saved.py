"""A `datasets` directory of padded rows with dense labels, for a Trainer without a collator of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nspdata.exporting.batches import TRACE, padded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from nspdata.exporting.files import NewFile
    from nspdata.exporting.options import Context
    from nspdata.instances.rows import Rows

SUFFIX = "arrow"

TYPES = {"document_a": pa.uint64(), "document_b": pa.uint64(), "sentence_a": pa.uint32(), "sentence_b": pa.uint32()}


def schema(context: Context) -> pa.Schema:
    """`input_ids`, `token_type_ids`, `attention_mask`, `labels` (only with masks) and `next_sentence_label`."""
    fields = {
        "input_ids": pa.list_(pa.int32()),
        "token_type_ids": pa.list_(pa.int8()),
        "attention_mask": pa.list_(pa.int8()),
        "labels": pa.list_(pa.int32()),
        "next_sentence_label": pa.int8(),
    }
    if context.options.masking == "none":
        del fields["labels"]
    return pa.schema(list((fields | (TYPES if context.options.trace else {})).items()))


def write(batches: Iterable[Rows], context: Context, new_file: NewFile) -> None:
    """Writes one Arrow stream."""
    kinds = schema(context)
    with new_file() as file, pa.ipc.new_stream(pa.PythonFile(file, "w"), kinds) as writer:
        for rows in batches:
            batch = padded(rows, context) | {name: getattr(rows, name) for name in TRACE}
            arrays = [_array(batch[field.name], field.type) for field in kinds]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=kinds))
            file.add(rows=len(rows), tokens=len(rows.input_ids))


def _array(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_list(kind):
        return pa.array(values.astype(kind.to_pandas_dtype()))
    num_rows, width = values.shape
    starts = pa.array(np.arange(num_rows + 1, dtype=np.int32) * width)
    return pa.ListArray.from_arrays(starts, pa.array(values.reshape(-1).astype(kind.value_type.to_pandas_dtype())))
