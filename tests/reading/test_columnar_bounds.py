"""Columnar files that repeat long texts in a few bytes, or name absurd counts: bounded memory, one line."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from nspdata.reading import columnar, parquet_values
from nspdata.reading.parquet_footer import column_chunks
from nspdata.reading.parquet_pages import Chunk, pages_of
from tests.reading.formats import read

MEGABYTE = 1 << 20


def peak_bytes(path: Path, **settings: Any) -> tuple[Any, int]:
    """What was read, and the most bytes that pyarrow held."""
    usual, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(pool)
    try:
        return read(path, **settings), pool.max_memory()
    finally:
        pa.set_memory_pool(usual)


def lists(path: Path, rows: Any, **options: Any) -> Path:
    """A Parquet file with a list of paragraphs in each row."""
    data = pa.table({"id": [str(number) for number in range(len(rows))], "text": rows})
    pq.write_table(data, path, compression="zstd", **options)
    return path


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_list_that_repeats_a_text_of_the_dictionary_is_not_expanded(tmp_path: Path, version: str) -> None:
    """A row of 2,000 times the same text of 100 kB is 200 MB: rejected with its size; its neighbours are read."""
    items = pa.DictionaryArray.from_arrays(
        pa.array([0, *[1] * 2_000, 2], pa.int32()), pa.array(["First.", "word " * 20_000, "Last."])
    )
    rows = pa.ListArray.from_arrays(pa.array([0, 1, 2_001, 2_002], pa.int32()), items)
    path = lists(tmp_path / "a.parquet", rows, data_page_version=version, store_schema=False)
    assert path.stat().st_size < 10_000
    found, peak = peak_bytes(path)
    assert found.documents == [("0", "First."), ("2", "Last.")]
    assert [(r.position, r.reason, r.bytes) for r in found.rejected] == [(1, "record_too_large", 200_000_001)]
    assert peak < 20 * MEGABYTE


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_row_of_many_pages_is_refused_before_it_is_read(
    encoding: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row groups larger than the limit are read if their rows are small; a row of 6 MB over 2 MB is refused with its row group."""
    monkeypatch.setattr(columnar, "DECODED_BYTES", 2_000_000)
    small = [[f"{number} " + "a" * 5_000] * 4 for number in range(300)]
    long = [["Before."], [f"{number} " + "b" * 5_000 for number in range(1_200)]]
    path = lists(
        tmp_path / "a.parquet",
        [*small, *long],
        row_group_size=300,
        use_dictionary=False,
        data_page_version=version,
        data_page_size=100_000,
        write_batch_size=20,
        column_encoding={"id": "PLAIN", "text.list.element": encoding},
    )
    found = read(path, max_record_bytes=200_000)
    assert [text for _, text in found.documents] == ["\n\n".join(row) for row in small]
    (rejected,) = found.rejected
    assert (rejected.position, rejected.reason) == (300, "broken_file")
    assert rejected.excerpt.startswith("2 rows: row group 1 needs 6,")


