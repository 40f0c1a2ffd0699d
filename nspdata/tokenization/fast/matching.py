"""Runs the programs of `programs` over chunks: Python's `re`, and the loop of spaCy's tokenizer around it, in compiled code.

`match_at` tries alternatives in the order of the pattern and goes back to the last choice when one fails, as `re` does, so it finds
the same match. It gives up (`DOUBT`) after many steps; spaCy tokenizes such a chunk.

`tokenize` is `Tokenizer._tokenize` of spaCy 3, with its rules: strings that a tokenizer treats as written. spaCy uses them twice. What is
left of a chunk after some affixes were taken off is compared with them. At the end, runs of tokens that look like a rule get its
tokens. This changes nothing where each run of tokens whose string is that of a rule has the tokens of the rule already.
Where one has not, see `rule_strings.apply_rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import allocating, compiled
from nspdata.tokenization.fast.rule_strings import apply_rules, divides_rules, find_rule
from nspdata.tokenization.rules import SPACE

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHARACTER, SPLIT, JUMP, RUN, START, END, ASSERT, ASSERT_END, REJECT, REJECT_END, MATCH = range(11)
"""Instructions, with up to three operands.

`CHARACTER set`: one character. `SPLIT other set`: what follows, and if that fails, `other`; at once if the next character is not in
the set (-1: unknown). `JUMP place`. `RUN set least most`: as many characters as possible, then fewer. `START`, `END`: of the string.
`ASSERT width` and `REJECT width after`: goes back by so many characters and runs up to `ASSERT_END` or `REJECT_END`. `MATCH`.
"""

NO_LIMIT = 1 << 30

NO_MATCH, DOUBT = -1, -2

MOST_STEPS, STEPS_A_CHARACTER = 20_000, 32
"""Instructions of one attempt: a number, and more for each character of the string. Most take less than 100."""

MOST_CHOICES = 2_000
"""Choices that are open at the same time."""

MOST_FRAMES = 8
"""Assertions inside each other."""

PREFIX, SUFFIX, INFIX, TOKEN, URL = range(5)
"""Rows of `Programs.heads`."""


@compiled
def match_at(  # noqa: C901, PLR0912 - one loop over instructions; its state stays in registers
    codes: NDArray[np.uint32],
    begin: Any,
    end: Any,
    start: Any,
    entry: int,
    may_be_empty: bool,  # noqa: FBT001
    machine: tuple[Any, ...],
    stack: NDArray[np.int64],
) -> Any:
    """Where the match of a program that begins at `start` ends, or `NO_MATCH`, or `DOUBT`.

    Args:
        codes: the text.
        begin: start of the string that the pattern sees.
        end: its end.
        start: where the match begins.
        entry: first instruction.
        may_be_empty: whether an empty match counts.
        machine: `Programs.arrays`.
        stack: working space, shape (MOST_CHOICES + MOST_FRAMES, 4). A choice is an instruction, a place, a number of frames, and the
            least place of a run, or -1. A frame, from the end of the stack, is the number of choices and the place before an assertion.
    """
    _, program, row_of, member = machine
    at, step, top, depth = np.int64(start), np.int64(entry), 0, 0
    for _ in range(MOST_STEPS + STEPS_A_CHARACTER * (end - begin)):
        operation, operand, second, failed = program[step, 0], program[step, 1], program[step, 2], False
        step += 1
        if operation == CHARACTER:
            failed = at >= end or not member[row_of[codes[at]], operand]
            at += 1
        elif operation == SPLIT:
            if second >= 0 and (at >= end or not member[row_of[codes[at]], second]):
                step = np.int64(operand)
            else:
                top = _put(stack, top, operand, at, depth, -1)
        elif operation == JUMP:
            step = np.int64(operand)
        elif operation == RUN:
            first, most = at, min(end, at + program[step - 1, 3])
            while at < most and member[row_of[codes[at]], operand]:
                at += 1
            failed = at - first < second
            if at - first > second:
                top = _put(stack, top, step, at - 1, depth, first + second)
        elif operation == START:
            failed = at != begin
        elif operation == END:
            failed = at != end
        elif operation == ASSERT or operation == REJECT:  # noqa: PLR1714, SIM109 - faster in a compiled loop
            _put(stack, len(stack) - 1 - depth, top, at, 0, 0)
            if operation == REJECT:
                top = _put(stack, top, second, at, depth, -1)
            depth, at = depth + 1, at - operand
            failed = at < begin
        elif operation == ASSERT_END or operation == REJECT_END:  # noqa: PLR1714, SIM109 - faster in a compiled loop
            depth -= 1
            top, at = stack[len(stack) - 1 - depth, 0], stack[len(stack) - 1 - depth, 1]
            failed = operation == REJECT_END
        elif at > start or may_be_empty:
            return at
        else:
            failed = True
        if failed:
            if not top:
                return NO_MATCH
            step, at, depth, top = _taken(stack, top)
        elif top >= MOST_CHOICES:
            return DOUBT
    return DOUBT


@compiled
def _put(stack: NDArray[np.int64], top: Any, step: Any, at: Any, depth: Any, least: Any) -> Any:
    """Adds a choice; returns their number."""
    stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = step, at, depth, least
    return top + 1


@compiled
def _taken(stack: NDArray[np.int64], top: Any) -> tuple[Any, Any, Any, Any]:
    """Instruction, place and number of frames of the last choice, and how many choices are left: a run can be shorter later."""
    step, at, depth = stack[top - 1, 0], stack[top - 1, 1], stack[top - 1, 2]
    if at > stack[top - 1, 3] >= 0:
        stack[top - 1, 1] = at - 1
        return step, at, depth, top
    return step, at, depth, top - 1


@compiled
def _search(
    codes: NDArray[np.uint32],
    begin: Any,
    end: Any,
    start: Any,
    pattern: int,
    after_empty: bool,  # noqa: FBT001
    machine: tuple[Any, ...],
    stack: NDArray[np.int64],
) -> tuple[Any, Any]:
    """The first match in a string from `start`, as its start and end; (`NO_MATCH`, `NO_MATCH`) or (`DOUBT`, `DOUBT`).

    Args:
        codes: the text.
        begin: start of the string.
        end: its end.
        start: where to begin.
        pattern: row of `Programs.heads`.
        after_empty: whether the match before this one was empty; then the next one at `start` may not be.
        machine: `Programs.arrays`.
        stack: see `match_at`.
    """
    heads, _, row_of, member = machine
    entry, begins, reach, earlier = heads[pattern, 0], heads[pattern, 2], heads[pattern, 3], heads[pattern, 4]
    may_be_empty = heads[pattern, 5] != 0
    if entry >= 0:
        last = start + 1 if heads[pattern, 1] else end + 1 if may_be_empty else end
        for at in range(start, last):
            if not may_be_empty:
                if at >= end or not member[row_of[codes[at]], begins]:
                    continue
                if end - at > reach and not member[row_of[codes[at]], earlier]:
                    continue
            found = match_at(codes, begin, end, at, entry, not (after_empty and at == start), machine, stack)
            if found != NO_MATCH:
                return np.int64(at if found >= 0 else found), np.int64(found)
    return np.int64(NO_MATCH), np.int64(NO_MATCH)


@compiled
def _matches(
    codes: NDArray[np.uint32], begin: Any, end: Any, pattern: int, machine: tuple[Any, ...], stack: NDArray[np.int64]
) -> Any:
    """Where the match of a pattern at the start of a string ends, or `NO_MATCH`, or `DOUBT`."""
    heads = machine[0]
    if heads[pattern, 0] < 0:
        return np.int64(NO_MATCH)
    return np.int64(match_at(codes, begin, end, begin, heads[pattern, 0], True, machine, stack))


@compiled
def _take_affixes(
    codes: NDArray[np.uint32],
    begin: Any,
    end: Any,
    machine: tuple[Any, ...],
    rules: tuple[Any, ...],
    stack: NDArray[np.int64],
    bounds: NDArray[np.int32],
    suffixes: NDArray[np.int32],
) -> tuple[Any, Any, Any, Any, Any]:
    """Takes prefixes and suffixes off a chunk, as `Tokenizer._split_affixes`.

    Returns:
        Start and end of what is left; the numbers of prefixes and suffixes; the end of a match of `token_match`, or `NO_MATCH`, or
        `DOUBT`. The start of each prefix is in `bounds` and that of each suffix in `suffixes`, both counted from the chunk.
    """
    at, until, last = np.int64(begin), np.int64(end), np.int64(0)
    num_prefixes, num_suffixes, whole = 0, 0, np.int64(NO_MATCH)
    while until > at and until - at != last:
        whole = _matches(codes, at, until, TOKEN, machine, stack)
        if whole != NO_MATCH or find_rule(codes, at, until, rules) >= 0:
            break
        last = until - at
        first, ending = _search(codes, at, until, at, PREFIX, False, machine, stack)
        prefix = ending - first
        ruled = prefix and find_rule(codes, at + prefix, until, rules) >= 0
        after, over = np.int64(0), np.int64(0)
        if not ruled:
            after, over = _search(codes, at + prefix, until, at + prefix, SUFFIX, False, machine, stack)
        suffix = over - after
        if min(ending, over) == DOUBT:
            whole = np.int64(DOUBT)
            break
        alone = suffix and find_rule(codes, at, until - suffix, rules) >= 0
        if prefix and not alone:
            bounds[num_prefixes] = at - begin
            num_prefixes += 1
            at += prefix
        if suffix:
            until -= suffix
            suffixes[num_suffixes] = until - begin
            num_suffixes += 1
        if ruled or alone:
            break
    return at, until, num_prefixes, num_suffixes, whole


@compiled
def _take_infixes(
    codes: NDArray[np.uint32],
    begin: Any,
    end: Any,
    machine: tuple[Any, ...],
    stack: NDArray[np.int64],
    places: NDArray[np.int32],
) -> int:
    """Where the tokens of a string without affixes begin, as `Tokenizer._attach_tokens`; returns their number, or `DOUBT`."""
    count, start, place, empty = 0, begin, begin, False
    while True:
        first, over = _search(codes, begin, end, place, INFIX, empty, machine, stack)
        if first == DOUBT:
            return DOUBT
        if first == NO_MATCH:
            break
        place, empty = over, over == first
        if first == begin:
            continue
        if first > start:
            places[count] = start - begin
            count += 1
        if over > first:
            places[count] = first - begin
            count += 1
        start = over
    if end > start:
        places[count] = start - begin
        count += 1
    return count


@compiled
def _tokens_of(  # noqa: C901 - loops instead of slices, which numba compiles slowly
    codes: NDArray[np.uint32],
    begin: Any,
    end: Any,
    machine: tuple[Any, ...],
    rules: tuple[Any, ...],
    stack: NDArray[np.int64],
    bounds: NDArray[np.int32],
    suffixes: NDArray[np.int32],
) -> Any:
    """Where the tokens of a chunk begin, and its length, counted from its start; returns their number, or `DOUBT`."""
    at, until, count, num_suffixes, whole = _take_affixes(codes, begin, end, machine, rules, stack, bounds, suffixes)
    rule = find_rule(codes, at, until, rules)
    if until > at and whole == NO_MATCH and rule < 0:
        whole = _matches(codes, at, until, TOKEN, machine, stack)
    if until > at and whole == NO_MATCH and rule < 0:
        whole = _matches(codes, at, until, URL, machine, stack)
    if whole == DOUBT:
        return DOUBT
    if rule >= 0:
        for bound in range(rules[6][rule], rules[6][rule + 1] - 1):
            bounds[count] = at - begin + rules[5][bound]
            count += 1
    elif whole >= 0:
        bounds[count] = at - begin
        count += 1
    elif until > at:
        inner = _take_infixes(codes, at, until, machine, stack, bounds[count:])
        if inner == DOUBT:
            return DOUBT
        for index in range(count, count + inner):
            bounds[index] += at - begin
        count += inner
    for index in range(num_suffixes):
        bounds[count + index] = suffixes[num_suffixes - 1 - index]
    bounds[count + num_suffixes] = end - begin
    return count + num_suffixes + 1


@allocating
def tokenize(
    codes: NDArray[np.uint32],
    asked: NDArray[np.int64],
    classes: NDArray[np.uint16],
    machine: tuple[Any, ...],
    rules: tuple[Any, ...],
    patterns: tuple[Any, ...],
    applied: bool,  # noqa: FBT001
    bounds: NDArray[np.int32],
    num_bounds: NDArray[np.int64],
) -> int:
    """Tokenizes chunks as spaCy does, but for those that are left to `special_cases` or to spaCy.

    Args:
        codes: the text.
        asked: shape (n, 2): start and end of each chunk.
        classes: `Characters.classes`.
        machine: `Programs.arrays`.
        rules: `RuleStrings.arrays`.
        patterns: see `rule_strings.apply_rules`.
        applied: whether rules are applied to runs of tokens.
        bounds: filled: where the tokens of each chunk begin, counted from its start, and its length.
        num_bounds: shape (n,), filled: how many of `bounds` each chunk has; 0 for one that is left, because it holds white space (a rule
            has it inside), or rules overlap, or matching took too many steps.

    Returns:
        The number of `bounds`.
    """
    longest = np.int64(0)
    for chunk in range(len(asked)):
        longest = max(longest, asked[chunk, 1] - asked[chunk, 0])
    suffixes = np.empty(longest + 1, np.int32)
    stack = np.empty((MOST_CHOICES + MOST_FRAMES, 4), np.int64)
    total = 0
    for chunk in range(len(asked)):
        begin, end = asked[chunk, 0], asked[chunk, 1]
        spaced = False
        for at in range(begin, end):
            spaced = spaced or (classes[codes[at]] & SPACE) != 0
        count = DOUBT if spaced else _tokens_of(codes, begin, end, machine, rules, stack, bounds[total:], suffixes)
        if applied and count >= 0 and divides_rules(codes, begin, bounds[total : total + count], rules):
            count = apply_rules(codes, begin, bounds[total:], count, rules, patterns)
        num_bounds[chunk] = max(count, 0)
        total += num_bounds[chunk]
    return total
