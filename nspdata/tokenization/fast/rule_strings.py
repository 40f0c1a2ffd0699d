"""The strings of the rules of spaCy's tokenizer as a table of hashes: whether a run of tokens is one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.ragged import offsets

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rule_table(rules: list[str]) -> tuple[NDArray[np.uint64], int]:
    """The hashes of strings as a table that `_is_rule` reads, and the length of the longest."""
    table = np.zeros(1 << max(4, (4 * len(rules)).bit_length()), np.uint64)
    codes = np.frombuffer("".join(rules).encode("utf-32-le", "surrogatepass"), np.uint32)
    with np.errstate(over="ignore"):
        _fill_rules(codes, offsets(np.array([len(rule) for rule in rules], np.int64)), table)
    return table, max(map(len, rules), default=0)


@compiled
def mix(mixed: Any, value: Any) -> Any:
    """A hash with one more value in it."""
    mixed = (mixed ^ value) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(32))


@compiled
def hash_of(codes: NDArray[np.uint32], start: int, end: int) -> Any:
    """The hash of a string."""
    mixed = np.uint64(0x9E3779B97F4A7C15)
    for at in range(start, end):
        mixed = mix(mixed, np.uint64(codes[at]))
    return mixed


@compiled
def _fill_rules(codes: NDArray[np.uint32], ends: NDArray[np.int64], table: NDArray[np.uint64]) -> None:
    for rule in range(len(ends) - 1):
        mixed = hash_of(codes, ends[rule], ends[rule + 1])
        slot = np.int64(mixed & np.uint64(len(table) - 1))
        while table[slot] != 0:
            slot = (slot + 1) & (len(table) - 1)
        table[slot] = mixed


@compiled
def _is_rule(mixed: Any, table: NDArray[np.uint64]) -> bool:
    slot = np.int64(mixed & np.uint64(len(table) - 1))
    while table[slot] != 0:
        if table[slot] == mixed:
            return True
        slot = (slot + 1) & (len(table) - 1)
    return False


@compiled
def holds_rule(
    codes: NDArray[np.uint32], start: int, bounds: NDArray[np.int32], rules: NDArray[np.uint64], longest_rule: int
) -> bool:
    """Whether a run of tokens of a chunk is the string of a rule.

    Args:
        codes: the text.
        start: where the chunk begins.
        bounds: shape (num_tokens + 1,): where its tokens begin, and where the last one ends, counted from `start`.
        rules: see `Shapes`.
        longest_rule: see `Shapes`.
    """
    for first in range(len(bounds) - 1):
        mixed, at = np.uint64(0x9E3779B97F4A7C15), bounds[first]
        for last in range(first + 1, len(bounds)):
            if bounds[last] - bounds[first] > longest_rule:
                break
            while at < bounds[last]:
                mixed = mix(mixed, np.uint64(codes[start + at]))
                at += 1
            if _is_rule(mixed, rules):
                return True
    return False
