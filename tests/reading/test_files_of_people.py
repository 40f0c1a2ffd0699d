"""Real-world files: unusual suffixes and line ends, nested fields, dialects, stray and empty files."""

from __future__ import annotations

import gzip
import json
import logging
import lzma
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nspdata.config.input import InputConfig
from nspdata.errors import InputError
from nspdata.files.local import LocalFiles
from nspdata.reading import expand_inputs
from nspdata.reading.units import make_units
from tests.reading.formats import read

WIKI = """<doc id="12" url="https://x.example/?curid=12" title="Anarchism &amp; more">
Anarchism &amp; more

Anarchism is a political philosophy. It is &lt;old&gt;.

</doc>
<doc id="25" url="u" title="Autism">
Autism

Autism is a condition.
</doc>
"""


def test_lines_that_end_with_a_carriage_return(tmp_path: Path) -> None:
    """Text, JSON and CSV files with CR line ends are read, in ranges too."""
    rows = [f"Row {number}. It counts." for number in range(40_000)]
    (tmp_path / "a.txt").write_bytes("\r".join(rows).encode())
    assert [text for _, text in read(tmp_path / "a.txt", input_format="text_line").documents] == rows
    assert [
        text for _, text in read(tmp_path / "a.txt", input_format="text_line", range_bytes=99_999).documents
    ] == rows
    records = [json.dumps({"id": str(number), "text": row}) for number, row in enumerate(rows[:9])]
    (tmp_path / "b.jsonl").write_bytes("\r".join(records).encode())
    (tmp_path / "c.csv").write_bytes(
        "\r".join(["id,text", *(f"{number},{row}" for number, row in enumerate(rows[:9]))]).encode()
    )
    expected = [(str(number), row) for number, row in enumerate(rows[:9])]
    assert read(tmp_path / "b.jsonl").documents == expected
    assert read(tmp_path / "c.csv").documents == expected


def test_fields_inside_of_fields(tmp_path: Path) -> None:
    """A dot goes into an object, a list of strings is a text of paragraphs; in JSON and in Parquet."""
    records = [
        {
            "meta": {"key": "a"},
            "payload": {"text": "One.", "parts": [{"body": "P1."}, {"body": "P2."}]},
            "list": ["L1.", "L2."],
        },
        {"meta": {"key": "b"}, "payload": {"text": "Two.", "parts": []}, "list": ["L3.", None]},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        dotted = read(tmp_path / name, text_field="payload.text", id_field="meta.key")
        assert dotted.documents == [("a", "One."), ("b", "Two.")]
        assert [text for _, text in read(tmp_path / name, text_field="list").documents] == ["L1.\n\nL2.", "L3."]
        parts = read(tmp_path / name, text_field="payload.parts.body")
        assert [text for _, text in parts.documents] == ["P1.\n\nP2."]
        assert [record.reason for record in parts.rejected] == ["empty_text"]


def test_the_field_can_differ_by_file(tmp_path: Path) -> None:
    """`GLOB=FIELD` rules, the first that matches; a file without the field is named with what it has, before the work."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.csv").write_text("id,body\n1,From the web.\n")
    (tmp_path / "b.jsonl").write_text('{"id": "2", "text": "From a file."}\n')
    assert read(tmp_path, text_field="web/*=body,text").documents == [("2", "From a file."), ("1", "From the web.")]
    with pytest.raises(
        InputError, match=r"a.csv: has no field 'text', only body, id; .* --text-field 'web/a.csv=FIELD'"
    ):
        read(tmp_path)


def test_what_wikiextractor_writes(tmp_path: Path) -> None:
    """With and without a suffix, compressed, and as JSON; ids are the pages', entities are characters."""
    (tmp_path / "AA").mkdir()
    (tmp_path / "AA" / "wiki_00").write_text(WIKI)
    (tmp_path / "AA" / "wiki_01.xz").write_bytes(lzma.compress(WIKI.encode()))
    (tmp_path / "AA" / "wiki_02").write_text('{"id": "7", "text": "A page."}\n')
    texts = {
        "12": "Anarchism & more\n\nAnarchism is a political philosophy. It is <old>.\n",
        "25": "Autism\n\nAutism is a condition.",
        "7": "A page.",
    }
    assert read(tmp_path).documents == [(key, texts[key]) for key in ("12", "25", "12", "25", "7")]


def test_dialects(tmp_path: Path) -> None:
    """Delimiter, quotes as text, no header, an escape character; a quote in TSV is text."""
    (tmp_path / "a.csv").write_text('1;He said "no\n2;It was 5\\; or 6\n')
    settings = {"csv_delimiter": ";", "csv_quoting": "none", "csv_header": False, "csv_escape": "\\"}
    found = read(tmp_path / "a.csv", text_field="1", id_field="0", **settings)
    assert found.documents == [("1", 'He said "no'), ("2", "It was 5; or 6")]
    (tmp_path / "b.tsv").write_text('id\ttext\n1\t"Open quote.\n2\tA "b" c.\n')
    assert read(tmp_path / "b.tsv", csv_quoting="auto").documents == [("1", '"Open quote.'), ("2", 'A "b" c.')]


def test_stray_and_empty_files_are_skipped_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Files that are not documents are skipped with a message; an empty first file has no records."""
    (tmp_path / "a.jsonl").write_bytes(b"")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"id": "1", "text": "Kept."}\n'))
    (tmp_path / "c.jsonl").write_text('{"id": "2", "text": "Left out."}\n')
    for name in ("Thumbs.db", "x.lock", "data.zip", "notes.md"):
        (tmp_path / name).write_bytes(b"stray")
    with caplog.at_level(logging.WARNING, "nspdata"):
        assert read(tmp_path, exclude="c.*").documents == [("1", "Kept.")]
        sources = expand_inputs([str(tmp_path)], LocalFiles(), InputConfig())
    assert [source.name for unit in make_units(sources) for source in unit] == ["a.jsonl", "b.jsonl.gz", "c.jsonl"]
    assert "Thumbs.db, data.zip, notes.md, x.lock" in caplog.text
    assert "empty files (1): a.jsonl" in caplog.text


def test_a_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    """The name in ids and reports is valid Unicode, and the file is read."""
    path = os.fsencode(tmp_path) + b"/caf\xe9.jsonl"
    Path(os.fsdecode(path)).write_text('{"text": "A text."}\n')
    ((name, text),) = read(tmp_path).documents
    assert (name.encode(), text) == (b"caf\\xe9.jsonl:0", "A text.")
