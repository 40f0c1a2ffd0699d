"""Documentation, messages and docstrings are plain English: a short list of words and phrases is not used."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

INSTEAD = {
    r"anew": "again",
    r"mend(s|ed|ing)?": "fix",
    r"is well": "is ignored, is valid",
    r"made up for": "the figure itself",
    r"whom": "which documents",
    r"at birth": "when it is created",
    r"(go|goes|going|gone) on (with|where|from|in|at)": "continue, resume",
    r"(for|by|as) a person": "for display",
    r"(lay|lays|laid) down": "write",
    r"(is|are|was|were) told": "is reported",
    r"tells (of|how|what|which|where|whether)": "says",
    r"bears?": "has",
    r"(can|cannot|could) be had": "is available",
    r"had again": "computed again",
    r"sound (range|shape|set)": "usual, valid",
    r"where it stood": "where it stopped",
    r"held to (its|the|their|what|each|this)": "compared with",
    r"by whoever": "by any worker",
    r"so much as": "even",
    r"laws?": "rule",
    r"floors?": "layer",
    r"the house": "the package",
    r"hardly ever": "rarely",
    r"by itself at": "",
    r"nothing of each other": "independent",
    r"what is of": "",
    r"the more so": "",
    r"of nothing": "empty",
    r"one more\.": "adds one element",
    r"stands? beside": "the other files",
    r"let go": "discarded",
    r"lest": "so that ... not",
    r"thereof": "of it",
    r"somebody": "another process",
    r"whoever": "any process",
    r"nobody": "no process",
    r"so it costs no": "has no",
    r"a second try": "a retry",
    r"this very": "this, the same",
    r"turns? \w+('s)? errors into ours": "converts the errors",
    r"in its own words": "",
    r"(nothing|all) that is installed": "installed packages",
    r"an? (hour|row|token|pair|request|object) a": "per",
    r"(predictions|tokens|objects|segments?|sentences?|draws) a (row|word|pair|request|token)": "per",
}
"""Patterns, in any case and as whole words, and what to write instead."""

CHECKED = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "beam_jobs",
    "benchmarks",
    "docs",
    "examples",
    "nspdata/__init__.py",
    "nspdata/api",
    "nspdata/arrays",
    "nspdata/beam.py",
    "nspdata/boundary.py",
    "nspdata/interrupts.py",
    "nspdata/testing.py",
    "nspdata/torch.py",
    "nspdata/building",
    "nspdata/cli",
    "nspdata/config",
    "nspdata/dataset",
    "nspdata/errors.py",
    "nspdata/files",
    "nspdata/inspection",
    "nspdata/instances",
    "nspdata/loading",
    "nspdata/metadata",
    "nspdata/pipelines",
    "nspdata/reading",
    "nspdata/statistics",
    "nspdata/tokenization",
    "nspdata/training",
    "nspdata/validation",
    "tests",
]
"""Files and directories that the list applies to."""

EXCEPT = {"tests/test_words.py", "tests/tokenization/test_cutting.py"}
"""This file, and one with English texts to cut."""

PATTERN = re.compile("|".join(rf"\b(?:{words})\b" for words in INSTEAD), re.IGNORECASE)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page; of a module its comments and its strings, docstrings included."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), start=1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def pages() -> list[Path]:
    """The files to check."""
    found: list[Path] = []
    for name in CHECKED:
        path = ROOT / name
        inside = [entry for entry in path.rglob("*") if entry.suffix in {".py", ".md", ".jinja"}]
        found += inside if path.is_dir() else [path]
    return sorted(path for path in found if str(path.relative_to(ROOT)) not in EXCEPT)


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_plain(path: Path) -> None:
    """No file has a word or phrase of the list."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match[0]!r}"
        for line, text in prose(path)
        for match in PATTERN.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_the_list_finds_what_it_should() -> None:
    """The patterns match in sentences as they were once written, and not inside other words."""
    for text in (
        "a missing path is well",
        "the loader goes on where it stopped",
        "copy the shard anew",
        "mend the input",
    ):
        assert PATTERN.search(text), text
    for text in ("the welded part", "recommend", "a law-abiding".replace("law-", "rule-"), "it bearing", "wholly"):
        assert not PATTERN.search(text), text
