"""Units of work: the warning about a file that one worker must read alone."""

from __future__ import annotations

from nspdata.reading import Source
from nspdata.reading.units import make_units, slow_file


def source(name: str, megabytes: int) -> Source:
    """A file of this size; its suffix is its compression or its format."""
    compressed = name.endswith(".gz")
    kind = "parquet" if name.endswith(".parquet") else "jsonl"
    compression = "gzip" if compressed else ""
    return Source(path=name, name=name, format=kind, compression=compression, size_bytes=megabytes * 1_000_000)


def test_a_huge_compressed_file_is_named_with_the_remedy() -> None:
    """Reading it takes minutes, and no other worker can help."""
    assert slow_file(make_units([source("a.jsonl.gz", 6_000), source("b.jsonl.gz", 50)])) == (
        "a.jsonl.gz, about 18 GB of text, because ranges of a gzip file cannot be read; that takes a minute or more per 10 GB, "
        "so divide it into files of about 1 GB or compress it with bgzip to use many workers"
    )
    assert "ranges of a parquet file cannot be read" in slow_file(make_units([source("a.parquet", 6_000)]))


def test_other_files_are_not_named() -> None:
    """Files of lines, however large they are, and compressed ones that are read in less than minutes; nor no input at all."""
    assert slow_file(make_units([source("a.jsonl", 90_000)])) == slow_file([]) == ""
    assert slow_file(make_units([source("a.jsonl.gz", 1_000), source("b.jsonl.gz", 1_000)])) == ""
