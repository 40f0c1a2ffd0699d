"""Every format, compressed or not, gives the documents that were written."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading.formats import COMPRESSIONS, DOCUMENTS, FIELDED, Document, arrow_stream, jsonl, parquet, read

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1).filter(
    lambda text: not text.isspace()
)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("name", FIELDED)
def test_what_was_written_is_read(name: str, compression: str, tmp_path: Path) -> None:
    """Every format gives back the ids and texts in their order, to the character."""
    path = tmp_path / f"documents{FIELDED[name].suffix}{compression}"
    path.write_bytes(COMPRESSIONS[compression](FIELDED[name].write(DOCUMENTS)))
    found = read(path)
    assert found.documents == DOCUMENTS
    assert found.rejected == []
    assert found.records == len(DOCUMENTS)


@pytest.mark.parametrize("name", FIELDED)
@given(documents=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6), batch_bytes=st.integers(1, 100))
def test_any_texts_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, documents: list[Document], batch_bytes: int
) -> None:
    """Any characters are read back, for any batch size."""
    path = tmp_path_factory.mktemp("any") / f"a{FIELDED[name].suffix}"
    path.write_bytes(FIELDED[name].write(documents))
    found = read(path, batch_bytes=batch_bytes)
    assert found.documents == documents
    assert found.rejected == []


@given(
    documents=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12),
    range_bytes=st.integers(1, 300),
    between=st.sampled_from([b"\n", b"\n\n", b"\n \r\n"]),
)
def test_ranges_of_a_file_give_what_the_file_gives(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Document], range_bytes: int, between: bytes
) -> None:
    """JSON lines in byte ranges: the same documents, and the same names for those without an id."""
    path = tmp_path_factory.mktemp("ranges") / "a.jsonl"
    lines = jsonl(documents).split(b"\n")
    path.write_bytes(between.join(lines))
    for id_field in ("id", "absent"):
        whole = read(path, id_field=id_field)
        assert read(path, range_bytes=range_bytes, id_field=id_field).documents == whole.documents
        assert [text for _, text in whole.documents] == [text for _, text in documents]


def test_a_document_without_an_id_is_named_by_its_place(tmp_path: Path) -> None:
    """The name of the file and the byte offset of the line, or the number of the row; other ids become strings."""
    lines = [{"text": "héllo"}, {"id": 7, "text": "two"}, {"id": None, "text": "three"}, {"id": "", "text": "four"}]
    data = [json.dumps(line, ensure_ascii=False).encode() for line in lines]
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.jsonl").write_bytes(b"\n".join(data))
    (tmp_path / "in" / "b.parquet").write_bytes(parquet([("x", "five"), ("y", "six")]))
    starts = [sum(len(line) + 1 for line in data[:count]) for count in range(4)]
    names = [f"deep/a.jsonl:{starts[0]}", "7", f"deep/a.jsonl:{starts[2]}", f"deep/a.jsonl:{starts[3]}"]
    expected = [
        ("b.parquet:0", "five"),
        ("b.parquet:1", "six"),
        *zip(names, ["héllo", "two", "three", "four"], strict=True),
    ]
    assert read(tmp_path / "in").documents[2:] == expected[2:]
    assert read(tmp_path / "in", id_field="none").documents[:2] == expected[:2]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_kind_of_text_column_is_read(kind: pa.DataType, tmp_path: Path) -> None:
    """Text columns may be strings, large strings, string views or dictionaries; ids may be numbers."""
    column = pa.array(["One. Two.", "Three."], kind)
    data = pa.table({"text": column, "id": pa.array([1, 2], pa.int64())})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data)
    assert read(tmp_path / "a.arrow").documents == [("1", "One. Two."), ("2", "Three.")]


def test_other_fields_can_be_named(tmp_path: Path) -> None:
    """The fields of the text and the id can have other names."""
    (tmp_path / "a.jsonl").write_text('{"key": "k", "body": "A text.", "text": 5}\n')
    assert read(tmp_path / "a.jsonl", text_field="body", id_field="key").documents == [("k", "A text.")]


def test_text_is_read_in_its_three_shapes(tmp_path: Path) -> None:
    """A file a document, a line a document, and a sentence a line with blank lines between documents."""
    text = "\ufeffOne. Two.\r\nThree: é\n \u3000\n\nFour.\nFive."
    (tmp_path / "a.txt").write_bytes(text.encode())
    body = text.removeprefix("\ufeff")
    assert read(tmp_path).documents == [("a.txt", body)]
    places = {line: text.encode().index(line.encode()) for line in ("Three: é", "Four.", "Five.")}
    lines = [("a.txt:0", "One. Two."), *((f"a.txt:{place}", line) for line, place in places.items())]
    assert read(tmp_path, input_format="text_line").documents == lines
    assert read(tmp_path, input_format="text_line", range_bytes=7).documents == lines
    sentences = read(tmp_path, input_format="text_sentence")
    assert sentences.sentences == [["One. Two.", "Three: é"], ["Four.", "Five."]]
    assert sentences.documents == [("a.txt:0", "One. Two.\nThree: é"), (f"a.txt:{places['Four.']}", "Four.\nFive.")]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("input_format", ["text_document", "text_line", "text_sentence"])
def test_compressed_text_is_read(input_format: str, compression: str, tmp_path: Path) -> None:
    """A compressed file gives the same documents as an uncompressed one."""
    text = "".join(f"Line {number}. And more.\n" + "\n" * (number % 5 == 0) for number in range(200))
    plain, packed = tmp_path / "plain" / "a.txt", tmp_path / "packed" / f"a.txt{compression}"
    for path, data in ((plain, text.encode()), (packed, COMPRESSIONS[compression](text.encode()))):
        path.parent.mkdir()
        path.write_bytes(data)
    one, other = read(plain, input_format=input_format), read(packed, input_format=input_format)
    assert [text for _, text in one.documents] == [text for _, text in other.documents]
    assert [name.replace(f".txt{compression}", ".txt") for name, _ in other.documents] == [
        name for name, _ in one.documents
    ]
    assert one.sentences == other.sentences


def test_a_saved_dataset_is_read(tmp_path: Path) -> None:
    """What `datasets` saved: one dataset, or several splits; its caches and descriptions are left alone."""
    datasets = pytest.importorskip("datasets")
    one = datasets.Dataset.from_dict({"id": ["a", "b"], "text": ["First.", "Second."]})
    two = datasets.Dataset.from_dict({"id": ["c"], "text": ["Third."]})
    one.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": one, "test": two}).save_to_disk(str(tmp_path / "both"))
    (tmp_path / "one" / "cache-123.arrow").write_bytes(arrow_stream([("x", "no part of it")]))
    for input_format in ("auto", "dataset"):
        assert read(tmp_path / "one", input_format=input_format).documents == [("a", "First."), ("b", "Second.")]
        found = read(tmp_path / "both", input_format=input_format).documents
        assert sorted(found) == [("a", "First."), ("b", "Second."), ("c", "Third.")]


def test_batches_are_of_about_the_size_asked_for(tmp_path: Path) -> None:
    """A batch ends when it is full, and no record is lost."""
    documents = [(str(number), "x" * 1000) for number in range(3000)]
    for name in ("jsonl", "parquet", "csv"):
        path = tmp_path / f"a{FIELDED[name].suffix}"
        path.write_bytes(FIELDED[name].write(documents))
        found = read(path, batch_bytes=100_000)
        assert found.documents == documents
        assert len(found.batches) >= 2
        assert sum(found.batches) == 3000


def test_an_empty_file_holds_no_document(tmp_path: Path) -> None:
    """An empty file gives no record and no error; an empty text is rejected as empty."""
    for suffix in (".jsonl", ".csv", ".txt"):
        (tmp_path / f"a{suffix}").write_bytes(b"")
    assert read(tmp_path / "a.jsonl").records == 0
    assert read(tmp_path / "a.csv").records == 0
    assert [record.reason for record in read(tmp_path / "a.txt").rejected] == ["empty_text"]
    assert read(tmp_path / "a.txt", input_format="text_line").records == 0
