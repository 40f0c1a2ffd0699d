"""Hostile input: bounded memory and linear work, counted in steps rather than in seconds."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from nspdata.files.local import LocalFiles
from nspdata.reading import columnar, compression
from nspdata.reading.compression import blocks
from nspdata.reading.delimited import _Lines
from nspdata.reading.sources import Source
from tests.reading.formats import read

COMPRESS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def source(path: Path, compression: str) -> Source:
    return Source(
        path=str(path), name=path.name, format="text_line", compression=compression, size_bytes=path.stat().st_size
    )


@pytest.mark.parametrize("name", COMPRESS)
def test_a_file_that_grows_a_thousandfold_is_read_in_bounded_memory(tmp_path: Path, name: str) -> None:
    """20 MB of one line repeated, from a file of kilobytes: blocks of a megabyte, whatever the compression."""
    path = tmp_path / "a"
    path.write_bytes(COMPRESS[name](b"The same line again.\n" * 1_000_000))
    tracemalloc.start()
    total = largest = 0
    for block in blocks(source(path, name), LocalFiles()):
        total, largest = total + len(block), max(largest, len(block))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 21 * 1_000_000
    assert largest <= 1 << 20
    assert peak < 20 << 20


def test_a_bomb_is_named_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the ratio and the limit a file is not read further; what came before counts."""
    monkeypatch.setattr(compression, "MAX_RATIO_BYTES", 5_000_000)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"id": "x", "text": "A bomb."}\n' * 1_000_000))
    found = read(tmp_path / "a.jsonl.gz")
    assert 0 < len(found.documents) < 1_000_000
    (rejected,) = found.rejected
    assert rejected.reason == "truncated_file"


@pytest.mark.parametrize(
    "data",
    [b'x,"a\n' * 3000, b'"""\n' * 3000, b'"a""\n' * 3000, b'"\n' + b'""\n' * 3000, b'"a\n' * 3000 + b"b,c\n" * 3000],
)
def test_quotes_that_do_not_close_cost_linear_work(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is read more than three times, wherever quotes are."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n" + data)
    given, plain = 0, _Lines.__next__

    def counted(self: _Lines) -> str:
        nonlocal given
        line = plain(self)
        given += 1
        return line

    monkeypatch.setattr(_Lines, "__next__", counted)
    read(path)
    assert given <= 3 * (data.count(b"\n") + 2)


@pytest.mark.parametrize("suffix", [".jsonl", ".txt", ".csv"])
def test_a_record_over_the_limit_is_rejected_and_the_rest_is_read(tmp_path: Path, suffix: str) -> None:
    """A line of 4 MB under a limit of 1 MB: rejected with its beginning, its neighbours are documents."""
    texts = ["First one.", "x" * 4_000_000, "Last one."]
    write = {".jsonl": '{{"id": "{0}", "text": "{1}"}}\n', ".txt": "{1}\n", ".csv": "{0},{1}\n"}[suffix]
    lines = [write.format(number, text) for number, text in enumerate(texts)]
    (tmp_path / f"a{suffix}").write_text("id,text\n" * (suffix == ".csv") + "".join(lines))
    form = "text_line" if suffix == ".txt" else "auto"
    for range_bytes in (1 << 30, 1_500_000):
        found = read(tmp_path / f"a{suffix}", input_format=form, range_bytes=range_bytes, max_record_bytes=1_000_000)
        assert [text for _, text in found.documents] == ["First one.", "Last one."]
        assert [record.reason for record in found.rejected] == ["record_too_large"]


def test_a_range_inside_of_a_long_line_is_not_read_to_the_end_of_the_line(tmp_path: Path) -> None:
    """Twenty ranges of a file that is one line read it about twice, not ten times."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "1", "text": "' + b"word " * 4_000_000 + b'"}\n')
    size, counted = path.stat().st_size, 0

    class Counting(LocalFiles):
        def open(self, path: str):
            stream, plain = super().open(path), None
            plain = stream.read

            class Stream:
                def __getattr__(self, name: str):
                    return getattr(stream, name)

                def __enter__(self):
                    return self

                def __exit__(self, *_: object) -> None:
                    stream.close()

                def read(self, size: int = -1) -> bytes:
                    nonlocal counted
                    data = plain(size)
                    counted += len(data)
                    return data

            return Stream()

    from nspdata.config.input import InputConfig
    from nspdata.reading import read_source, split_sources

    whole = Source(path=str(path), name="a.jsonl", format="jsonl", size_bytes=size)
    batches = [
        batch
        for part in split_sources([whole], range_bytes=size // 20)
        for batch in read_source(part, Counting(), InputConfig())
    ]
    assert sum(len(batch.documents) for batch in batches) == 1
    assert counted < 2.5 * size


def columns(path: Path, texts: list[str], *, rows: int) -> Path:
    """A compressed Parquet or Arrow file with some rows in each part."""
    data = pa.table({"id": [str(number) for number in range(len(texts))], "text": texts})
    if path.suffix == ".parquet":
        pq.write_table(data, path, row_group_size=rows, compression="zstd", use_dictionary=path.stem == "dictionary")
        return path
    make = pa.ipc.new_file if path.stem == "file" else pa.ipc.new_stream
    with make(str(path), data.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(data, max_chunksize=rows)
    return path


COLUMNAR = ["plain.parquet", "dictionary.parquet", "file.arrow", "stream.arrow"]


@pytest.mark.parametrize("name", COLUMNAR)
def test_a_part_of_a_columnar_file_that_needs_too_much_memory_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row group or record batch of 8 MB under a limit of 4 MB is rejected by its number before it is decompressed; the next is read."""
    monkeypatch.setattr(columnar, "DECODED_BYTES", 4_000_000)
    texts = [f"{number} " + "a" * 1_000_000 for number in range(8)] + [f"Short {number}." for number in range(8)]
    found = read(columns(tmp_path / name, texts, rows=8), max_record_bytes=400_000)
    assert [text for _, text in found.documents] == texts[8:]
    (rejected,) = found.rejected
    assert (rejected.position, rejected.reason) == (0, "broken_file")
    assert rejected.excerpt.startswith(
        f"8 rows: {'row group' if name.endswith('parquet') else 'record batch'} 0 needs "
    )
    assert rejected.bytes > 0


@pytest.mark.parametrize("name", COLUMNAR)
def test_a_row_over_the_limit_is_rejected_and_the_rest_is_read(name: str, tmp_path: Path) -> None:
    """A text of 4 MB under a limit of 1 MB: rejected with its row number and size, its neighbours are documents."""
    found = read(columns(tmp_path / name, ["First.", "x" * 4_000_000, "Last."], rows=3), max_record_bytes=1_000_000)
    assert found.documents == [("0", "First."), ("2", "Last.")]
    assert [(r.position, r.reason, r.bytes) for r in found.rejected] == [(1, "record_too_large", 4_000_001)]


@pytest.mark.parametrize("name", COLUMNAR)
def test_a_columnar_bomb_is_named_and_stopped(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of decompressed bytes apply to columnar files: rows before the limit are read, the file is reported."""
    monkeypatch.setattr(compression, "MAX_RATIO_BYTES", 5_000_000)
    monkeypatch.setattr(compression, "MAX_RATIO", 2)
    found = read(columns(tmp_path / name, ["b" * 100_000] * 200, rows=100))
    assert 0 < len(found.documents) < 200
    assert [record.reason for record in found.rejected] == ["truncated_file"]
