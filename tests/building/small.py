"""A corpus of a few kilobytes over sixteen words, for tests that build many times."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path

WORDS = [
    "the",
    "old",
    "man",
    "and",
    "sea",
    "went",
    "up",
    "a",
    "hill",
    "with",
    "one",
    "red",
    "dog",
    "near",
    "two",
    "trees",
]


def small_lines(names: Iterable[str], draw: random.Random) -> str:
    """JSON lines: one document of six sentences per name."""
    records = [
        {"id": name, "text": ". ".join(" ".join(draw.sample(WORDS, 5)) for _ in range(6)) + "."} for name in names
    ]
    return "".join(json.dumps(record) + "\n" for record in records)


def write_small_vocabulary(path: Path) -> Path:
    """Writes a vocabulary of the words; returns its path."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *WORDS]
    path.write_text("".join(f"{token}\n" for token in tokens))
    return path
