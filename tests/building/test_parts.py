"""A file of which ranges cannot be read: one worker reads it, all tokenize it, and the dataset is the same as from one worker."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest

import nspdata
from nspdata.building import parts, tokenize, workers
from nspdata.building.parts import offered, parts_of, take
from nspdata.reading import Source
from nspdata.reading.documents import DocumentBatch
from tests.building.corpus import records, write_jsonl, write_vocabulary

SETTINGS: dict[str, Any] = {
    "num_shards": 3,
    "validation_fraction": 0.1,
    "max_seq_length": 64,
    "seed": 2,
    "progress": False,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A compressed file of up to 1,000 documents with two broken records, and a vocabulary."""
    directory = tmp_path_factory.mktemp("corpus")
    texts = [paragraph for record in records() for paragraph in record["text"].split("\n") if len(paragraph) > 100]
    plain = write_jsonl(
        directory / "plain.jsonl", [{"id": str(n), "text": text} for n, text in enumerate(texts[:1000])]
    )
    lines = plain.read_bytes().splitlines(keepends=True)
    lines[100:100], lines[300:300] = [b"{broken\n"], [b'{"id": "x", "text": 3}\n']
    path = directory / "corpus.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(lines), mtime=0))
    return path, write_vocabulary(directory / "vocab.txt")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of 10 kB are divided into parts of 20,000 characters."""
    monkeypatch.setattr(tokenize, "BATCH_CHARACTERS", 10_000)
    monkeypatch.setattr(parts, "DIVIDED_BYTES", 10_000)
    monkeypatch.setattr(parts, "DIVIDED_JOB_BYTES", 10_000)
    monkeypatch.setattr(parts, "PART_CHARACTERS", 20_000)


def files_of(directory: Path) -> dict[str, str]:
    """The sha256 of every file; the dataset card names the command."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "README.md"
    }


@pytest.fixture(scope="module")
def whole(corpus: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of a build with one worker."""
    output = tmp_path_factory.mktemp("whole") / "data"
    nspdata.build(corpus[0], output, tokenizer=corpus[1], workers=1, **SETTINGS)
    return files_of(output)


@pytest.mark.parametrize(
    ("most", "least_taken"), [(1, 1), (32, 2)], ids=["the reader keeps some parts", "others take all parts"]
)
@pytest.mark.usefixtures("small")
def test_all_workers_tokenize_a_compressed_file(
    corpus: tuple[Path, Path],
    whole: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    least_taken: int,
) -> None:
    """Rejected records, statistics, shards and the record of the input are those of one worker; no part is left."""
    monkeypatch.setattr(parts, "MOST_WAITING", most)
    taken, take_one = [], workers.Workers.take

    def counted(self: workers.Workers, unit: bytes, path: str) -> None:
        taken.append(path)
        take_one(self, unit, path)

    monkeypatch.setattr(workers.Workers, "take", counted)
    nspdata.build(corpus[0], tmp_path / "data", tokenizer=corpus[1], workers=2, **SETTINGS)
    assert files_of(tmp_path / "data") == whole
    assert len(taken) >= least_taken
    assert not any(Path(path).exists() for path in taken)


@pytest.mark.usefixtures("small")
def test_a_runner_divides_it_through_its_shuffle(
    corpus: tuple[Path, Path], whole: dict[str, str], tmp_path: Path
) -> None:
    """The same files from Beam's direct runner."""
    options = ["--runner=DirectRunner", "--direct_running_mode=in_memory"]
    nspdata.build(corpus[0], tmp_path / "data", tokenizer=corpus[1], beam_options=options, **SETTINGS)
    assert files_of(tmp_path / "data") == whole


def batch(characters: int) -> DocumentBatch:
    """One document of this length."""
    return DocumentBatch(ids=[str(characters)], texts=["x" * characters], sentences=None, languages=None)


def test_parts_have_about_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are grouped in order; the last part has the rest."""
    monkeypatch.setattr(parts, "PART_CHARACTERS", 10)
    found = parts_of([("train", batch(size)) for size in (4, 5, 6, 20, 1)])
    assert [[batch.ids[0] for _, batch in part] for part in found] == [["4", "5", "6"], ["20"], ["1"]]


def test_the_reader_keeps_what_nobody_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts wait; the third is kept; after one was taken, the fourth is offered."""
    monkeypatch.setattr(parts, "PART_CHARACTERS", 1)
    monkeypatch.setattr(parts, "MOST_WAITING", 2)
    paths: list[str] = []

    def batches() -> Any:
        for size in (1, 2, 3):
            yield "train", batch(size)
        assert take(paths[0])[0][1].ids == ["1"]
        yield "train", batch(4)

    kept = [found.ids[0] for _, found in offered(batches(), str(tmp_path), paths.append)]
    assert kept == ["3"]
    assert [take(path)[0][1].ids[0] for path in paths[1:]] == ["2", "4"]
    assert not list(tmp_path.iterdir())


def test_a_file_of_one_document_is_not_divided() -> None:
    """There is nothing in it for another worker."""
    source = Source(path="a.txt.gz", name="a.txt.gz", format="text_document", compression="gzip", size_bytes=1 << 30)
    assert not parts.is_divided([source])
    assert parts.is_divided([dataclasses.replace(source, format="text_line")])
