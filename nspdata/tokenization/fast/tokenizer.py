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


def spaced_rules(strings: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
    """The strings of a tokenizer's rules that hold white space inside, by the first such character and its neighbors.

    Returns:
        Each string with the place of that character in it.
    """
    rules: dict[str, list[tuple[str, int]]] = {}
    for rule in strings:
        if len(rule.split()) > 1 and rule == rule.strip():
            place = next(index for index, character in enumerate(rule) if character.isspace())
            rules.setdefault(rule[place - 1 : place + 2], []).append((rule, place))
    return rules


def glued_places(text: str, codes: NDArray[np.uint32], spaced: dict[str, list[tuple[str, int]]]) -> NDArray[np.int64]:
    """Positions of white space inside such a string: sorted indices, and one sentinel past the end.

    Args:
        text: the text.
        codes: its code points.
        spaced: see `spaced_rules`.

    >>> text = "и т. д. и т. п."
    >>> glued_places(text, np.array([ord(character) for character in text]), spaced_rules(["и т. п.", "т. д."]))[:-1]
    array([ 4,  9, 12])
    """
    if not spaced:
        return np.array([1 << 60], np.int64)
    found = 1 + np.flatnonzero(_are_one_of(codes[1:-1], {key[1] for key in spaced}))
    found = found[_are_one_of(codes[found - 1], {key[0] for key in spaced})]
    around = codes[found - 1].astype(np.int64) << 32 | codes[found + 1]
    found = found[np.isin(around, [ord(key[0]) << 32 | ord(key[2]) for key in spaced])]
    places = set()
    for at in found.tolist():
        for rule, place in spaced.get(text[at - 1 : at + 2], ()):
            if at >= place and text.startswith(rule, at - place):
                places |= {at - place + index for index, character in enumerate(rule) if character.isspace()}
    return np.array([*sorted(places), 1 << 60], np.int64)


def _are_one_of(codes: NDArray[np.uint32], characters: Iterable[str]) -> NDArray[np.bool_]:
    """Whether each code point is one of a few characters; `np.isin` takes ten times as long."""
    found: NDArray[np.bool_] = np.logical_or.reduce([codes == ord(character) for character in characters])
    return found
