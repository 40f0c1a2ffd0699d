r"""Which characters a tokenizer's patterns cannot tell apart.

A regular expression sees a character only through its sets (`a`, `[0-9]`, `\w`): two characters that are in the same sets give
the same matches at the same places. Most sets of spaCy's patterns are in alternatives that only match in chunks with some rare
character. The sets of an alternative are a *group*, and what a chunk must hold for the alternative to match is the group's
`Guard`. In a chunk that lacks it, the sets of the group make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from re import _constants  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.tokenization.fast.parsing import REPEATS, UnknownPatternError, parsed, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

PATTERNS = ("prefix_search", "suffix_search", "infix_finditer", "token_match", "url_match")
"""The attributes of spaCy's tokenizer that are methods of patterns."""

LARGE_SET = 1000
"""Sets of more characters are not listed; they hold letters."""

LETTER_COST = 1000.0

CATEGORIES = {
    _constants.CATEGORY_DIGIT: (r"\d", False),
    _constants.CATEGORY_NOT_DIGIT: (r"\d", True),
    _constants.CATEGORY_SPACE: (r"\s", False),
    _constants.CATEGORY_NOT_SPACE: (r"\s", True),
    _constants.CATEGORY_WORD: (r"\w", False),
    _constants.CATEGORY_NOT_WORD: (r"\w", True),
}


