"""The part of spaCy's own tokenizer that sentence splitting needs."""

from __future__ import annotations

import re
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

LONGEST_SUFFIX = 48
"""Longest suffix, in characters, for which the search from the end is used."""


def bare_tokenizer(tokenizer: Any, *, with_rules: bool = True) -> Any:
    """The same tokenizer over words without lexical attributes: the sentencizer uses only attributes that follow from the characters."""
    from spacy.tokenizer import Tokenizer
    from spacy.vocab import Vocab

    kept = ("rules", "prefix_search", "infix_finditer", "token_match", "url_match", "faster_heuristics")
    settings = {name: getattr(tokenizer, name) for name in kept if with_rules or name != "rules"}
    return Tokenizer(Vocab(lex_attr_getters={}), suffix_search=from_the_end_of(tokenizer.suffix_search), **settings)


def from_the_end_of(search: Any) -> Any:
    """The same search for a suffix, started at the longest possible match before the end; or the original search if no bound is known.

    spaCy's pattern is a list of alternatives that end with `$`, most of a known greatest length. It tries all of them at each
    position, again after each suffix, so a chunk without spaces, as in Japanese, costs the square of its length.
    """
    pattern = getattr(getattr(search, "__self__", None), "pattern", "")
    if not pattern.endswith("$"):
        return search
    alternatives = set(re.split(r"(?<!\\)\$\|", pattern[:-1]))
    dots = {r"\.\.+"}
    try:
        reach = max(_parser.parse(alternative).getwidth()[1] for alternative in alternatives - dots)
    except (re.error, ValueError):
        return search
    if reach > LONGEST_SUFFIX:
        return search

    def from_the_end(text: str) -> Any:
        start = len(text) - reach
        if start <= 0:
            return search(text)
        while start and text[start - 1] == ".":
            start -= 1
        return search(text, start)

    return from_the_end


def spaced_rules(strings: Iterable[str]) -> dict[str, list[str]]:
    """The strings of a tokenizer's rules that hold white space inside, by their first three characters."""
    rules: dict[str, list[str]] = {}
    for rule in strings:
        if len(rule.split()) > 1 and rule == rule.strip():
            rules.setdefault(rule[:3], []).append(rule)
    return rules


def glued_places(text: str, spaced: dict[str, list[str]]) -> NDArray[np.int64]:
    """Positions of white space inside such a string: sorted indices, and one sentinel past the end."""
    places = set()
    for rule in (rule for head, rules in spaced.items() if head in text for rule in rules):
        at = text.find(rule)
        while at >= 0:
            places |= {at + index for index, character in enumerate(rule) if character.isspace()}
            at = text.find(rule, at + 1)
    return np.array([*sorted(places), 1 << 60], np.int64)
