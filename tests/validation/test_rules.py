"""The rules themselves: every one of them has been seen to catch damage, and every one is explained."""

from __future__ import annotations

import runpy
from pathlib import Path

from nspdata.validation import RULES
from tests.validation import test_damaged_files, test_damaged_rows, test_damaged_source, test_other_sources

DOCS = Path(__file__).parents[2] / "docs"


def test_every_law_catches_some_damage() -> None:
    """There is no rule that no test breaks, and no damage under a name that is no rule."""
    broken = {rule for rule, _ in test_damaged_files.DAMAGES.values()}
    broken |= {rule for _, rule, _ in [*test_damaged_rows.DAMAGES.values(), *test_damaged_source.DAMAGES.values()]}
    broken |= {rule for rules, _ in test_other_sources.SOURCES.values() for rule in rules}
    elsewhere = {"encoder", "word_starts"}  # in test_workers.py and tests/building/test_chinese_words.py
    assert broken == set(RULES) - elsewhere


def test_every_law_is_documented() -> None:
    """The page on validation is what its generator gives: it names every rule, in words."""
    generator = runpy.run_path(str(DOCS / "generate_rules.py"))
    text = (DOCS / "validation.md").read_text(encoding="utf-8")
    assert generator["page"](text) == text, "run python docs/generate_rules.py"
