"""Inputs name files, directories and globs; each file is read once, and its name does not depend on its location."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from nspdata.config.input import InputConfig
from nspdata.errors import InputError
from nspdata.files.any import AnyFiles
from nspdata.files.local import LocalFiles
from nspdata.reading import Source, expand_inputs, split_sources
from nspdata.reading.inputs import _full_paths, _names
from tests.reading.formats import jsonl

LINE = jsonl([("a", "Some text.")])


def plant(directory: Path, *names: str) -> Path:
    """Creates files of one line each."""
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(LINE)
    return directory


def names(*inputs: Path | str, input_format: str = "auto") -> list[str]:
    return [
        source.name
        for source in expand_inputs([str(path) for path in inputs], LocalFiles(), InputConfig(format=input_format))
    ]


def test_a_directory_gives_all_below_it(tmp_path: Path) -> None:
    """Sorted by name; hidden files, descriptions and marks of success are left out."""
    plant(
        tmp_path,
        "b.jsonl",
        "a/c.jsonl.gz",
        "a/.hidden.jsonl",
        ".git/x.jsonl",
        "README.md",
        "LICENSE",
        "_SUCCESS",
        "x.crc",
        "a.jsonl.gz.gzi",
    )
    assert names(tmp_path) == ["a/c.jsonl.gz", "b.jsonl"]


def test_a_glob_gives_what_it_matches(tmp_path: Path) -> None:
    """A glob gives its matches, in subdirectories too."""
    plant(tmp_path, "1.jsonl", "2.jsonl", "a/3.jsonl", "a/b/4.jsonl", "5.parquet")
    assert names(tmp_path / "*.jsonl") == ["1.jsonl", "2.jsonl"]
    assert names(tmp_path / "**" / "*.jsonl") == ["1.jsonl", "2.jsonl", "a/3.jsonl", "a/b/4.jsonl"]
    assert names(tmp_path / "[12].jsonl", tmp_path / "5.parquet") == ["1.jsonl", "2.jsonl", "5.parquet"]


def test_a_file_named_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file given by two spellings of its path is read once."""
    plant(tmp_path, "a.jsonl", "b.jsonl")
    monkeypatch.chdir(tmp_path)
    assert names("a.jsonl", tmp_path / "a.jsonl", "./a.jsonl", tmp_path, "*.jsonl") == ["a.jsonl", "b.jsonl"]


def test_names_do_not_say_where_the_input_lies(tmp_path: Path) -> None:
    """A name begins below the deepest directory that all share; the order of the arguments makes no difference."""
    for place in ("one", "two/deeper"):
        plant(tmp_path / place, "x/a.jsonl", "y/b.jsonl")
    for place in ("one", "two/deeper"):
        inputs = [tmp_path / place / "x", tmp_path / place / "y" / "b.jsonl"]
        assert names(*inputs) == names(*reversed(inputs)) == ["x/a.jsonl", "y/b.jsonl"]
    assert names(tmp_path / "one" / "x" / "a.jsonl") == ["a.jsonl"]


def test_a_file_of_a_strange_name_is_read_when_it_is_named(tmp_path: Path) -> None:
    """Brackets in a path are no pattern where there is such a file, and a README is a text if it is asked for."""
    plant(tmp_path, "a[1].jsonl", "README.txt", ".hidden.jsonl")
    assert names(tmp_path / "a[1].jsonl") == ["a[1].jsonl"]
    assert names(tmp_path / "README.txt") == ["README.txt"]
    assert names(tmp_path / ".hidden.jsonl") == [".hidden.jsonl"]


def test_the_format_goes_by_suffix_or_as_it_is_given(tmp_path: Path) -> None:
    """The format is the given one, or follows from the suffix (any case, compression suffix after it)."""
    suffixes = {
        ".jsonl": ("jsonl", ""),
        ".JSONLINES.GZ": ("jsonl", "gzip"),
        ".ndjson.bz2": ("jsonl", "bzip2"),
        ".parquet": ("parquet", ""),
        ".pq": ("parquet", ""),
        ".jsonl.xz": ("jsonl", "xz"),
        ".jsonl.bgz": ("jsonl", "gzip"),
        ".arrow.zst": ("arrow", "zstd"),
        ".csv": ("csv", ""),
        ".tsv": ("tsv", ""),
        ".txt": ("text_document", ""),
    }
    for suffix, expected in suffixes.items():
        path = tmp_path / f"a{suffix}"
        path.write_bytes(LINE if expected[0] == "jsonl" and not expected[1] else b"")
        (source,) = expand_inputs([str(path)], LocalFiles())
        assert (source.format, source.compression) == expected
    path = plant(tmp_path, "a.unknown.gz") / "a.unknown.gz"
    (source,) = expand_inputs([str(path)], LocalFiles(), InputConfig(format="text_line"))
    assert (source.format, source.compression) == ("text_line", "gzip")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("nothing/*.jsonl", "matches no file"),
        ("absent.jsonl", "matches no file"),
        ("empty", "the directory is empty"),
        ("a.pdf", "unknown suffix '.pdf'.*--input-format"),
        ("a.gz", "unknown suffix"),
        ("described", "contains no document files"),
    ],
)
def test_an_input_that_cannot_be_used_is_reported(pattern: str, message: str, tmp_path: Path) -> None:
    """An unusable input is an error with a remedy, before any work."""
    plant(tmp_path, "good.jsonl", "described/README.md")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"some words"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        names(tmp_path / "good.jsonl", tmp_path / pattern)


