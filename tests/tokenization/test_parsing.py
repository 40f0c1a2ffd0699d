"""Patterns that ignore case: their sets hold what `re` matches."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nspdata.tokenization.fast.alphabet import set_of
from nspdata.tokenization.fast.parsing import UnknownPatternError, parsed

EVERY = [chr(code) for code in range(0x110000)]


@pytest.mark.parametrize(
    "one",
    [
        "k",
        "ſ",
        "ß",
        "µ",
        "İ",
        "ı",
        "ǅ",
        "-",
        "\U00010428",
        "[^k]",
        "[a-zéσ]",
        r"[\wK]",
        r"[^\dÀ-ÿ]",
        "[\U00010400-\U00010410-]",
    ],
)
def test_a_set_that_ignores_case_holds_what_re_matches(one: str) -> None:
    """All of Unicode, character by character."""
    pattern = re.compile(one, re.IGNORECASE)
    ((operation, value),) = parsed(pattern)
    found = set_of(operation, value)
    assert found
    assert found.holds(np.arange(0x110000)).tolist() == [pattern.match(character) is not None for character in EVERY]


def test_sets_in_all_parts_of_a_pattern_are_replaced() -> None:
    """Groups, repeats, alternatives and assertions."""
    parts = parsed(re.compile(r"(?i)(?:a|bc){2}(?<=d)(?!e)"))
    assert "LITERAL" not in repr(parts)


@pytest.mark.parametrize("pattern", ["(?a)a", "(?ia)a", r"(?i)(a)\1"])
def test_a_pattern_of_another_kind_is_refused(pattern: str) -> None:
    with pytest.raises(UnknownPatternError):
        parsed(re.compile(pattern))
