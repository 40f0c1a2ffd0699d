"""JSON without line structure: arrays and concatenated values, in blocks of any size."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.reading.json_values import JsonValues
from tests.reading.formats import read

TEXTS = st.text(st.sampled_from('ab"\\{}[],: \n\té漢\u2028'), max_size=12)
RECORDS = st.lists(
    st.dictionaries(TEXTS, st.recursive(TEXTS | st.integers() | st.none(), st.lists), max_size=3), max_size=6
)


def blocks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def cut(data: bytes, size: int = 7, max_record_bytes: int = 1 << 20) -> list[tuple[int, bytes, int, bool]]:
    return [tuple(value) for value in JsonValues(max_record_bytes).cut(blocks(data, size))]


@given(
    records=RECORDS,
    size=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
    between=st.sampled_from(["", "\n", " \r\n ", "array"]),
)
def test_records_are_cut_where_json_ends_them(
    records: list[dict[str, Any]], size: int, indent: int | None, between: str, *, ascii_only: bool
) -> None:
    """Arrays and values one after another, pretty-printed or not: the same records, each at its own offset."""
    written = [json.dumps(record, indent=indent, ensure_ascii=ascii_only) for record in records]
    text = f"[{', '.join(written)}]" if between == "array" else between.join(written)
    data = text.encode()
    found = cut(data, size)
    assert [json.loads(value) for _, value, *_ in found] == records
    assert all(data[offset : offset + len(value)] == value for offset, value, *_ in found)


@given(
    data=st.binary(max_size=60) | st.text(st.sampled_from('[]{}",:\\a1 '), max_size=60).map(str.encode),
    size=st.integers(1, 9),
)
def test_no_byte_vanishes(data: bytes, size: int) -> None:
    """Whatever the bytes and the blocks: every byte that is neither white space nor a comma nor the array's bracket is given."""
    dropped = b" \t\r\n,[]\xef\xbb\xbf"
    given_bytes = b"".join(value for _, value, *_ in cut(data, size))
    assert given_bytes.translate(None, dropped) == data.translate(None, dropped)
    assert cut(data, size) == cut(data, 1000)


@pytest.mark.parametrize("array", [True, False])
def test_a_record_that_is_too_long_is_named_and_passed(*, array: bool) -> None:
    """Only its beginning is kept; its neighbours are read; memory stays at the limit."""
    records = [b'{"text": "a"}', b'{"text": "' + b"x" * 3_000_000 + b'"}', b'{"text": "b"}']
    data = (b"[" + b",".join(records) + b"]") if array else b"\n".join(records)
    pieces = blocks(data, 10_000)
    tracemalloc.start()
    found = list(JsonValues(100_000).cut(pieces))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(value.too_long, value.data) for value in found] == [
        (False, records[0]),
        (True, records[1][:1000]),
        (False, records[2]),
    ]
    assert (found[1].offset, found[1].size) == (data.index(records[1]), len(records[1]))
    assert peak < 600_000


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_among_lines_is_read(tmp_path, indent) -> None:
    """A .json file that is one array gives the same documents as the same records in lines."""
    records = [{"id": str(number), "text": f"Number {number}. It is [not] {{lost}}, \\"} for number in range(200)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records[:100]))
    (tmp_path / "b.json").write_text(json.dumps(records[100:], indent=indent))
    found = read(tmp_path)
    assert found.documents == [(record["id"], record["text"]) for record in records]
    assert found.rejected == []


def test_broken_elements_cost_themselves(tmp_path) -> None:
    """Elements that are not objects or not JSON are rejected one by one; data after the end is reported."""
    (tmp_path / "a.json").write_text(
        '[{"id": "1", "text": "One."}, 5, {"text": x}, "t", {"id": "2", "text": "Two."}] }'
    )
    found = read(tmp_path / "a.json")
    assert found.documents == [("1", "One."), ("2", "Two.")]
    assert [record.reason for record in found.rejected] == [
        "not_an_object",
        "broken_json",
        "not_an_object",
        "broken_json",
    ]


def test_values_without_line_ends_are_read(tmp_path) -> None:
    """Concatenated and pretty-printed JSON objects are read."""
    records = [{"id": str(number), "text": f"Number {number}."} for number in range(50)]
    (tmp_path / "a.json").write_text("".join(map(json.dumps, records)))
    (tmp_path / "b.json").write_text("\n".join(json.dumps(record, indent=1) for record in records))
    for name in ("a.json", "b.json"):
        assert read(tmp_path / name).documents == [(record["id"], record["text"]) for record in records]
