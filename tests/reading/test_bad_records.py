"""A bad record does not stop reading and is always counted."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.config.input import InputConfig
from nspdata.errors import InputError
from nspdata.files.local import LocalFiles
from nspdata.reading import REASONS, expand_inputs, read_source
from tests.reading.formats import (
    COMPRESSIONS,
    DOCUMENTS,
    FIELDED,
    arrow_file,
    arrow_stream,
    jsonl,
    parquet,
    read,
    table,
)
from tests.shared import shared

GOOD = b'{"id": "good", "text": "A good one."}'

BAD_LINES = {
    b'{"id": "x", "text": "no end': "broken_json",
    b'{"id": "x" "text": "b"}': "broken_json",
    b"plain words": "broken_json",
    b"[" * 3000: "broken_json",
    b"[1, 2]": "not_an_object",
    b'"text"': "not_an_object",
    b"null": "not_an_object",
    b'{"id": "x"}': "missing_text",
    b'{"id": "x", "text": null}': "missing_text",
    b'{"id": "x", "text": 5}': "text_not_string",
    b'{"id": "x", "text": ["a", 1]}': "text_not_string",
    b'{"id": "x", "text": ""}': "empty_text",
    b'{"id": "x", "text": " \\n\\t\\u00a0\\u3000"}': "empty_text",
    b'{"id": "x", "text": "a \xff\xfe \xc3( b"}': "invalid_utf8",
    b'{"id": "x", "text": "\xed\xa0\x80"}': "invalid_utf8",
    b'{"id": "x", "text": "a\\u0000b"}': "nul_character",
    b'{"id": "x", "text": "a \\ud800 b"}': "lone_surrogate",
    b'{"id": "x", "text": "\\udc00\\ud800"}': "lone_surrogate",
}


@pytest.mark.parametrize(("line", "reason"), BAD_LINES.items(), ids=range(len(BAD_LINES)))
def test_a_bad_line_is_kept_with_its_reason(line: bytes, reason: str, tmp_path: Path) -> None:
    """A rejected record has its position, reason and beginning; its neighbours are read."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(GOOD + b"\n" + line + b"\n" + GOOD)
    found = read(path)
    assert [text for _, text in found.documents] == ["A good one."] * 2
    (rejected,) = found.rejected
    assert (rejected.source, rejected.position, rejected.reason) == ("in.jsonl", len(GOOD) + 1, reason)
    assert 0 < len(rejected.excerpt) <= 200
    assert rejected.excerpt.encode("utf-8") == rejected.excerpt.encode("utf-8", "strict")
    assert line.decode("utf-8", "replace").startswith(rejected.excerpt)
    assert found.records == 3
    assert rejected.bytes == len(line)


@given(
    lines=st.lists(
        st.one_of(
            st.sampled_from([*BAD_LINES, GOOD, GOOD, b"", b"  \t", b"\r"]),
            st.binary(max_size=30).filter(lambda line: b"\n" not in line),
            st.builds(lambda text: json.dumps({"text": text}).encode(), st.text()),
        ),
        max_size=12,
    ),
    range_bytes=st.sampled_from([1 << 20, 200, 40]),
)
def test_every_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], range_bytes: int
) -> None:
    """Whatever the bytes, each line that is not blank is a document or a rejected record, as the plain reading says."""
    path = tmp_path_factory.mktemp("bad") / "in.jsonl"
    path.write_bytes(b"\n".join([GOOD, *lines]))
    found = read(path, input_format="jsonl", range_bytes=range_bytes)
    expected = [text_of(line) for line in lines_of(path.read_bytes())]
    assert [text for _, text in found.documents] == [text for text in expected if text is not None]
    assert len(found.rejected) == sum(text is None for text in expected)
    assert {record.reason for record in found.rejected} <= set(REASONS)


def lines_of(data: bytes) -> list[bytes]:
    return [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip(b" \t\r\x0b\x0c")]


def text_of(line: bytes) -> str | None:
    """The text of a valid line, parsed with Python's `json`; None for other lines."""
    try:
        record: Any = json.loads(line.decode())
        text = record["text"]
        text.encode()
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    return text if text.strip() and "\0" not in text else None


