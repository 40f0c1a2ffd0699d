"""The content hash of a file does not depend on how the file is read; a file that changes during the build is detected."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from nspdata.config.input import InputConfig
from nspdata.errors import InputError
from nspdata.files.local import LocalFiles
from nspdata.reading import Source, expand_inputs, read_source, split_sources
from nspdata.reading.content import BLOCK_BYTES, WatchedFiles, content_of, hexadecimal


def corpus(path: Path, *, documents: int = 2000) -> Path:
    """About 250 kB of JSON lines."""
    path.write_text("".join(json.dumps({"id": i, "text": f"{i} " * 20}) + "\n" for i in range(documents)))
    return path


def watched(source: Source) -> int:
    """The content of a source that is read whole."""
    files = WatchedFiles(LocalFiles(), source)
    for _ in read_source(source, files, InputConfig()):
        pass
    return files.content()


def test_the_content_is_the_sum_of_the_blocks(tmp_path: Path) -> None:
    """The content hash equals a plain implementation of its definition."""
    data = corpus(tmp_path / "a.jsonl").read_bytes()
    blocks = [data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES)]
    total = sum(xxhash.xxh3_128_intdigest(block, seed=index) for index, block in enumerate(blocks)) % (1 << 128)
    assert content_of(str(tmp_path / "a.jsonl"), LocalFiles()) == hexadecimal(total)


@pytest.mark.parametrize("blocks", [1, 2, 3, 100])
def test_ranges_add_up_to_the_whole(tmp_path: Path, blocks: int) -> None:
    """The hashes of ranges add up to the hash of the file, for any cuts at block boundaries."""
    path = corpus(tmp_path / "a.jsonl")
    sources = split_sources(expand_inputs([str(path)], LocalFiles()), range_bytes=blocks * BLOCK_BYTES)
    assert len(sources) == -(-path.stat().st_size // (blocks * BLOCK_BYTES))
    total = sum(map(watched, sources)) % (1 << 128)
    assert hexadecimal(total) == content_of(str(path), LocalFiles())


@pytest.mark.parametrize(
    "name", ["a.jsonl.gz", "a.parquet", "a.arrow", "a.csv", "a.txt", "cut.jsonl.gz", "empty.jsonl"]
)
def test_every_format_has_the_content_of_its_bytes(tmp_path: Path, name: str) -> None:
    """Compressed, in columns, as one document, damaged in its middle, or empty."""
    path, plain = tmp_path / name, corpus(tmp_path / "plain.jsonl").read_bytes()
    table = pa.table({"id": ["a", "b"] * 500, "text": ["some text", "more text"] * 500})
    match name:
        case "a.jsonl.gz":
            path.write_bytes(gzip.compress(plain))
        case "cut.jsonl.gz":
            packed = gzip.compress(plain)
            path.write_bytes(packed[:5000] + bytes(300_000) + packed[5300:])
        case "a.parquet":
            pq.write_table(table, path)
        case "a.arrow":
            with pa.ipc.new_stream(str(path), table.schema) as writer:
                writer.write_table(table)
        case "empty.jsonl":
            path.touch()
        case _:
            path.write_bytes(b"id,text\n1,abc\n" * 9000)
    (source,) = expand_inputs([str(path)], LocalFiles())
    assert hexadecimal(watched(source)) == content_of(str(path), LocalFiles())


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
@pytest.mark.parametrize("change", ["shrink", "grow", "replace", "vanish", "touch"])
def test_a_file_that_changes_is_named(tmp_path: Path, name: str, change: str) -> None:
    """Cut, appended to, replaced by one of the same size, removed or written to, between the listing and the end."""
    path = corpus(tmp_path / "a.jsonl")
    if name == "a.parquet":
        path = tmp_path / name
        pq.write_table(pa.table({"text": ["some text"] * 1000}), path)
    (source,) = expand_inputs([str(path)], LocalFiles())
    assert watched(source)
    size = path.stat().st_size
    match change:
        case "shrink":
            os.truncate(path, size - 10)
        case "grow":
            with path.open("ab") as file:
                file.write(b'{"text": "more"}\n')
        case "replace":
            (tmp_path / "other").write_bytes(path.read_bytes())
            (tmp_path / "other").replace(path)
        case "vanish":
            path.unlink()
        case _:
            os.utime(path, ns=(0, 0))
    with pytest.raises(InputError, match=rf"{name}: changed while the build was running"):
        watched(source)
