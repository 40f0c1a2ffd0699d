"""The decoded size of each row of a column. A dictionary, a view, a run or a list can repeat a long value in a few bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ITEMS = 1 << 23
"""Items of lists that are counted together. Lists of null have any number of items in no bytes."""

Sizes = np.ndarray[Any, np.dtype[np.int64]]


def row_bytes(column: pa.Array) -> Sizes:
    """Bytes of the text of each row; 0 for null, 8 for values that are not text."""
    if isinstance(column, pa.ExtensionArray):
        return row_bytes(column.storage)
    for kinds, sizes in SIZES.items():
        if any(holds(column.type) for holds in kinds):
            return sizes(column)
    return np.full(len(column), 8, np.int64)


def physical(column: pa.RunEndEncodedArray) -> pa.Array:
    """The place of the value of each row of a run-end-encoded column."""
    ends = column.run_ends.to_numpy(zero_copy_only=False)
    return pa.array(np.searchsorted(ends, column.offset + np.arange(len(column)), side="right"))


def _plain(sizes: pa.Array) -> Sizes:
    return np.asarray(pc.fill_null(sizes, 0).to_numpy(zero_copy_only=False), np.int64)


def _taken(sizes: Sizes, places: pa.Array) -> Sizes:
    valid = places.is_valid().to_numpy(zero_copy_only=False)
    return np.where(valid, sizes[_plain(places)], 0) if len(sizes) else np.zeros(len(places), np.int64)


def _of_string_views(column: pa.Array) -> Sizes:
    return np.array([len(value.as_buffer()) if value.is_valid else 0 for value in column], np.int64)


def _of_structs(column: pa.StructArray) -> Sizes:
    return sum((row_bytes(field) for field in column.flatten()), start=np.zeros(len(column), np.int64))


def _of_lists(column: pa.Array) -> Sizes:
    lengths = _plain(pc.list_value_length(column))
    if lengths.sum() > MOST_ITEMS:
        middle = len(column) // 2
        if not middle:
            return np.asarray(lengths * 8, np.int64)
        return np.concatenate([_of_lists(column.slice(0, middle)), _of_lists(column.slice(middle))])
    return np.diff(_summed(row_bytes(column.flatten()))[_summed(lengths)])


def _of_maps(column: pa.MapArray) -> Sizes:
    places = _plain(column.offsets)
    if places[-1] - places[0] > MOST_ITEMS:
        return np.asarray(np.diff(places) * 8, np.int64)
    inside = slice(int(places[0]), int(places[-1]))
    ends = _summed(row_bytes(column.keys[inside]) + row_bytes(column.items[inside]))
    return np.asarray(ends[places[1:] - places[0]] - ends[places[:-1] - places[0]], np.int64)


def _of_list_views(column: pa.Array) -> Sizes:
    """Rows may have the same items, any number of times."""
    if len(column.values) > MOST_ITEMS:
        return np.full(len(column), len(column.values) * 8, np.int64)
    lengths = _plain(pc.list_value_length(column))
    starts = np.where(lengths > 0, _plain(column.offsets), 0)
    ends = _summed(row_bytes(column.values))
    return np.asarray(ends[starts + lengths] - ends[starts], np.int64)


def _of_unions(column: pa.Array) -> Sizes:
    inside = slice(column.offset, column.offset + len(column))
    _, codes, *offsets = column.buffers()
    codes = np.frombuffer(codes, np.int8)[inside]
    dense = column.type.mode == "dense"
    places = np.frombuffer(offsets[0], np.int32)[inside] if dense else np.arange(len(column))
    sizes = np.zeros(len(column), np.int64)
    for index, code in enumerate(column.type.type_codes):
        rows = codes == code
        sizes[rows] = row_bytes(column.field(index))[places[rows]]
    return sizes


def _summed(sizes: Sizes) -> Sizes:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


SIZES: dict[tuple[Callable[[pa.DataType], bool], ...], Callable[[Any], Sizes]] = {
    (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary): lambda column: _plain(
        pc.binary_length(column)
    ),
    (pa.types.is_string_view, pa.types.is_binary_view): _of_string_views,
    (pa.types.is_dictionary,): lambda column: _taken(row_bytes(column.dictionary), column.indices),
    (pa.types.is_run_end_encoded,): lambda column: _taken(row_bytes(column.values), physical(column)),
    (pa.types.is_list_view, pa.types.is_large_list_view): _of_list_views,
    (pa.types.is_map,): _of_maps,
    (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list): _of_lists,
    (pa.types.is_struct,): _of_structs,
    (pa.types.is_union,): _of_unions,
}
"""How the rows of a type are measured."""
