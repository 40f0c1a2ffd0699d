r"""The patterns of spaCy's tokenizer as programs for `matching`, which finds the same matches in a compiled loop.

A program is what Python's `re` parsed, instruction by instruction, so its alternatives are tried in the same order. It covers
what these patterns use: sets of characters, alternatives, greedy repeats, assertions, and the start and the end of a string.
Back references, flags for a part of a pattern, lazy repeats and repeats of what may be empty are not covered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from re import _constants  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.tokenization.fast.alphabet import CharacterSet, set_of
from nspdata.tokenization.fast.characters import NUM_CHARACTERS, without_row
from nspdata.tokenization.fast.matching import (
    ASSERT,
    ASSERT_END,
    CHARACTER,
    END,
    JUMP,
    MATCH,
    MOST_FRAMES,
    NO_LIMIT,
    REJECT,
    REJECT_END,
    RUN,
    SPLIT,
    START,
)
from nspdata.tokenization.fast.parsing import UnknownPatternError, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

SEARCHES = {
    "prefix_search": "search",
    "suffix_search": "search",
    "infix_finditer": "finditer",
    "token_match": "match",
    "url_match": "match",
}
"""The attributes of spaCy's tokenizer, in the order of `Programs.heads`, and the method of a pattern that each must be."""

MOST_COPIES = 20
"""Greatest number of times that the body of a repeat is written out."""

EVERY = CharacterSet(negated=True)

PLACES = {
    _constants.AT_BEGINNING: START,
    _constants.AT_BEGINNING_STRING: START,
    _constants.AT_END: END,
    _constants.AT_END_STRING: END,
}
"""A chunk holds no line end, so that both of a kind mean the same."""


@dataclass(frozen=True)
class Written:
    """The programs of a tokenizer's patterns.

    Attributes:
        heads: for each pattern: its first instruction, or -1 if the tokenizer has none; whether it matches at the start of a string
            only; the set of the characters at which a match may begin; how many characters before the end it may begin at the
            earliest, or `NO_LIMIT`; the set of those at which it may begin earlier; whether it may be empty.
        code: the instructions, four numbers each; see `matching`.
        sets: the sets that the numbers of sets above refer to.
    """

    heads: list[list[int]]
    code: list[list[int]]
    sets: list[CharacterSet]


def write_programs(tokenizer: Any) -> Written:
    """Writes the programs of spaCy's tokenizer.

    Raises:
        UnknownPatternError: a pattern has a part that no program covers.
    """
    writer = _Writer()
    heads = [writer.head(tokenizer, name) for name in SEARCHES]
    return Written(heads, writer.code, list(writer.sets))


