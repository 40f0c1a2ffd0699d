"""White space inside the strings of a tokenizer's rules, wherever they occur in a text."""

from __future__ import annotations

import random

import numpy as np
import pytest

from nspdata.tokenization.fast.tokenizer import glued_places, spaced_rules

RULES = ["a b", "b a", "a b. c", "ab c", "c\u00a0a", "a  b", "b. c", "abc", " a b", "\U0001d15e \U0001d15e"]


def found_plainly(text: str) -> list[int]:
    """Every place of every rule that holds white space inside only."""
    places = set[int]()
    for rule in RULES:
        if len(rule.split()) > 1 and rule == rule.strip():
            starts = [at for at in range(len(text)) if text.startswith(rule, at)]
            places |= {at + index for at in starts for index, letter in enumerate(rule) if letter.isspace()}
    return sorted(places)


@pytest.mark.parametrize("alphabet", ["ab ", "abc. ", "abc \u00a0.\U0001d15e"])
def test_places_are_those_of_all_strings(alphabet: str) -> None:
    """Also where strings overlap, and at both ends of the text."""
    source = random.Random(alphabet)
    for _ in range(1000):
        text = "".join(source.choice(alphabet) for _ in range(source.randrange(30)))
        codes = np.array([ord(letter) for letter in text], np.uint32)
        assert glued_places(text, codes, spaced_rules(RULES)).tolist() == [*found_plainly(text), 1 << 60], text


def test_without_such_rules_there_are_none() -> None:
    assert glued_places("a b", np.array([97, 32, 98], np.uint32), spaced_rules(["abc", " a"])).tolist() == [1 << 60]