@dataclass(frozen=True)
class CharacterSet:
    """A set of a pattern.

    Attributes:
        ranges: first and last code points.
        categories: as pattern and whether it is negated.
        negated: whether it is the complement of these.
    """

    ranges: tuple[tuple[int, int], ...] = ()
    categories: tuple[tuple[str, bool], ...] = ()
    negated: bool = False

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """Code points at which membership in the set changes: starts and ends of the ranges, in turn.

        >>> CharacterSet(((97, 99), (98, 101), (102, 102), (48, 57))).edges.tolist()
        [48, 58, 97, 103]
        """
        edges: list[int] = []
        for first, last in sorted(self.ranges):
            if edges and first <= edges[-1]:
                edges[-1] = max(edges[-1], last + 1)
            else:
                edges += [first, last + 1]
        return np.array(edges, np.int64)

    def holds(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each code point is in the set."""
        found = (np.searchsorted(self.edges, codes, side="right") & 1).astype(np.bool_)
        for pattern, negated in self.categories:
            matches = re.compile(pattern).match
            found |= np.array([(matches(chr(code)) is None) == negated for code in codes.tolist()], np.bool_)
        return found ^ self.negated

    @property
    def characters(self) -> str | None:
        """The characters, or None if there are many."""
        if self.categories or self.negated or sum(last - first + 1 for first, last in self.ranges) > LARGE_SET:
            return None
        return "".join(chr(code) for first, last in self.ranges for code in range(first, last + 1))

    @property
    def cost(self) -> float:
        """How often a chunk holds one of the characters, in order of size: letters are in most chunks, digits in many."""
        characters = self.characters
        if characters is None:
            return LETTER_COST
        return sum(LETTER_COST if character.isalpha() else character.isdigit() + 1.0 for character in characters)

    def separates(self) -> bool:
        """Whether it may separate two letters, digits or marks."""
        return self.characters is None or any(map(collapses, self.characters))


@dataclass(frozen=True, slots=True)
class Guard:
    """What a chunk must hold: `times` characters of `one`; or, with `two`, one of `one` and right after it one of `two`."""

    one: CharacterSet
    times: int = 1
    two: CharacterSet | None = None

    def is_rare(self) -> bool:
        """Whether many chunks do not hold it: a single letter is in most."""
        return self.two is not None or self.one.cost < LETTER_COST

    @property
    def cost(self) -> float:
        """See `CharacterSet.cost`; a pair is rarer than its parts."""
        return min(self.one.cost, self.two.cost) / 2 if self.two else self.one.cost / self.times


def collapses(character: str) -> bool:
    """Whether a character may be treated as another: only letters, digits and marks; all others stand for themselves."""
    return unicodedata.category(character)[0] in "LNM"


Guards = frozenset[Guard]
"""What a chunk must hold, all of it."""


def groups_of(tokenizer: Any) -> dict[Guards, list[CharacterSet]] | None:
    """The sets of a tokenizer's patterns that separate letters or digits, by guards; None if a pattern is of another kind."""
    groups: dict[Guards, dict[CharacterSet, None]] = {}
    try:
        for name in PATTERNS:
            method = getattr(tokenizer, name)
            pattern = getattr(method, "__self__", None)
            if method is None:
                continue
            if not isinstance(pattern, re.Pattern):
                return None
            _collect(list(parsed(pattern)), frozenset(), groups)
    except UnknownPatternError:
        return None
    return {guards: list(sets) for guards, sets in groups.items()}


def _collect(items: Sequence[tuple[Any, Any]], guards: Guards, groups: dict[Guards, dict[CharacterSet, None]]) -> None:
    """Adds the sets of a sequence and of all in it, under the guards around it and the rarest of its own."""
    own = [guard for guard in _guards(items) if guard.is_rare()]
    guards |= {*sorted(own, key=lambda guard: guard.cost)[:1]}
    for operation, value in items:
        if found := set_of(operation, value):
            if found.separates():
                groups.setdefault(guards, {})[found] = None
        elif operation is _constants.AT and value in {_constants.AT_BOUNDARY, _constants.AT_NON_BOUNDARY}:
            groups.setdefault(guards, {})[CharacterSet(categories=((r"\w", False),))] = None
        for part in parts_of(operation, value):
            _collect(list(part), guards, groups)


def set_of(operation: Any, value: Any) -> CharacterSet | None:
    """The set of an operation that matches one character, or None."""
    if operation is _constants.LITERAL:
        return CharacterSet(ranges=((value, value),))
    if operation is _constants.NOT_LITERAL:
        return CharacterSet(ranges=((value, value),), negated=True)
    if operation is not _constants.IN:
        return None
    ranges = [(item, item) for kind, item in value if kind is _constants.LITERAL]
    ranges += [item for kind, item in value if kind is _constants.RANGE]
    categories = [CATEGORIES[item] for kind, item in value if kind is _constants.CATEGORY]
    negated = any(kind is _constants.NEGATE for kind, _ in value)
    return CharacterSet(tuple(sorted(ranges)), tuple(sorted(categories)), negated)


def _guards(items: Sequence[tuple[Any, Any]]) -> list[Guard]:
    """Returns what a chunk must contain for this sequence to match."""
    found = [Guard(one, times) for one, times in _needed(items).items()]
    for index, (operation, value) in enumerate(items):
        if operation is not _constants.ASSERT:
            continue
        found += [Guard(one, times) for one, times in _needed(value[1]).items()]
        before = list(value[1])
        if value[0] < 0 and len(before) == 1 and index + 1 < len(items):
            one, two = _first(before), _first(items[index + 1 :])
            if one and two:
                found.append(Guard(one, two=two))
    return found


def _needed(items: Iterable[tuple[Any, Any]]) -> Counter[CharacterSet]:
    """How many characters of which sets a match of this sequence consumes at least."""
    total: Counter[CharacterSet] = Counter()
    for operation, value in items:
        found = set_of(operation, value)
        if found and found.characters is not None:
            total[found] += 1
        elif operation is _constants.BRANCH:
            every = [_needed(part) for part in value[1]]
            common = {one: min(part[one] for part in every) for one in every[0] if all(one in part for part in every)}
            first = None if common else _first([(operation, value)])
            total.update(common or ({first: 1} if first else {}))
        elif operation is _constants.SUBPATTERN:
            total.update(_needed(value[3]))
        elif operation in REPEATS and value[0]:
            total.update({one: times * value[0] for one, times in _needed(value[2]).items()})
    return total


def _first(items: Sequence[tuple[Any, Any]]) -> CharacterSet | None:
    """The set of the first character of a match, or None if it is not known to be a short list."""
    if not items:
        return None
    operation, value = items[0]
    if found := set_of(operation, value):
        return found if found.characters is not None else None
    if operation is _constants.SUBPATTERN:
        return _first(list(value[3]))
    if operation in REPEATS and value[0]:
        return _first(list(value[2]))
    if operation is _constants.BRANCH:
        parts = [_first(list(part)) for part in value[1]]
        known = [part for part in parts if part]
        if len(known) == len(parts):
            return CharacterSet(tuple(sorted({place for part in known for place in part.ranges})))
    return None
