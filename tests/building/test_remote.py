"""Inputs and outputs that only Beam's filesystems reach, and work cut into pieces of other sizes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem

from beam_jobs import build_shards
from nspdata import reading
from nspdata.building import tokenize
from nspdata.errors import InputError
from nspdata.files.any import Places
from nspdata.reading import units
from tests.building.corpus import INAUGURAL, digests, records, write_jsonl, write_vocabulary

ROOT: list[Path] = []


class FarFileSystem(LocalFileSystem):  # type: ignore[misc]
    """The directory `ROOT` under `far://`, as an object store looks to Beam: no directories, whole files."""

    @classmethod
    def scheme(cls) -> str:
        """The scheme of its URLs."""
        return "far"

    def _near(self, path: str) -> str:
        return str(ROOT[-1] / path.removeprefix("far://"))

    def has_dirs(self) -> bool:
        """None."""
        return False

    def match(self, patterns: list[str], limits: list[int] | None = None) -> Any:
        """Files only, under their URLs."""
        results = super().match([self._near(pattern) for pattern in patterns], limits)
        for pattern, result in zip(patterns, results, strict=True):
            result.pattern = pattern
            result.metadata_list = [
                FileMetadata(f"far://{Path(found.path).relative_to(ROOT[-1])}", found.size_in_bytes)
                for found in result.metadata_list
                if Path(found.path).is_file()
            ]
        return results

    def _list(self, path: str) -> Any:
        for found in Path(path).rglob("*") if Path(path).is_dir() else []:
            if found.is_file():
                yield FileMetadata(str(found), found.stat().st_size)

    def open(self, path: str, *arguments: Any, **options: Any) -> Any:
        """Reads a file."""
        return super().open(self._near(path), *arguments, **options)

    def create(self, path: str, *arguments: Any, **options: Any) -> Any:
        """Writes a file; there are no directories to make."""
        Path(self._near(path)).parent.mkdir(parents=True, exist_ok=True)
        return super().create(self._near(path), *arguments, **options)

    def delete(self, paths: list[str]) -> None:
        """Removes files."""
        for path in paths:
            Path(self._near(path)).unlink()


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """What lies behind `far://`."""
    (tmp_path / "far").mkdir()
    ROOT.append(tmp_path / "far")
    return tmp_path / "far"


def build(source: object, output: object, vocabulary: Path) -> None:
    """A build in this process."""
    arguments = ["--input", source, "--output", output, "--tokenizer", vocabulary, "--set", "output.num_shards=2"]
    build_shards.main([*map(str, arguments)])


def test_a_build_from_and_to_an_object_store(far: Path, tmp_path: Path) -> None:
    """Read and written through Beam's filesystems, nothing laid down on the local disk: the same bytes."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    for part in range(3):
        write_jsonl(tmp_path / "in" / f"{part}.jsonl", records()[part::3])
        write_jsonl(far / "bucket" / "in" / f"{part}.jsonl", records()[part::3])
    build(tmp_path / "in", tmp_path / "out", vocabulary)
    build("far://bucket/in/*.jsonl", "far://bucket/out", vocabulary)
    assert digests(far / "bucket" / "out") == digests(tmp_path / "out")


def test_a_url_that_matches_nothing_is_told(far: Path, tmp_path: Path) -> None:
    """As a path that is not there."""
    with pytest.raises(InputError, match=r"far://bucket/\*\.jsonl"):
        build("far://bucket/*.jsonl", tmp_path / "out", write_vocabulary(tmp_path / "vocab.txt"))


def test_places_meet_the_protocol(far: Path, tmp_path: Path) -> None:
    """Near and far, a file is written, matched, opened, and gone when it is deleted."""
    places = Places()
    for root in (str(tmp_path / "near"), "far://bucket"):
        places.write(f"{root}/a/b.txt", b"text")
        assert [(path.rpartition("/")[2], size) for path, size in places.match(root)] == [("b.txt", 4)]
        assert places.exists(f"{root}/a")
        with places.open(f"{root}/a/b.txt") as stream:
            assert stream.read() == b"text"
        places.delete(f"{root}/a")
        assert not places.exists(f"{root}/a/b.txt")
        places.delete(f"{root}/a")


def test_the_sizes_of_pieces_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Units of 50 kB, batches of 3 kB and spills of 5,000 tokens give the bytes of one unit, one batch and one spill."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    build(INAUGURAL, tmp_path / "whole", vocabulary)
    monkeypatch.setattr(units, "LEAST_UNIT_BYTES", 50_000)
    monkeypatch.setattr(units, "UNITS", 1000)
    monkeypatch.setattr(tokenize, "SPILL_TOKENS", 5000)
    monkeypatch.setattr(tokenize, "read_source", partial(reading.read_source, batch_bytes=3000))
    build(INAUGURAL, tmp_path / "pieces", vocabulary)
    assert digests(tmp_path / "pieces") == digests(tmp_path / "whole")