class Programs:
    """The programs of a tokenizer's patterns, and which characters are in which of their sets.

    Args:
        written: the programs.

    Attributes:
        heads: shape (5, 6), int32: see `Written`.
        code: shape (num_instructions, 4), int32: see `Written`.
        row_of: shape (0x110000,), int32: the row of a character, 0 if it is not known.
        member: shape (num_known + 1, num_sets), bool: whether a character is in a set.
    """

    def __init__(self, written: Written) -> None:
        self._sets = written.sets
        self.heads = np.array(written.heads, np.int32)
        self.code = np.array(written.code, np.int32).reshape(-1, 4)
        self.row_of = np.zeros(NUM_CHARACTERS, np.int32)
        self.member = np.zeros((1, len(self._sets)), np.bool_)

    def learn(self, codes: NDArray[np.uint32], asked: NDArray[np.int64]) -> None:
        """Fills the rows of the characters of these chunks."""
        fresh = np.empty(min(int((asked[:, 1] - asked[:, 0]).sum()), NUM_CHARACTERS), np.uint32)
        count = without_row(codes, asked, self.row_of, len(self.member), fresh)
        if count:
            found = fresh[:count].astype(np.int64)
            rows = np.stack([one.holds(found) for one in self._sets], axis=1)
            self.member = np.concatenate([self.member, rows])

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The programs as `matching` reads them."""
        return self.heads, self.code, self.row_of, self.member


class _Writer:
    """Writes programs.

    Attributes:
        code: the instructions so far.
        sets: the sets in them, and their numbers.
    """

    def __init__(self) -> None:
        self.code: list[list[int]] = []
        self.sets: dict[CharacterSet, int] = {}
        self._frames = 0

    def head(self, tokenizer: Any, name: str) -> list[int]:
        """Writes the program of a pattern; returns its row of `heads`."""
        method = getattr(tokenizer, name)
        if method is None:
            return [-1, 0, 0, 0, 0, 0]
        pattern = getattr(method, "__self__", None)
        if not isinstance(pattern, re.Pattern) or method.__name__ != SEARCHES[name]:
            raise UnknownPatternError(name)
        tree = parsed(pattern)
        items, entry = list(tree), len(self.code)
        self._sequence(items)
        self._write(MATCH)
        begins = self._column(_firsts(items) or EVERY)
        alternatives = list(items[0][1][1]) if _is_branch(items) else [tree]
        near = [part for part in alternatives if _at_end(part) and part.getwidth()[1] < NO_LIMIT]
        far = [part for part in alternatives if part not in near]
        earlier = _union([_firsts(list(part)) for part in far])
        reach = max((part.getwidth()[1] for part in near), default=0) if earlier else NO_LIMIT
        may_be_empty = tree.getwidth()[0] == 0
        return [entry, _at_start(items), begins, reach, self._column(earlier or EVERY), may_be_empty]

    def _column(self, one: CharacterSet) -> int:
        return self.sets.setdefault(one, len(self.sets))

    def _write(self, *instruction: int) -> int:
        self.code.append([*instruction, 0, 0, 0][:4])
        return len(self.code) - 1

    def _sequence(self, items: Iterable[tuple[Any, Any]]) -> None:
        for operation, value in items:
            self._item(operation, value)

    def _item(self, operation: Any, value: Any) -> None:
        """Writes one operation of a parsed pattern."""
        if (found := _set(operation, value)) is not None:
            self._write(CHARACTER, self._column(found))
        elif operation is _constants.AT and value in PLACES:
            self._write(PLACES[value])
        elif operation is _constants.SUBPATTERN and not value[1] and not value[2]:
            self._sequence(value[3])
        elif operation is _constants.BRANCH:
            self._branch(value[1])
        elif operation is _constants.MAX_REPEAT:
            self._repeat(*value)
        elif operation in {_constants.ASSERT, _constants.ASSERT_NOT}:
            self._assertion(operation, *value)
        else:
            raise UnknownPatternError(operation)

    def _branch(self, alternatives: Sequence[Any]) -> None:
        ends = []
        for part in alternatives[:-1]:
            split = self._split(list(part))
            self._sequence(part)
            ends.append(self._write(JUMP))
            self.code[split][1] = len(self.code)
        self._sequence(alternatives[-1])
        for end in ends:
            self.code[end][1] = len(self.code)

    def _split(self, items: list[tuple[Any, Any]]) -> int:
        """Writes a choice between what follows, which begins with these items, and a place that is filled in later."""
        first = _firsts(items)
        return self._write(SPLIT, 0, -1 if first is None else self._column(first))

    def _repeat(self, least: int, most: Any, body: Any) -> None:
        """Writes a greedy repeat: its body so often as it must match, then a loop or choices."""
        endless = most is _constants.MAXREPEAT
        found = _set(*body[0]) if len(body) == 1 else None
        if found is not None:
            self._write(RUN, self._column(found), least, NO_LIMIT if endless else min(int(most), NO_LIMIT))
            return
        if (least if endless else most) > MOST_COPIES or (most != 1 and body.getwidth()[0] == 0):
            raise UnknownPatternError(_constants.MAX_REPEAT)
        for _ in range(least):
            self._sequence(body)
        splits = []
        for _ in range(1 if endless else most - least):
            splits.append(self._split(list(body)))
            self._sequence(body)
        if endless:
            self._write(JUMP, splits[0])
        for split in splits:
            self.code[split][1] = len(self.code)

    def _assertion(self, operation: Any, direction: int, body: Any) -> None:
        least, most = body.getwidth()
        self._frames += 1
        if (direction < 0 and least != most) or self._frames > MOST_FRAMES:
            raise UnknownPatternError(operation)
        rejects = operation is _constants.ASSERT_NOT
        begin = self._write(REJECT if rejects else ASSERT, least if direction < 0 else 0)
        self._sequence(body)
        self._write(REJECT_END if rejects else ASSERT_END)
        self.code[begin][2] = len(self.code)
        self._frames -= 1


def _set(operation: Any, value: Any) -> CharacterSet | None:
    """The set of an operation that matches one character of a chunk, or None."""
    return EVERY if operation is _constants.ANY else set_of(operation, value)


def _is_branch(items: Sequence[tuple[Any, Any]]) -> bool:
    return len(items) == 1 and items[0][0] is _constants.BRANCH


def _at_start(items: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a sequence matches at the start of a string only."""
    if not items:
        return False
    operation, value = items[0]
    if operation is _constants.BRANCH:
        return all(_at_start(list(part)) for part in value[1])
    return operation is _constants.AT and PLACES.get(value) == START


def _at_end(items: Sequence[tuple[Any, Any]]) -> bool:
    """Whether the last operation of a sequence is the end of the string."""
    return bool(len(items)) and items[-1][0] is _constants.AT and PLACES.get(items[-1][1]) == END


def _firsts(items: Sequence[tuple[Any, Any]]) -> CharacterSet | None:
    """A set that holds the first character of each match of a sequence, or None if it may match nothing or the set is not known.

    The place of the first character is also the place where the match begins: what precedes it in the sequence has no width.
    """
    for place, (operation, value) in enumerate(items):
        if operation in {_constants.AT, _constants.ASSERT, _constants.ASSERT_NOT}:
            continue
        if (found := _set(operation, value)) is not None:
            return found
        if operation is _constants.SUBPATTERN:
            return _firsts(list(value[3]))
        if operation is _constants.BRANCH:
            return _union([_firsts(list(part)) for part in value[1]])
        if operation is _constants.MAX_REPEAT:
            body = _firsts(list(value[2]))
            return body if value[0] else _union([body, _firsts(items[place + 1 :])])
        break
    return None


def _union(parts: Sequence[CharacterSet | None]) -> CharacterSet | None:
    """The union of sets; None if one is not known or is a complement."""
    known = [part for part in parts if part is not None and not part.negated]
    if len(known) < len(parts):
        return None
    ranges = {item for part in known for item in part.ranges}
    categories = {item for part in known for item in part.categories}
    return CharacterSet(tuple(sorted(ranges)), tuple(sorted(categories)))
