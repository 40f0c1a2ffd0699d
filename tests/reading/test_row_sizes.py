"""The size of a row is the size of its texts, however the column repeats them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from nspdata.reading.row_sizes import row_bytes

WORDS = ["a", None, "ccc", "", "ünï"]
LISTS = [["a", "bb"], None, ["a", None], [], ["ünï", "ccc"]]
PAIRS = pa.list_(pa.struct([("role", pa.string()), ("text", pa.string())]))

COLUMNS = {
    "text": pa.array(WORDS),
    "large text": pa.array(WORDS, pa.large_string()),
    "view": pa.array(WORDS, pa.string_view()),
    "dictionary": pa.array([*WORDS, "ccc"]).dictionary_encode(),
    "runs": pc.run_end_encode(pa.array(["a", "a", None, "ccc", "ccc", "a"])),
    "list": pa.array(LISTS),
    "fixed list": pa.array([["a", "bb"], None, ["c", None]], pa.list_(pa.string(), 2)),
    "list view": pa.array(LISTS, pa.list_view(pa.string())),
    "list of dictionary": pa.array(LISTS).cast(pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    "list of lists": pa.array([LISTS, [], None, LISTS[2:]]),
    "map": pa.array([[("a", "bb")], None, [("c", None), ("dd", "e")]], pa.map_(pa.string(), pa.string())),
    "structs": pa.array([[{"role": "a", "text": "bb"}], None, [{"role": None, "text": "c"}, None]], PAIRS),
    "dense union": pa.UnionArray.from_dense(
        pa.array([0, 0, 1, 0], pa.int8()),
        pa.array([1, 1, 0, 0], pa.int32()),
        [pa.array(["a", "bbb"]), pa.array(["cc"])],
    ),
    "sparse union": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0], pa.int8()), [pa.array(["a", "b", "cc"]), pa.array(["dd", "e", "f"])]
    ),
}


def texts(value: Any) -> int:
    """Bytes of the texts in a value."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return sum(texts(item) for item in value.values())
    return sum(texts(item) for item in value or ())


@pytest.mark.parametrize("name", COLUMNS)
def test_rows_have_the_size_of_their_texts(name: str) -> None:
    """Every type that can hold text, whole and sliced."""
    column = COLUMNS[name]
    for start in range(len(column)):
        part = column.slice(start)
        assert row_bytes(part).tolist() == [texts(value) for value in part.to_pylist()], start


def test_numbers_have_eight_bytes() -> None:
    """Values that are not text count eight bytes each, in lists too."""
    assert row_bytes(pa.array([1, None, 3])).tolist() == [8, 8, 8]
    assert row_bytes(pa.array([[1, 2], None, []])).tolist() == [16, 0, 0]


def test_a_list_of_a_billion_nulls_is_measured_without_them() -> None:
    """A row of 2^30 items in no bytes counts eight bytes an item; its neighbour is measured alone."""
    offsets = pa.py_buffer(b"".join(n.to_bytes(4, "little") for n in (0, 2, 2 + (1 << 30))))
    column = pa.Array.from_buffers(pa.list_(pa.null()), 2, [None, offsets], children=[pa.nulls(2 + (1 << 30))])
    assert row_bytes(column).tolist() == [16, 8 << 30]
