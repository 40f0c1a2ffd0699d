"""Compressed files of which ranges can be read: the ranges give the documents of the whole file, wherever it is cut."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.config.input import InputConfig
from nspdata.errors import InputError
from nspdata.files.local import LocalFiles
from nspdata.reading import Source, expand_inputs, read_source, seek_points, split_sources
from nspdata.reading.content import BLOCK_BYTES, WatchedFiles, content_of, hexadecimal
from tests.reading.formats import Found, read
from tests.reading.frames import bgzf, seekable_zstd, zstd

SOURCE = Source(path="", name="a.jsonl", format="jsonl", size_bytes=0)

SUFFIX = {"bgzf": ".gz", "bgzf with an index": ".gz"}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of any size have seek points, at each block or frame."""
    monkeypatch.setattr(seek_points, "LEAST_UNIT_BYTES", 0)
    monkeypatch.setattr(seek_points, "POINT_BYTES", 1)


def write(directory: Path, kind: str, parts: list[bytes], *, stem: str = "a.jsonl") -> Path:
    """A compressed file of these parts, of a kind of which ranges can be read."""
    path = directory / (stem + SUFFIX.get(kind, ".zst"))
    if kind.startswith("bgzf"):
        data, index = bgzf(parts)
        if "index" in kind:
            path.with_name(path.name + ".gzi").write_bytes(index)
    else:
        data = {
            "frames": lambda: zstd(parts),
            "frames with checksums": lambda: zstd(parts, checksums=True, skipped=True),
            "seek table": lambda: seekable_zstd(parts),
            "seek table with checksums": lambda: seekable_zstd(parts, checksums=True),
        }[kind]()
    path.write_bytes(data)
    return path


KINDS = [*SUFFIX, "frames", "frames with checksums", "seek table", "seek table with checksums"]


def lines_of(count: int) -> bytes:
    """Records without an id: they are identified by their offset; some lines are long, some broken, some blank."""
    line = ['{{"text": "Number {0}."}}\n', '{{"text": "' + "Long {0}. " * 30 + '"}}\n', "{{broken {0}\n", "\n"]
    return "".join(line[(n * n) % 7 % 4].format(n) for n in range(count)).encode()


def sources_of(path: Path, *, range_bytes: int = 1) -> list[Source]:
    """The ranges of a file; by default as many as it allows."""
    return split_sources(expand_inputs([str(path)], LocalFiles()), range_bytes=range_bytes)


def same(found: Found, expected: Found) -> bool:
    """Whether documents with their ids and rejected records are equal."""
    return (found.documents, found.rejected) == (expected.documents, expected.rejected)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_divided(tmp_path: Path, kind: str) -> None:
    """Into a range for each block or frame with text; the documents, ids and rejected records are those of the plain file."""
    data = lines_of(400)
    parts = [data[place : place + 777] for place in range(0, len(data), 777)]
    (tmp_path / "plain").mkdir()
    plain = tmp_path / "plain" / "a.jsonl"
    plain.write_bytes(data)
    path = write(tmp_path, kind, parts)
    found, expected = read(path, range_bytes=1), read(plain)
    named = [(key.replace(path.name, plain.name), text) for key, text in found.documents]
    assert named == expected.documents
    assert [(r.position, r.reason, r.excerpt) for r in found.rejected] == [
        (r.position, r.reason, r.excerpt) for r in expected.rejected
    ]
    assert len(sources_of(path)) - len(parts) in {
        0,
        1,
    }  # the end of bgzf, and a seek table, may be a range without text
    assert all(source.can_be_split for source in sources_of(path))


@given(
    sizes=st.lists(st.integers(0, 90), min_size=1, max_size=12),
    range_bytes=st.integers(1, 200),
    kind=st.sampled_from(KINDS),
)
def test_any_cuts_give_each_document_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], range_bytes: int, kind: str
) -> None:
    """Blocks may be empty, end with a line or within one, and be longer or shorter than ranges."""
    data, parts = lines_of(12), []
    for size in sizes:
        parts.append(data[:size])
        data = data[size:]
    path = write(tmp_path_factory.mktemp("cuts"), kind, parts)
    assert same(read(path, range_bytes=range_bytes), read(path))