@pytest.mark.parametrize("compression", [".gz", ".zst", ".bz2"])
@pytest.mark.parametrize("name", ["jsonl", "csv"])
def test_a_file_that_is_cut_short_gives_what_came_before(name: str, compression: str, tmp_path: Path) -> None:
    """A truncated file gives the documents before the cut, and one rejected record."""
    many = [(f"d{number}", f"Document {number}. {number * 7919 % 997} " * 30) for number in range(3000)]
    packed = COMPRESSIONS[compression](FIELDED[name].write(many))
    path = tmp_path / f"a{FIELDED[name].suffix}{compression}"
    path.write_bytes(packed[: len(packed) * 2 // 3])
    found = read(path)
    assert found.documents == many[: len(found.documents)]
    assert len(found.documents) > (0 if compression == ".zst" else 500)
    assert [record.reason for record in found.rejected] == ["truncated_file"]


@pytest.mark.parametrize("compression", [".gz", ".zst", ".bz2"])
def test_a_damaged_file_gives_what_came_before(compression: str, tmp_path: Path) -> None:
    """Damage in the middle of a file: the records before it are read, and the damage is reported."""
    source = random.Random(0)
    many = [(f"d{number}", " ".join(str(source.random()) for _ in range(20))) for number in range(3000)]
    packed = COMPRESSIONS[compression](jsonl(many))
    damaged = bytes(byte ^ 0xFF for byte in packed[len(packed) // 2 : len(packed) // 2 + 5000])
    path = tmp_path / f"a.jsonl{compression}"
    path.write_bytes(packed[: len(packed) // 2] + damaged + packed[len(packed) // 2 + 5000 :])
    found = read(path)
    sound = next((n for n, pair in enumerate(zip(many, found.documents, strict=False)) if pair[0] != pair[1]), 0)
    assert sound > 500 or compression == ".zst" or found.documents == many[: len(found.documents)]
    assert "truncated_file" in {record.reason for record in found.rejected}
    assert len(found.documents) < 3000


@pytest.mark.parametrize("compression", [".gz", ".zst", ".bz2"])
def test_a_damaged_file_counts_with_the_bytes_that_are_lost(compression: str, tmp_path: Path) -> None:
    """A file damaged at half of its bytes loses about half of its text; one without a readable byte, its whole size."""
    source = random.Random(0)
    many = [(f"d{number}", " ".join(str(source.random()) for _ in range(20))) for number in range(9000)]
    packed = COMPRESSIONS[compression](jsonl(many))
    path = tmp_path / f"a.jsonl{compression}"
    half = len(packed) // 2
    path.write_bytes(packed[:half] + bytes(5000) + packed[half + 5000 :])
    found = read(path)
    assert "truncated_file" in {record.reason for record in found.rejected}
    assert sum(record.bytes for record in found.rejected) == pytest.approx(len(jsonl(many)) / 2, rel=0.4)
    path.write_bytes(b"no compressed file" * 100)
    assert [record.bytes for record in read(path).rejected] == [1800]


def test_a_file_that_is_no_text_counts_with_its_size(tmp_path: Path) -> None:
    """With one document per file, a file that is not UTF-8 is rejected with all its bytes."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff" + b"a" * 4999)
    assert [(record.reason, record.bytes) for record in read(path).rejected] == [("invalid_utf8", 5000)]


@pytest.mark.parametrize("write", [parquet, arrow_stream, arrow_file])
def test_a_damaged_columnar_file_is_reported(write: Any, tmp_path: Path) -> None:
    """Cut anywhere, a file of columns never raises and never loses its rest in silence."""
    data = write([(str(number), f"Text number {number}. " * 20) for number in range(50)])
    path = tmp_path / ("a.parquet" if write is parquet else "a.arrow")
    for size in (0, 3, len(data) // 3, len(data) // 2, len(data) - 20, len(data) - 1):
        path.write_bytes(data[:size])
        found = read(path)
        assert "broken_file" in {record.reason for record in found.rejected}
        assert sum(record.bytes for record in found.rejected) >= (size if not found.documents else 1)
        assert all(text.startswith("Text number") for _, text in found.documents)


def test_bad_rows_of_columns_are_kept(tmp_path: Path) -> None:
    """Bad values of a column (null, empty, not UTF-8, not a string) are rejected with their row number."""
    binary = pa.array([b"Good.", None, b"", b"\xff\xfe", b"a\0b", b"Last."], pa.binary())
    strings = pa.Array.from_buffers(pa.string(), len(binary), binary.buffers())
    data = pa.table({"text": strings, "id": pa.array(list("abcdef"))})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data)
    found = read(tmp_path / "a.arrow")
    assert found.documents == [("a", "Good."), ("f", "Last.")]
    reasons = ["missing_text", "empty_text", "invalid_utf8", "nul_character"]
    assert [(record.position, record.reason) for record in found.rejected] == list(enumerate(reasons, start=1))
    with pytest.raises(InputError, match=r"a.arrow: has no field 'body', only id, text"):
        read(tmp_path / "a.arrow", text_field="body")


def test_bad_rows_of_csv_are_kept(tmp_path: Path) -> None:
    """A quote that is not closed rejects only its line; too many fields, missing text and invalid UTF-8 are rejected with their reasons."""
    rows = [
        b"id,text",
        b"1,fine",
        b'2,"a ""quoted"" one, and',
        b'a second line"',
        b"3,too,many",
        b"4",
        b"5,\xff\xfe",
        b'6,"never closed',
        b"7,the last",
    ]
    (tmp_path / "a.csv").write_bytes(b"\n".join(rows) + b"\n")
    found = read(tmp_path / "a.csv")
    assert found.documents == [("1", "fine"), ("2", 'a "quoted" one, and\na second line'), ("7", "the last")]
    reasons = [record.reason for record in found.rejected]
    assert reasons == ["wrong_fields", "missing_text", "invalid_utf8", "broken_csv"]


def test_a_text_that_is_not_utf8_is_kept(tmp_path: Path) -> None:
    """In each shape of text: the document, the line, the document of sentences."""
    (tmp_path / "a.txt").write_bytes(b"One.\nTwo \xff.\n\nThree.\n")
    for input_format, texts in {
        "text_document": [],
        "text_line": ["One.", "Three."],
        "text_sentence": ["Three."],
    }.items():
        found = read(tmp_path / "a.txt", input_format=input_format)
        assert [text for _, text in found.documents] == texts
        assert [record.reason for record in found.rejected] == ["invalid_utf8"]


def test_the_shared_broken_file_is_read() -> None:
    """The shared broken file gives its good lines, and each bad line with its reason."""
    found = read(shared("dirty/made_broken.jsonl"))
    assert [text for _, text in found.documents] == [
        "Fine one. Fine two.",
        "no id. second.",
        "No newline at end of file.",
    ]
    reasons = ["invalid_utf8", "broken_json", "missing_text", "missing_text", "not_an_object"]
    assert [record.reason for record in found.rejected] == reasons


@pytest.mark.parametrize(
    "name", ["utf8tests.bin", "utf8tests.txt", "utf8_sequence_0-0x10ffff_assigned.txt", "blns.txt"]
)
def test_the_shared_dirty_texts_are_read_line_by_line(name: str) -> None:
    """Every line that is not blank is a document or is rejected; the documents are the lines that are valid UTF-8."""
    path = shared(f"dirty/{name}")
    found = read(path, input_format="text_line")
    lines = [line.removesuffix(b"\r") for line in path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    held = [line for line in lines if line.decode("utf-8", "replace").strip()]
    assert found.records == len(held)
    good = [line for line in held if sound(line)]
    assert [text.encode() for _, text in found.documents] == good


def sound(line: bytes) -> bool:
    try:
        return "\0" not in line.decode()
    except UnicodeDecodeError:
        return False


def test_every_reason_is_in_words() -> None:
    """Every reason in `rejected/` has an explanation."""
    found = {*BAD_LINES.values(), "truncated_file", "broken_file", "broken_csv", "wrong_fields"}
    found |= {"record_too_large", "outside_of_a_document", "unknown_language"}
    assert found == set(REASONS)
    assert DOCUMENTS[0] == read_one(jsonl(DOCUMENTS[:1]))


def read_one(line: bytes) -> tuple[str, str]:
    record = json.loads(line)
    return record["id"], record["text"]


@pytest.mark.parametrize("write", [arrow_stream, arrow_file, parquet])
def test_a_corrupt_length_allocates_no_memory(write: Any, tmp_path: Path) -> None:
    """A length of 2**62 bytes in a file of columns is damage of the file, not a `MemoryError`."""
    data = write([(str(number), f"Text {number}.") for number in range(2)])
    path = tmp_path / ("a.parquet" if write is parquet else "a.arrow")
    reasons = set()
    for start in range(0, len(data) - 8, 4):
        path.write_bytes(data[:start] + (1 << 62).to_bytes(8, "little") + data[start + 8 :])
        try:
            reasons.update(record.reason for record in read(path).rejected)
        except InputError as error:
            assert len(str(error).splitlines()) == 1, start  # noqa: PT017 - each position may be read or refused
    assert "broken_file" in reasons


def test_a_hostile_field_name_stays_in_one_line(tmp_path: Path) -> None:
    """Line breaks and terminal controls in a header are escaped in the error."""
    path = tmp_path / "a.csv"
    path.write_text("id,bo\x85d\x1b[2Jy\u2028\n1,x\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"only bo\\x85d\\x1b\[2Jy\\u2028, id; name the field") as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("write", [arrow_stream, arrow_file, parquet])
def test_long_rows_become_documents_a_few_at_a_time(write: Any, tmp_path: Path) -> None:
    """Rows of a megabyte, of which a compressed file can hold thousands in a few bytes, are not all copied at once."""
    many = [(str(number), f"{number} " + "a" * 1_000_000) for number in range(20)]
    path = tmp_path / ("a.parquet" if write is parquet else "a.arrow")
    data = table(many)
    if write is parquet:
        pq.write_table(data, path)
    else:
        make = pa.ipc.new_file if write is arrow_file else pa.ipc.new_stream
        with make(str(path), data.schema) as writer:
            writer.write_table(data)
    files, settings = LocalFiles(), InputConfig()
    (source,) = expand_inputs([str(path)], files, settings)
    batches = [batch.documents for batch in read_source(source, files, settings)]
    assert [name for batch in batches for name in batch.ids] == [name for name, _ in many]
    assert max(map(len, batches)) <= 8
