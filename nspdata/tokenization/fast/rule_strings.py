"""The strings of the rules of spaCy's tokenizer as a table, and the tokens that they are made of."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import allocating, compiled
from nspdata.arrays.ragged import offsets

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORTH = 65
"""The key of a token's text in a rule: `spacy.symbols.ORTH`."""


class RuleStrings:
    """The rules of a tokenizer.

    Args:
        rules: for each string the texts of its tokens.

    Attributes:
        hashes: shape (2**n,), uint64: the hashes of the strings, each at its slot; 0 for a free slot.
        numbers: shape (2**n,), int32: the rule at a slot.
        longest: characters of the longest string.
        codes, ends: the strings, one after another, and where each begins; shape (num_rules + 1,), int64.
        bounds, bound_ends: where the tokens of each rule begin, and its length, one rule after another; shape (num_rules + 1,), int64.
    """

    def __init__(self, rules: dict[str, list[str]]) -> None:
        self.hashes = np.zeros(1 << max(4, (4 * len(rules)).bit_length()), np.uint64)
        self.numbers = np.zeros(len(self.hashes), np.int32)
        self.longest = max(map(len, rules), default=0)
        self.codes = np.frombuffer("".join(rules).encode("utf-32-le", "surrogatepass"), np.uint32)
        self.ends = offsets(np.array([len(rule) for rule in rules], np.int64))
        bounds = [bound for tokens in rules.values() for bound in accumulate(map(len, tokens), initial=0)]
        self.bounds = np.array(bounds, np.int32)
        self.bound_ends = offsets(np.array([len(tokens) + 1 for tokens in rules.values()], np.int64))
        with np.errstate(over="ignore"):
            _fill_rules(self.codes, self.ends, self.hashes, self.numbers)

    def arrays(self) -> tuple[Any, ...]:
        """The rules as `rule_at` reads them."""
        return self.hashes, self.numbers, self.longest, self.codes, self.ends, self.bounds, self.bound_ends


def rules_of(tokenizer: Any) -> dict[str, list[str]] | None:
    """The rules of spaCy's tokenizer: strings and the texts of their tokens; None if these are written in an unknown way."""
    rules: dict[str, list[str]] = {}
    for rule, tokens in (getattr(tokenizer, "rules", None) or {}).items():
        texts = [token.get(ORTH, token.get("ORTH")) for token in tokens]
        if not all(isinstance(text, str) and text for text in texts) or "".join(texts) != rule:
            return None
        rules[rule] = texts
    return rules


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
def _fill_rules(
    codes: NDArray[np.uint32], ends: NDArray[np.int64], table: NDArray[np.uint64], numbers: NDArray[np.int32]
) -> None:
    for rule in range(len(ends) - 1):
        mixed = hash_of(codes, ends[rule], ends[rule + 1])
        slot = np.int64(mixed & np.uint64(len(table) - 1))
        while table[slot] != 0:
            slot = (slot + 1) & (len(table) - 1)
        table[slot], numbers[slot] = mixed, rule


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


@compiled
def rule_at(codes: NDArray[np.uint32], start: Any, end: Any, mixed: Any, rules: tuple[Any, ...]) -> int:
    """The number of the rule with this string, whose hash is `mixed`, or -1."""
    hashes, numbers, _, rule_codes, ends, _, _ = rules
    slot = np.int64(mixed & np.uint64(len(hashes) - 1))
    while hashes[slot] != 0:
        rule = numbers[slot]
        if hashes[slot] == mixed and ends[rule + 1] - ends[rule] == end - start:
            same = True
            for index in range(end - start):
                same = same and rule_codes[ends[rule] + index] == codes[start + index]
            if same:
                return int(rule)
        slot = (slot + 1) & (len(hashes) - 1)
    return -1


@compiled
def find_rule(codes: NDArray[np.uint32], start: Any, end: Any, rules: tuple[Any, ...]) -> int:
    """The number of the rule with this string, or -1."""
    if end - start > rules[2] or end <= start:
        return -1
    return rule_at(codes, start, end, hash_of(codes, start, end), rules)