@pytest.mark.parametrize("kind", ["bgzf", "seek table"])
def test_the_content_hashes_of_ranges_add_up(tmp_path: Path, kind: str) -> None:
    """Ranges begin within the blocks of the content hash, several in one block."""
    words = random.Random(1)
    text = b"".join(b'{"text": "%s"}\n' % words.randbytes(2500).hex().encode() for _ in range(100))
    path = write(tmp_path, kind, [text[place : place + 9000] for place in range(0, len(text), 9000)])
    assert path.stat().st_size > 2 * BLOCK_BYTES
    total = 0
    for source in sources_of(path):
        files = WatchedFiles(LocalFiles(), source)
        for _ in read_source(source, files, InputConfig()):
            pass
        total += files.content()
    assert len(sources_of(path)) > 50
    assert hexadecimal(total % (1 << 128)) == content_of(str(path), LocalFiles())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl.gz", gzip.compress(lines_of(99)) * 2),
        ("a.jsonl.zst", zstd([lines_of(99)])),
        ("a.jsonl.zst", zstd([lines_of(9)] * 9, sizes=False, skipped=True)),
        ("a.jsonl.bz2", bz2.compress(lines_of(99)) * 2),
        ("a.csv.gz", bgzf([b"text\n", b'"a\nb"\n', b"c\n"])[0]),
    ],
    ids=["gzip", "one frame", "frames without sizes", "bzip2", "not lines"],
)
def test_other_files_are_read_whole(tmp_path: Path, name: str, data: bytes) -> None:
    """Formats and files that do not allow ranges."""
    path = tmp_path / name
    path.write_bytes(data)
    (source,) = sources_of(path)
    assert not source.is_range
    assert len(read(path).documents) > 1


def test_what_follows_the_known_part_is_one_range(tmp_path: Path) -> None:
    """Blocks of bgzf, then plain gzip: two programs wrote one file."""
    path = tmp_path / "a.jsonl.gz"
    blocks, _ = bgzf([lines_of(5)] * 3)
    path.write_bytes(blocks + gzip.compress(lines_of(50)))
    assert len(sources_of(path)) == 4  # the empty block at the end of bgzf is with the rest
    assert same(read(path, range_bytes=1), read(path))


def test_an_impossible_seek_table_is_not_used(tmp_path: Path) -> None:
    """It says that it is longer than the file; the frames say their sizes themselves."""
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstd([lines_of(9)] * 2) + struct.pack("<IIIBI", 0x184D2A5E, 9, 1 << 30, 0, 0x8F92EAB1))
    assert len(sources_of(path)) == 3
    assert same(read(path, range_bytes=1), read(path))


@pytest.mark.parametrize("kind", ["bgzf", "frames with checksums"])
def test_damage_is_lost_in_its_own_range_only(tmp_path: Path, kind: str) -> None:
    """The rest of the file is read, and what is lost is reported."""
    parts = [b'{"id": "%d", "text": "Some text of document %d."}\n' % (number, number) for number in range(9)]
    path = write(tmp_path, kind, parts)
    end = sources_of(path)[4].stored_range[1]
    data = bytearray(path.read_bytes())
    data[end - 9] ^= 0xFF
    path.write_bytes(data)
    found = read(path, range_bytes=1)
    assert {"0", "1", "2", "3", "6", "7", "8"} <= {key for key, _ in found.documents} < set("012345678")
    assert {record.reason for record in found.rejected} == {"truncated_file"}


