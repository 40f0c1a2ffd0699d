"""Long text files, kept as UTF-8: the documents and rejected records of short ones."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.config.input import InputConfig
from nspdata.files.local import LocalFiles
from nspdata.reading import expand_inputs, read_source, text
from nspdata.reading.documents import LongText, decoded

CONTENTS = {
    "plain": "Ein Wort.\n\nDer Größe nach.".encode(),
    "byte order mark": b"\xef\xbb\xbfOne.",
    "only a byte order mark": b"\xef\xbb\xbf",
    "blank": " \n\u3000".encode(),
    "not UTF-8": b"One.\xff\xfe",
    "cut in a character": "Größ".encode()[:-1],
    "NUL": b"One.\0Two.",
    "blank with NUL": b" \0",
}


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_long_text_is_read_like_a_short_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, compressed: bool
) -> None:
    """The same id, text, size, and reason for a rejection."""
    path = tmp_path / ("a.txt.gz" if compressed else "a.txt")
    path.write_bytes(gzip.compress(CONTENTS[name]) if compressed else CONTENTS[name])
    (source,) = expand_inputs([str(path)], LocalFiles())
    short = list(read_source(source, LocalFiles()))
    monkeypatch.setattr(text, "LONG_BYTES", 0)
    long = list(read_source(source, LocalFiles()))
    assert [batch.documents.long is not None for batch in long] == [bool(batch.documents.ids) for batch in short]
    for found, expected in zip(long, short, strict=True):
        assert list(found.documents.texts) == list(expected.documents.texts)
        assert [bytes(one) for one in found.documents.encoded()] == [*expected.documents.encoded()]
        assert (found.documents.ids, found.rejected) == (expected.documents.ids, expected.rejected)
        assert (found.records, found.input_bytes) == (expected.records, expected.input_bytes)


def test_a_long_text_is_in_memory_once(tmp_path: Path) -> None:
    """10 MB are read and checked with less than 2 MB more."""
    path = tmp_path / "a.txt"
    path.write_bytes("Größe und Länge. ".encode() * 550_000)
    (source,) = expand_inputs([str(path)], LocalFiles(), InputConfig())
    tracemalloc.start()
    try:
        (batch,) = read_source(source, LocalFiles())
        (peak,) = {tracemalloc.get_traced_memory()[1]}
    finally:
        tracemalloc.stop()
    assert batch.documents.long is not None
    assert peak < path.stat().st_size * 9 / 8 + 3_000_000  # a bytearray has an eighth to spare


@given(data=st.one_of(st.text().map(str.encode), st.binary()), size=st.integers(4, 9))
def test_decoding_in_pieces_is_decoding(data: bytes, size: int) -> None:
    """The same text, or an error for the same bytes."""
    try:
        expected = data.decode()
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            list(decoded(data, size))
        return
    assert "".join(decoded(data, size)) == expected


def test_a_long_text_is_a_sequence_of_one_text() -> None:
    """For code that does not read it in pieces."""
    found = LongText("é.".encode())
    assert (len(found), list(found), found[0], found[-1], found[:5]) == (1, ["é."], "é.", "é.", ["é."])