@pytest.mark.parametrize("encoding", ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_delta_lengths_are_the_lengths_of_the_texts(encoding: str, version: str) -> None:
    """The longest text of pages as pyarrow writes them, with nulls; short, long and common beginnings."""
    draw = np.random.default_rng(5)
    texts = [
        None if draw.random() < 0.1 else "ab" * int(draw.integers(0, 9) ** draw.integers(1, 5)) for _ in range(3000)
    ]
    sink = io.BytesIO()
    pq.write_table(
        pa.table({"text": texts}), sink, use_dictionary=False, column_encoding=encoding, data_page_version=version
    )
    file = pq.ParquetFile(sink)
    chunk = Chunk(column_chunks(sink)[0][0], file.schema.column(0))
    pages = pages_of(sink, chunk, 1 << 30)
    assert pages.longest_value == max(len(text) for text in texts if text is not None)


def test_more_delta_lengths_than_values_are_refused(tmp_path: Path) -> None:
    """pyarrow allocates the count that the page names: 16,383 lengths in a page of 300 values are one line."""
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"text": ["abc"] * 300}),
        path,
        use_dictionary=False,
        compression="none",
        column_encoding="DELTA_LENGTH_BYTE_ARRAY",
        write_statistics=False,
    )
    data = path.read_bytes()
    header = b"\x80\x01\x04\xac\x02"  # blocks of 128, four miniblocks, 300 values
    assert data.count(header) == 1
    path.write_bytes(data.replace(header, b"\x80\x01\x04\xff\x7f"))
    found = read(path)
    assert not found.documents
    assert [(r.reason, r.excerpt) for r in found.rejected] == [
        ("broken_file", "300 rows: a page has 16,383 lengths for 300 values")
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x01\x04\x05",
        b"\x00\x01\x05\x00\x00",
        b"\x80\x01\x00\x05\x00\x00",
        b"\x80\x01\x04\x05\x00\x00\x41\x00\x00\x00" + bytes(600),
        b"\xff" * 11,
        b"\x80\x01\x04\x05\x01\x00\x00\x00\x00\x00",
    ],
)
def test_corrupt_lengths_are_value_errors(data: bytes) -> None:
    """Lengths that are cut off, without blocks, wider than 64 bits, too long or negative."""
    with pytest.raises(ValueError, match=r"^(a page|a number of a page|the (lengths|numbers) of a page) "):
        parquet_values.text_lengths(data, parquet_values.DELTA_LENGTHS, 1000)


def test_levels_with_and_without_the_start_of_a_row() -> None:
    """Runs of a level and packed levels, of one bit and of two; the levels after the count do not count."""
    starts = parquet_values.starts_row
    assert starts(b"\x08\x00", 1, 4)
    assert not starts(b"\x08\x01", 1, 4)
    assert starts(b"\x08\x01\x02\x00", 1, 5)
    assert not starts(b"\x08\x01\x02\x00", 1, 4)
    assert not starts(b"\x03\x0f", 1, 4)
    assert starts(b"\x03\x0f", 1, 5)
    assert not starts(b"\x03\x55\x55", 2, 8)
    assert starts(b"\x03\x55\x54", 2, 8)