def test_a_file_cut_short_is_reported(tmp_path: Path) -> None:
    """The last range has the error."""
    path = write(tmp_path, "bgzf", [lines_of(9)] * 9)
    path.write_bytes(path.read_bytes()[:-60])
    found = read(path, range_bytes=1)
    assert [record.reason for record in found.rejected][-1] == "truncated_file"


def wrong_index(change: Any) -> bytes:
    """An index of nine blocks with one point changed."""
    index = bytearray(bgzf([lines_of(9)] * 9)[1])
    struct.pack_into("<QQ", index, 8 + 16 * 3, *change(*struct.unpack_from("<QQ", index, 8 + 16 * 3)))
    return bytes(index)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stored, place: (stored + 1, place), "no frame or block begins at byte"),
        (lambda stored, place: (stored, place + 5), r"give \d+ bytes, not"),
    ],
    ids=["a block that begins elsewhere", "another size"],
)
def test_a_wrong_index_stops_the_build(tmp_path: Path, change: Any, message: str) -> None:
    """Never documents cut in two, or twice; the error names the index and what to do."""
    path = write(tmp_path, "bgzf", [lines_of(9)] * 9)
    path.with_name("a.jsonl.gz.gzi").write_bytes(wrong_index(change))
    with pytest.raises(InputError, match=rf"a\.jsonl\.gz\.gzi.*{message}.*remove the index"):
        read(path, range_bytes=1)


def test_an_index_that_is_none_is_not_used(tmp_path: Path) -> None:
    """A file of another length is not an index of `bgzip`: nothing is divided."""
    path = write(tmp_path, "bgzf", [lines_of(9)] * 9)
    path.with_name("a.jsonl.gz.gzi").write_bytes(b"12345678901")
    assert [source.is_range for source in sources_of(path)] == [False]
    assert len(read(path).documents) > 9


@pytest.mark.parametrize("seed", range(200))
def test_damaged_files_are_listed(tmp_path: Path, seed: int) -> None:
    """Whatever bytes are changed, the search for points ends without an error; what it finds lies in the file."""
    chosen = random.Random(seed)
    kind = chosen.choice(KINDS)
    path = write(tmp_path, kind, [lines_of(9)] * 9)
    damaged = path.with_name("a.jsonl.gz.gzi") if "index" in kind else path
    data = bytearray(damaged.read_bytes())
    for _ in range(chosen.randrange(1, 30)):
        data[chosen.randrange(8, len(data))] = chosen.choice([0, 1, 255, chosen.randrange(256)])
    damaged.write_bytes(data[: chosen.choice([len(data), chosen.randrange(8, len(data))])])
    source = dataclasses.replace(SOURCE, path=str(path), size_bytes=path.stat().st_size)
    compression = "gzip" if path.suffix == ".gz" else "zstd"
    (found,) = seek_points.with_seek_points([dataclasses.replace(source, compression=compression)], LocalFiles())
    places = [stored for stored, _ in found.seek_points]
    assert places == sorted(set(places))
    assert all(0 < place < source.size_bytes for place in places)


def test_a_block_of_no_size_ends_the_search(tmp_path: Path) -> None:
    """A header that says that its block has one byte."""
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0\0\0" + bytes(100))
    source = dataclasses.replace(SOURCE, path=str(path), size_bytes=path.stat().st_size, compression="gzip")
    assert seek_points.with_seek_points([source], LocalFiles()) == [source]


def test_only_large_files_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with less than a 64th of the input is not worth a range, and with many files none is opened again."""
    for number in range(65):
        write(tmp_path, "bgzf", [lines_of(9)] * 2, stem=f"{number}.jsonl")
    large = write(tmp_path, "bgzf", [lines_of(99)] * 9)
    sources = expand_inputs([str(tmp_path)], LocalFiles())
    assert [source.name for source in sources if source.seek_points] == [large.name]
    monkeypatch.setattr(seek_points, "LEAST_UNIT_BYTES", 1 << 20)
    assert not any(source.seek_points for source in expand_inputs([str(tmp_path)], LocalFiles()))
