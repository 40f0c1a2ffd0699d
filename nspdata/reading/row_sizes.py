"""The decoded size of each row of a column. A dictionary, a view or a list can repeat a long value in a few bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def row_bytes(column: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Bytes of the text of each row; 0 for null, 8 for values that are not text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        sizes = row_bytes(column.dictionary)
        places = pc.fill_null(column.indices, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        return np.where(valid, sizes[places], 0) if len(sizes) else np.zeros(len(column), np.int64)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return np.array([len(value.as_buffer()) if value.is_valid else 0 for value in column], np.int64)
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    if any(holds(kind) for holds in texts):
        lengths = pc.fill_null(pc.binary_length(column), 0)
        return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        ends = np.concatenate([[0], np.cumsum(row_bytes(column.flatten()))])
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        ends_of_rows = np.concatenate([[0], np.cumsum(lengths)])
        return np.asarray(ends[ends_of_rows[1:]] - ends[ends_of_rows[:-1]], np.int64)
    return np.full(len(column), 8, np.int64)