def test_a_broken_saved_dataset_is_reported(tmp_path: Path) -> None:
    """A missing file, rows that are selected by indices, and a directory that is no dataset at all."""
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict({"text": ["a", "b", "c"]})
    data.save_to_disk(str(tmp_path / "selected"))
    state = tmp_path / "selected" / "state.json"
    described = {**json.loads(state.read_text()), "_indices_data_files": [{"filename": "indices.arrow"}]}
    state.write_text(json.dumps(described))
    with pytest.raises(InputError, match="flatten_indices"):
        names(tmp_path / "selected")
    data.save_to_disk(str(tmp_path / "saved"))
    next((tmp_path / "saved").glob("*.arrow")).unlink()
    with pytest.raises(InputError, match="missing"):
        names(tmp_path / "saved")
    with pytest.raises(InputError, match=r"state\.json"):
        names(plant(tmp_path / "plain", "a.arrow"), input_format="dataset")


def test_large_files_of_lines_are_cut_into_fixed_ranges() -> None:
    """Uncompressed lines only; the ranges cover the file without a gap, the last to its end."""

    def source(kind: str, compression: str = "") -> Source:
        return Source(path="a", name="a", format=kind, compression=compression, size_bytes=1000)

    cut = split_sources([source("jsonl")], range_bytes=300)
    assert [(part.start, part.end) for part in cut] == [(0, 300), (300, 600), (600, 900), (900, None)]
    whole = [
        source("jsonl", "gzip"),
        source("parquet"),
        source("csv"),
        source("text_sentence"),
        source("text_document"),
    ]
    assert split_sources(whole, range_bytes=300) == whole


def test_names_are_cut_at_whole_directories(tmp_path: Path) -> None:
    """Directories that begin with the same letters keep their names; a file beside them ends the common directory."""
    plant(tmp_path, "part-00/a.x.jsonl", "part-01/a.x.jsonl", "part-01/.hidden/b.jsonl", "part-01/README.md")
    assert names(tmp_path) == ["part-00/a.x.jsonl", "part-01/a.x.jsonl"]
    assert names(tmp_path / "part-00", tmp_path / "part-01" / ".." / "part-01") == names(tmp_path)
    plant(tmp_path, "part-01/.hidden/c.tar.JSONL", "z.jsonl")
    assert names(tmp_path / "part-01" / ".hidden") == ["b.jsonl", "c.tar.JSONL"]
    assert names(tmp_path) == ["part-00/a.x.jsonl", "part-01/a.x.jsonl", "z.jsonl"]


def test_the_names_of_two_stores_begin_with_their_schemes(tmp_path: Path) -> None:
    """Each scheme has its own common directory; names of local files have no scheme."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    plant(tmp_path, "a/1.jsonl", "b/1.jsonl")
    memory.pipe("/two-schemes/deep/1.jsonl", LINE)
    memory.pipe("/two-schemes.jsonl", LINE)
    try:
        both = expand_inputs(["memory://two-schemes.jsonl", "memory://two-schemes"], AnyFiles())
        assert [source.name for source in both] == ["two-schemes.jsonl", "two-schemes/deep/1.jsonl"]
        sources = expand_inputs([str(tmp_path), "memory://two-schemes"], AnyFiles())
        assert [source.name for source in sources] == ["a/1.jsonl", "b/1.jsonl", "memory://1.jsonl"]
        assert [source.format for source in sources] == ["jsonl"] * 3
    finally:
        memory.rm("/two-schemes", recursive=True)
        memory.rm("/two-schemes.jsonl")


def test_names_in_the_root_of_the_disk() -> None:
    """A file in the root directory, and one further below."""
    full = _full_paths(["/a.jsonl", "/b/../c/d.jsonl", "/.."])
    assert full == ["://a.jsonl", "://c/d.jsonl", "://"]
    assert _names(full[:2]) == ["a.jsonl", "c/d.jsonl"]
