"""A directory as a user of the Python interface has it: a corpus, a tokenizer, a dataset, a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nspdata
from tests.building.corpus import records, write_jsonl


@pytest.fixture(scope="session")
def corpus() -> list[dict[str, str]]:
    """The records of the corpus."""
    return records()[:40]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory, corpus: list[dict[str, str]]) -> Path:
    """`corpus.jsonl`, `tokenizer/` and `data/`."""
    directory = tmp_path_factory.mktemp("workplace")
    write_jsonl(directory / "corpus.jsonl", corpus)
    tokenizer = nspdata.train_tokenizer(directory / "corpus.jsonl", directory / "tokenizer", vocab_size=2000)
    nspdata.build(directory / "corpus.jsonl", directory / "data", tokenizer=tokenizer, seed=1, workers=1)
    return directory


@pytest.fixture
def inside(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the current directory."""
    monkeypatch.chdir(workplace)
    return workplace


def shard_digests(dataset: nspdata.Dataset) -> list[str]:
    """The sha256 of each shard."""
    return [entry.sha256 for _, entries in sorted(dataset.manifest.splits.items()) for entry in entries]


def as_lines(records: list[dict[str, str]]) -> bytes:
    """The records as the staged file has them."""
    return b"".join(
        json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for record in records
    )
