"""Datasets of every kind, built once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.validation.builds import build, settings, write_corpus, write_vocabulary

KINDS = {
    "nsp": ("output.validation_fraction=0.3",),
    "sop": ("pairing.objective=sop",),
    "none": ("pairing.objective=none", "duplicate_factor=2"),
    "nsp sentences": ("pairing.unit=sentences",),
    "sop sentences": ("pairing.objective=sop", "pairing.unit=sentences"),
    "whole_word": ("masking.strategy=whole_word",),
    "span": ("masking.strategy=span",),
    "no mask": ("masking.strategy=none",),
    "twice": ("duplicate_factor=2",),
    "twice sop": ("duplicate_factor=2", "pairing.objective=sop", "output.validation_fraction=0.2"),
    "similar": ("pairing.negatives=similar",),
    "same_document": ("pairing.negatives=same_document",),
    "same_document sentences": ("pairing.negatives=same_document", "pairing.unit=sentences"),
    "one shard": ("output.num_shards=1", "pairing.max_seq_length=16"),
    "overshoot": ("pairing.fill=overshoot",),
    "fit of long sentences": ("sentences.max_tokens=1000",),
    "short sentences": ("sentences.max_tokens=5", "duplicate_factor=2"),
    "long": ("pairing.max_seq_length=300", "pairing.short_seq_prob=0.5"),
}
"""Settings by name: every objective, unit and masking strategy, and what else changes how rows are made."""


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the corpus and the vocabulary."""
    directory = tmp_path_factory.mktemp("validation")
    write_corpus(directory / "in" / "corpus.jsonl")
    write_vocabulary(directory / "vocab.txt")
    return directory


@pytest.fixture(scope="session")
def corpus(place: Path) -> Path:
    """The corpus that every dataset here is built from."""
    return place / "in" / "corpus.jsonl"


@pytest.fixture(scope="session")
def sound(place: Path, corpus: Path) -> Callable[[str], Path]:
    """Gives a dataset by the name of its kind; not to be changed."""

    def get(kind: str) -> Path:
        directory = place / kind
        if not directory.exists():
            build([corpus], directory, place / "vocab.txt", settings(*KINDS[kind]))
        return directory

    return get


@pytest.fixture
def copied(sound: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Gives a copy of a dataset, to be damaged."""

    def get(kind: str) -> Path:
        return Path(shutil.copytree(sound(kind), tmp_path / "data"))

    return get