def test_a_column_with_a_dot_in_its_name_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group of 8 MB under a limit of 4 MB is refused, and not only for names without dots."""
    monkeypatch.setattr(columnar, "DECODED_BYTES", 4_000_000)
    data = pa.table({"payload.text": [f"{number} " + "a" * 1_000_000 for number in range(8)]})
    pq.write_table(data, tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    found = read(tmp_path / "a.parquet", text_field="payload.text", max_record_bytes=400_000)
    assert [r.excerpt[:25] for r in found.rejected] == ["8 rows: row group 0 needs"]


def arrow(path: Path, column: pa.Array) -> Path:
    """An Arrow file with a column of text."""
    batch = pa.record_batch({"id": [str(number) for number in range(len(column))], "text": column})
    with pa.ipc.new_file(str(path), batch.schema) as writer:
        writer.write_batch(batch)
    return path


def repeated(text: str, rows: int) -> dict[str, pa.Array]:
    """A long text in every row and a short one in the last, in columns that hold it once."""
    values = pa.array([text, "Last."])
    places = [0] * rows + [1]
    ends = pa.array([rows, rows + 1], pa.int32())
    starts, sizes = pa.array(places, pa.int32()), pa.array([1] * (rows + 1), pa.int32())
    indices = pa.array(places, pa.int32())
    return {
        "runs": pa.RunEndEncodedArray.from_arrays(ends, values),
        "list view": pa.ListViewArray.from_arrays(starts, sizes, values),
        "dictionary": pa.DictionaryArray.from_arrays(indices, values),
        "list of dictionary": pa.ListArray.from_arrays(
            pa.array(range(rows + 2), pa.int32()), pa.DictionaryArray.from_arrays(indices, values)
        ),
        "list of runs": pa.ListArray.from_arrays(
            pa.array(range(rows + 2), pa.int32()), pa.RunEndEncodedArray.from_arrays(ends, values)
        ),
    }


@pytest.mark.parametrize("name", repeated("", 1))
def test_arrow_columns_that_repeat_a_text_are_decoded_a_few_rows_at_a_time(name: str, tmp_path: Path) -> None:
    """200 rows of one text of 1 MB: all are documents, and pyarrow holds a few of them; with a limit, each is rejected."""
    text = "word " * 200_000
    path = arrow(tmp_path / "a.arrow", repeated(text, 200)[name])
    assert path.stat().st_size < 1_100_000
    found, peak = peak_bytes(path)
    assert [document for _, document in found.documents] == [text] * 200 + ["Last."]
    assert peak < 40 * MEGABYTE
    found = read(path, max_record_bytes=500_000)
    assert [document for _, document in found.documents] == ["Last."]
    assert {record.reason for record in found.rejected} == {"record_too_large"}


def test_a_list_with_more_items_than_bytes_is_rejected(tmp_path: Path) -> None:
    """A row of 64 million nulls has no bytes in the file; it is too large, and the rows beside it are read."""
    items = pa.RunEndEncodedArray.from_arrays(pa.array([1, 1 << 26], pa.int32()), pa.array(["Only.", None]))
    offsets = pa.py_buffer(b"".join(n.to_bytes(4, "little") for n in (0, 1, 1 << 26)))
    column = pa.Array.from_buffers(pa.list_(items.type), 2, [None, offsets], children=[items])
    found, peak = peak_bytes(arrow(tmp_path / "a.arrow", column))
    assert found.documents == [("0", "Only.")]
    assert [(r.position, r.reason) for r in found.rejected] == [(1, "record_too_large")]
    assert peak < 20 * MEGABYTE


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.list_(pa.struct([("text", pa.string())]))])
def test_invalid_utf8_does_not_hide_a_corrupt_offset(kind: pa.DataType, tmp_path: Path) -> None:
    """Arrow reports the first error only; an offset outside of the data is found behind invalid UTF-8."""
    texts = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(struct.pack("<3i", 0, 1, 2)), pa.py_buffer(b"\xffa")]
    )
    items = texts if kind.value_type == pa.string() else pa.StructArray.from_arrays([texts], ["text"])
    column = pa.Array.from_buffers(kind, 2, [None, pa.py_buffer(struct.pack("<3i", 0, 200_000, 2))], children=[items])
    found = read(arrow(tmp_path / "a.arrow", column), text_field="text.text" if items is not texts else "text")
    assert not found.documents
    assert [record.reason for record in found.rejected] == ["broken_file"]
    assert "offset" in found.rejected[0].excerpt.lower()


def test_runs_keep_invalid_utf8_for_the_row(tmp_path: Path) -> None:
    """Invalid UTF-8 in a run rejects its rows; the others are documents."""
    values = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(struct.pack("<3i", 0, 1, 5)), pa.py_buffer(b"\xffGood")]
    )
    kind = pa.run_end_encoded(pa.int32(), pa.string())
    column = pa.Array.from_buffers(kind, 3, [None], children=[pa.array([2, 3], pa.int32()), values])
    found = read(arrow(tmp_path / "a.arrow", column))
    assert found.documents == [("2", "Good")]
    assert [(r.position, r.reason) for r in found.rejected] == [(0, "invalid_utf8"), (1, "invalid_utf8")]


def test_decoded_runs_are_the_values(tmp_path: Path) -> None:
    """Batches of more rows than are read at once: the slices of runs keep their places."""
    plain = [f"Text {number // 7}." for number in range(1000)]
    found = read(arrow(tmp_path / "a.arrow", pc.run_end_encode(pa.array(plain))))
    assert [text for _, text in found.documents] == plain


def test_levels_that_do_not_match_the_schema_are_one_line(tmp_path: Path) -> None:
    """For this file, `RowGroupMetaData.column` of pyarrow ends the process: a histogram has more levels than the schema."""
    path = lists(tmp_path / "a.parquet", [["One.", "Two."], ["Three."]], store_schema=False)
    data, optional = path.read_bytes(), b"\x25\x02\x18\x07element"
    assert data.count(optional) == 1
    path.write_bytes(data.replace(optional, b"\x25\x00\x18\x07element"))
    found = read(path)
    assert not found.documents
    assert [record.reason for record in found.rejected] == ["broken_file"]


def test_column_chunks_are_those_of_pyarrow(tmp_path: Path) -> None:
    """Offsets, sizes and compressions of every column of every row group, with and without a dictionary."""
    data = pa.table({"id": ["a", "b", "c"], "text": [["x"], ["y" * 9_000, "y"], []], "number": [1, 2, 3]})
    for codec in ("none", "snappy", "gzip", "brotli", "lz4", "zstd"):
        pq.write_table(data, tmp_path / "a", row_group_size=2, compression=codec, use_dictionary=["text.list.element"])
        with (tmp_path / "a").open("rb") as stream:
            groups = column_chunks(stream)
        metadata = pq.read_metadata(tmp_path / "a")
        assert len(groups) == metadata.num_row_groups == 2
        for number, chunks in enumerate(groups):
            for index, chunk in enumerate(chunks):
                column = metadata.row_group(number).column(index)
                assert chunk.start == min(
                    column.data_page_offset, column.dictionary_page_offset or column.data_page_offset
                )
                assert chunk.stored_bytes == column.total_compressed_size
                assert chunk.decompressed_bytes == column.total_uncompressed_size
                assert chunk.codec.removesuffix("_raw") == column.compression.lower()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"\x00\x00\x00\x7fPAR1", b"\x19\x4c" * 40 + b"\x50\x00\x00\x00PAR1"])
def test_corrupt_footers_are_value_errors(data: bytes) -> None:
    """Footers that are empty, longer than the file, and nested too deeply."""
    with pytest.raises(ValueError, match=r"footer|nested|unexpected"):
        column_chunks(io.BytesIO(data))


def test_an_index_outside_of_the_dictionary_is_one_line(tmp_path: Path) -> None:
    """pyarrow reads indices of a page without comparing them with the dictionary; the row group is reported, the next is read."""
    rows = [["One."], ["Two."], ["One.", "Two."], ["Three."]]
    options = {"data_page_version": "2.0", "row_group_size": 3, "write_statistics": False}
    data = pa.table({"text": rows})
    pq.write_table(data, tmp_path / "a.parquet", compression="none", store_schema=False, **options)
    content = (tmp_path / "a.parquet").read_bytes()
    indices = b"\x01\x03\x0a"  # one bit each, a group of eight: 0, 1, 0, 1
    assert content.count(indices) == 1
    (tmp_path / "a.parquet").write_bytes(content.replace(indices, b"\x02\x03\xe4"))
    found = read(tmp_path / "a.parquet")
    assert [text for _, text in found.documents] == ["Three."]
    assert [(r.reason, r.excerpt) for r in found.rejected] == [
        ("broken_file", "3 rows: an index of a dictionary is outside the data")
    ]


def test_invalid_utf8_does_not_hide_a_corrupt_list_view(tmp_path: Path) -> None:
    """An offset of a list view that points outside the data, beside a text that is not UTF-8, is one line."""
    texts = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(struct.pack("<3i", 0, 1, 2)), pa.py_buffer(b"\xffa")]
    )
    places = [None, pa.py_buffer(struct.pack("<2i", 0, 2_000_000)), pa.py_buffer(struct.pack("<2i", 1, 1))]
    column = pa.Array.from_buffers(pa.list_view(pa.string()), 2, places, children=[texts])
    found = read(arrow(tmp_path / "a.arrow", column))
    assert [(r.reason, r.excerpt) for r in found.rejected] == [
        ("broken_file", "an offset of a list view is outside the data")
    ]
