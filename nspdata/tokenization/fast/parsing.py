"""The patterns of spaCy's tokenizer as Python's `re` parses them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any

FLAGS = re.UNICODE | re.VERBOSE | re.DOTALL | re.MULTILINE | re.IGNORECASE
"""Flags that change nothing here: a chunk holds no line end, and sets hold what they match when case is ignored."""

REPEATS = {_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT}

SETS = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.IN}
"""Operations that match one character of a set."""


class UnknownPatternError(Exception):
    """A pattern has a part whose matches depend on more than sets of characters."""


@lru_cache(maxsize=8)
def parsed(pattern: re.Pattern[str]) -> Any:
    """What Python's `re` parses. If the pattern ignores case, each set holds all the characters that it matches then.

    Raises:
        UnknownPatternError: it has a flag that changes more.
    """
    tree = _parser.parse(pattern.pattern, pattern.flags)
    if (pattern.flags | tree.state.flags) & ~FLAGS:
        raise UnknownPatternError(pattern.flags)
    if pattern.flags & re.IGNORECASE:
        _replace_sets(tree)
    return tree


def parts_of(operation: Any, value: Any) -> list[Any]:
    """The sequences inside an operation.

    Raises:
        UnknownPatternError: it matches by more than sets of characters.
    """
    if operation in SETS or operation in {_constants.AT, _constants.ANY}:
        return []
    if operation is _constants.BRANCH:
        return list(value[1])
    if operation in REPEATS:
        return [value[2]]
    if operation in {_constants.ASSERT, _constants.ASSERT_NOT}:
        return [value[1]]
    if operation is _constants.ATOMIC_GROUP:
        return [value]
    if operation is _constants.SUBPATTERN and not value[1] and not value[2]:
        return [value[3]]
    raise UnknownPatternError(operation)


def _replace_sets(tree: Any) -> None:
    """Replaces the sets of a parsed pattern that ignores case."""
    for index, (operation, value) in enumerate(tree.data):
        if operation in SETS:
            key = tuple(value) if operation is _constants.IN else value
            tree.data[index] = (_constants.IN, _ignoring_case(operation, key, tree.state.flags))
        for part in parts_of(operation, value):
            _replace_sets(part)


@lru_cache(maxsize=1000)
def _ignoring_case(operation: Any, value: Any, flags: int) -> list[tuple[Any, tuple[int, int]]]:
    """The items of a set: ranges of the characters that `re` itself finds for an operation that ignores case."""
    state = _parser.State()
    state.flags = flags
    one = _parser.SubPattern(state, [(operation, list(value) if operation is _constants.IN else value)])
    runs = _parser.SubPattern(state, [(_constants.MAX_REPEAT, (1, _constants.MAXREPEAT, one))])
    found = _compiler.compile(runs, flags).finditer(_every_character())
    return [(_constants.RANGE, (run.start(), run.end() - 1)) for run in found]


@cache
def _every_character() -> str:
    return "".join(map(chr, range(0x110000)))
