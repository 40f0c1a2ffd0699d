"""Units of work: the warning about a file that one worker must read alone."""

from __future__ import annotations

import pytest

from nspdata.reading import Source
from nspdata.reading.units import make_units, slow_file


def source(name: str, megabytes: int) -> Source:
    """A file of this size; its suffix is its compression or its format."""
    compressed = name.endswith(".gz")
    kind = "parquet" if name.endswith(".parquet") else "jsonl"
    compression = "gzip" if compressed else ""
    return Source(path=name, name=name, format=kind, compression=compression, size_bytes=megabytes * 1_000_000)


def test_one_compressed_file_is_named_with_the_remedy() -> None:
    """Two workers: one of them has nothing to do."""
    assert slow_file(make_units([source("a.jsonl.gz", 50), source("b.jsonl", 50)]), num_workers=2) == (
        "a.jsonl.gz, about 150 MB of text and 75% of the input, because ranges of a gzip file cannot be "
        "read; to use more workers, decompress it or divide it into files of about 64 MB"
    )


def test_a_columnar_file_need_not_be_decompressed() -> None:
    """The remedy is to divide it."""
    warning = slow_file(make_units([source("a.parquet", 50)]), num_workers=2)
    assert "ranges of a parquet file cannot be read; to use more workers, divide it into files" in warning


@pytest.mark.parametrize(
    ("sizes", "num_workers", "warned"),
    [
        ([50], 1, False),  # there is only one worker
        ([20], 2, False),  # it takes seconds
        ([50] * 4, 4, False),  # each has its share
        ([50] * 4, 5, True),
        ([300], 0, False),  # on a runner: from 1 GiB on
        ([400], 0, True),
    ],
)
def test_files_that_keep_no_worker_waiting_are_not_named(sizes: list[int], num_workers: int, *, warned: bool) -> None:
    """Compressed files of these sizes, MB, and so many workers."""
    units = make_units([source(f"{number}.jsonl.gz", size) for number, size in enumerate(sizes)])
    assert bool(slow_file(units, num_workers)) == warned


def test_files_of_lines_are_divided() -> None:
    """However large they are; no input at all is no problem either."""
    assert slow_file(make_units([source("a.jsonl", 9000)]), num_workers=64) == slow_file([], num_workers=2) == ""