@compiled
def divides_rules(codes: NDArray[np.uint32], start: Any, bounds: NDArray[np.int32], rules: tuple[Any, ...]) -> bool:
    """Whether a run of tokens of a chunk is the string of a rule that has other tokens; arguments as for `holds_rule`."""
    longest, rule_bounds, rule_ends = rules[2], rules[5], rules[6]
    for first in range(len(bounds) - 1):
        mixed, at = np.uint64(0x9E3779B97F4A7C15), bounds[first]
        for last in range(first + 1, len(bounds)):
            if bounds[last] - bounds[first] > longest:
                break
            while at < bounds[last]:
                mixed = mix(mixed, np.uint64(codes[start + at]))
                at += 1
            rule = rule_at(codes, start + bounds[first], start + bounds[last], mixed, rules)
            if rule < 0:
                continue
            if not _same_tokens(rule_bounds[rule_ends[rule] : rule_ends[rule + 1]], bounds, first, last):
                return True
    return False


@allocating
def apply_rules(
    codes: NDArray[np.uint32],
    start: Any,
    bounds: NDArray[np.int32],
    count: int,
    rules: tuple[Any, ...],
    patterns: tuple[Any, ...],
) -> int:
    """Gives runs of tokens the tokens of a rule, as `Tokenizer._apply_special_cases`.

    spaCy does so with a run of tokens that is the tokens of a rule's string without rules, if a pattern matches in that string. One does if
    these are two tokens or more. Of runs that overlap it takes the longest. Here such runs, and single tokens that are a rule of
    several tokens, are left to `special_cases`. A single token that is a rule of one token stays as it is in both.

    Args:
        codes: the text.
        start: where the chunk begins.
        bounds: where its tokens begin, and its length; changed in place. One place for each character of the chunk, and one more.
        count: how many of them there are.
        rules: `RuleStrings.arrays`.
        patterns: where the tokens of each rule without rules begin, and its length, one rule after another; where those of each rule
            begin, shape (num_rules + 1,), none for a rule that is unknown; whether no rule has white space inside.

    Returns:
        The new number of bounds, or -1 for a chunk that is left to `special_cases`.
    """
    if not patterns[2]:
        return -1
    runs = np.empty((count, 3), np.int64)
    num_runs = _runs_to_change(codes, start, bounds[:count], rules, patterns, runs)
    if num_runs < 0:
        return -1
    before = np.empty(count, np.int32)
    for index in range(count):  # loops instead of slices, which numba compiles slowly
        before[index] = bounds[index]
    at, total = 0, 0
    for run in range(num_runs):
        first, rule = runs[run, 0], runs[run, 2]
        for index in range(at, first):
            bounds[total] = before[index]
            total += 1
        for own in range(rules[6][rule], rules[6][rule + 1] - 1):
            bounds[total] = rules[5][own] + before[first]
            total += 1
        at = runs[run, 1]
    for index in range(at, count):
        bounds[total] = before[index]
        total += 1
    return total


@compiled
def _runs_to_change(
    codes: NDArray[np.uint32],
    start: Any,
    bounds: NDArray[np.int32],
    rules: tuple[Any, ...],
    patterns: tuple[Any, ...],
    runs: NDArray[np.int64],
) -> int:
    """Fills `runs` (first token, one after the last, rule); returns their number, or -1 for a chunk that is left to `special_cases`."""
    pattern_bounds, pattern_ends, _ = patterns
    count, reached = 0, 0
    for first in range(len(bounds) - 1):
        for last in range(first + 1, len(bounds)):
            rule = find_rule(codes, start + bounds[first], start + bounds[last], rules)
            if rule < 0:
                continue
            pattern = pattern_bounds[pattern_ends[rule] : pattern_ends[rule + 1]]
            alone = last == first + 1
            if (alone and rules[6][rule + 1] - rules[6][rule] != 2) or (not alone and not len(pattern)):
                return -1
            if not alone and _same_tokens(pattern, bounds, first, last):
                if first < reached:
                    return -1
                runs[count, 0], runs[count, 1], runs[count, 2] = first, last, rule
                count += 1
                reached = last
    return count


@compiled
def _same_tokens(pattern: NDArray[np.int32], bounds: NDArray[np.int32], first: int, last: int) -> bool:
    """Whether the tokens from `first` to `last` begin at these places of their string."""
    if len(pattern) != last - first + 1:
        return False
    same = True
    for index in range(len(pattern)):
        same = same and pattern[index] == bounds[first + index] - bounds[first]
    return bool(same)
