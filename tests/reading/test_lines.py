"""Lines of a source: any ranges give the same records as the whole."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from nspdata.files.local import LocalFiles
from nspdata.reading.compression import CutShortError
from nspdata.reading.lines import lines
from nspdata.reading.records import Gathering
from nspdata.reading.sources import Source
from nspdata.reading.units import split_sources


def source_of(path: Path, *, compression: str = "") -> Source:
    """A file of lines."""
    return Source(
        path=str(path),
        name=path.name,
        format="text_line",
        compression=compression,
        size_bytes=path.stat().st_size,
        line_end="\n",
    )


def cut_lines(source: Source, files: LocalFiles, max_record_bytes: int = 64_000_000) -> Iterator[Any]:
    """Returns what `lines` yields."""
    return lines(source, files, Gathering(source), max_record_bytes)


def all_lines(sources: list[Source]) -> list[tuple[int, bytes]]:
    """Returns offset and bytes of every line."""
    files = LocalFiles()
    return [pair for source in sources for found in cut_lines(source, files) for pair in zip(*found, strict=True)]


@given(
    parts=st.lists(st.sampled_from([b"a", b"bb", b"\r", b"long line " * 5, "é".encode()]), max_size=30),
    last=st.sampled_from([b"", b"\n"]),
    range_bytes=st.integers(1, 60),
)
def test_ranges_partition_the_lines(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], last: bytes, range_bytes: int
) -> None:
    """Whatever the size of the ranges, also under a line's length, every line comes once, with its offset."""
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    data = b"\n".join(parts) + last
    path.write_bytes(data)
    expected, offset = [], 0
    for line in data.removesuffix(b"\n").split(b"\n") if data else []:
        expected.append((offset, line))
        offset += len(line) + 1
    found = all_lines(split_sources([source_of(path)], range_bytes=range_bytes))
    assert [pair for pair in found if pair[1]] == [pair for pair in expected if pair[1]]


@pytest.mark.parametrize(
    ("compression", "compress"),
    [("gzip", gzip.compress), ("bzip2", bz2.compress), ("zstd", zstandard.ZstdCompressor().compress)],
)
def test_a_cut_stream_gives_what_came_before_and_says_so(tmp_path: Path, compression: str, compress: object) -> None:
    """Two frames one after the other are read whole; the same cut short raises after its good lines."""
    data = b"".join(b"line %d\n" % number for number in range(50_000))
    packed = compress(data) + compress(b"more\n")  # type: ignore[operator]
    path = tmp_path / "a"
    path.write_bytes(packed)
    found = all_lines([source_of(path, compression=compression)])
    assert len(found) == 50_001 or found[-1][1] == b""
    assert b"".join(line + b"\n" for _, line in found if line) == data + b"more\n"
    path.write_bytes(packed[: len(packed) // 2])
    seen: list[bytes] = []
    with pytest.raises(CutShortError):
        seen.extend(
            line for _, part in cut_lines(source_of(path, compression=compression), LocalFiles()) for line in part
        )
    assert data.startswith(b"\n".join(seen[:-1]))


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    """A mark at the start of a file belongs to no line."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbffirst\nsecond")
    assert [line for _, line in all_lines([source_of(path)])] == [b"first", b"second"]
