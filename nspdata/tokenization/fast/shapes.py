"""The shape of a chunk: chunks of one shape are tokenized at the same places, so spaCy is asked for one of them only.

The shape holds everything that the tokenizer's patterns and the sentence rules can see of a chunk: for each character, either the
character itself, or, for letters, digits and marks, its classes and in which sets of the patterns it is (see `alphabet`). Besides
patterns the tokenizer has rules: strings that it treats as written. Wherever a rule applies, its string begins and ends
between two tokens. So a chunk has the tokens of its shape if no run of these tokens is the string of a rule, and the tokens
of a chunk are those of its shape under the same condition.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from nspdata.arrays.compiled import allocating, compiled
from nspdata.tokenization.fast.alphabet import collapses
from nspdata.tokenization.fast.characters import NUM_CHARACTERS, without_row
from nspdata.tokenization.fast.rule_strings import RuleStrings, hash_of, holds_rule, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.tokenization.fast.alphabet import CharacterSet, Guard, Guards
    from nspdata.tokenization.fast.facts import TokenizerFacts

SHAPE_SLOTS = 1 << 20

MOST_CONDITIONS = 60
"""A tokenizer with more conditions has no shapes; there is one bit for each."""

WHITE_SPACE = np.uint64(1 << 63)
"""The bit of white space among the conditions. A chunk that holds it was joined because of a rule, and is stored by its own hash."""

FREE = -2
"""The answer of a free slot; -1 is that of a shape whose first chunk was tokenized by a rule. Below: see `_match`."""

SINGLE, ONE, TWO, BASE = range(4)
"""Columns of `Shapes.rows` before those of the groups."""


class Shapes:
    """A table from shapes to answers.

    Args:
        tokenizer: the facts of spaCy's tokenizer.

    Attributes:
        groups: sets by guards; None if the patterns are unknown: then every chunk is asked for.
        row_of: shape (0x110000,), int32: the row of a character, 0 if it is not known.
        rows: shape (num_known + 1, 4 + num_groups), uint64. Per character: the conditions that it meets alone, as the first and as
            the second of a pair, as bits; its own hash; its hash in each group.
        wanted: shape (num_groups,), uint64: the conditions of each group, as bits.
        times: shape (num_conditions,), int64: how many characters meet a condition.
        keys, answers: shape (SHAPE_SLOTS,): the hash of a shape, or of a chunk with a rule, and its answer.
        rules: shape (2**n,), uint64: hashes of the rules' strings.
        longest_rule: characters.
    """

    def __init__(self, tokenizer: TokenizerFacts) -> None:
        self.groups = tokenizer.groups
        conditions = list(dict.fromkeys(guard for guards in self.groups or () for guard in _ordered(guards)))
        if len(conditions) > MOST_CONDITIONS:
            self.groups = None
        self.conditions: list[Guard] = conditions
        self.times = np.array([guard.times for guard in conditions], np.int64)
        bit = {guard: 1 << place for place, guard in enumerate(conditions)}
        self.wanted = np.array([sum(bit[guard] for guard in guards) for guards in self.groups or ()], np.uint64)
        self.row_of = np.zeros(NUM_CHARACTERS, np.int32)
        self.rows = np.zeros((1, 4 + len(self.wanted)), np.uint64)
        rules = RuleStrings({rule: [rule] for rule in tokenizer.strings})
        self.rules, self.longest_rule = rules.hashes, rules.longest
        self.forget()

    def forget(self) -> None:
        """Empties the table."""
        self.keys = np.zeros(SHAPE_SLOTS, np.uint64)
        self.answers = np.full(SHAPE_SLOTS, FREE, np.int32)
        self.num_shapes = 0

    def learn(self, codes: NDArray[np.uint32], asked: NDArray[np.int64], classes: NDArray[np.uint16]) -> None:
        """Fills the rows of the characters of these chunks."""
        fresh = np.empty(min(int((asked[:, 1] - asked[:, 0]).sum()), NUM_CHARACTERS), np.uint32)
        count = without_row(codes, asked, self.row_of, len(self.rows), fresh)
        if not count:
            return
        found = fresh[:count].astype(np.int64)
        rows = np.zeros((count, self.rows.shape[1]), np.uint64)
        for place, guard in enumerate(self.conditions):
            bit = np.uint64(1 << place)
            if guard.two is None:
                rows[guard.one.holds(found), SINGLE] |= bit
            else:
                rows[guard.one.holds(found), ONE] |= bit
                rows[guard.two.holds(found), TWO] |= bit
        rows[[chr(code).isspace() for code in found.tolist()], SINGLE] |= WHITE_SPACE
        rows[:, BASE] = [_base(code, int(classes[code])) for code in found.tolist()]
        for group, sets in enumerate((self.groups or {}).values()):
            rows[:, BASE + 1 + group] = _hashes(sets, found, group)
        self.rows = np.concatenate([self.rows, rows])

    def match(
        self,
        codes: NDArray[np.uint32],
        asked: NDArray[np.int64],
        bounds: NDArray[np.int32],
        bound_ends: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Looks chunks up.

        Args:
            codes: the text.
            asked: shape (n, 2): the chunks.
            bounds: where the tokens of each answer begin, and where its last one ends.
            bound_ends: shape (num_answers + 1,): where those of each answer end in `bounds`.

        Returns:
            Three arrays of shape (n,): the answer of each chunk, or -1; the index of the chunk to wait for, because it has
            the same shape, or its own; its slot, or -1 if it is not to be shared.
        """
        found, leaders = np.full(len(asked), -1, np.int64), np.arange(len(asked))
        slots = np.full(len(asked), -1, np.int64)
        if self.groups is None:
            return found, leaders, slots
        if self.num_shapes + len(asked) > SHAPE_SLOTS // 2:
            self.forget()
        table = (self.row_of, self.rows, self.wanted, self.times, self.keys, self.answers)
        self.num_shapes += _match(
            codes, asked, table, bounds, bound_ends, self.rules, self.longest_rule, found, leaders, slots
        )
        return found, leaders, slots

    def store(self, keys: NDArray[np.uint64], answers: NDArray[np.int64]) -> None:
        """Stores the answers of shapes, or of chunks by their own hashes."""
        self.num_shapes += _store(keys, answers, self.keys, self.answers)

    def hashes(self, codes: NDArray[np.uint32], asked: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The hash of each chunk itself, under which the answer of a chunk with a rule is stored."""
        found = np.zeros(len(asked), np.uint64)
        _own_hashes(codes, asked, found)
        return found

    def share(self, slots: NDArray[np.int64], answers: NDArray[np.int64]) -> None:
        """Stores the answers of shapes; -1 for a shape whose chunk was tokenized by a rule."""
        self.answers[slots] = answers


def _ordered(guards: Guards) -> list[Guard]:
    return sorted(guards, key=repr)


def _base(code: int, classes: int) -> int:
    """The hash of a character for the sentence rules, or of the character itself."""
    character = chr(code)
    if not collapses(character):
        return xxhash.xxh3_64_intdigest(code.to_bytes(4, "little"), seed=1)
    mark = unicodedata.category(character)[0] == "M"
    return xxhash.xxh3_64_intdigest((2 * classes + mark).to_bytes(4, "little"), seed=2)


def _hashes(sets: list[CharacterSet], codes: NDArray[np.int64], group: int) -> NDArray[np.uint64]:
    """The hash of in which sets each character is."""
    held = np.packbits(np.stack([one.holds(codes) for one in sets], axis=1), axis=1)
    return np.array([xxhash.xxh3_64_intdigest(row.tobytes(), seed=100 + group) for row in held], np.uint64)


@compiled
def _met(
    codes: NDArray[np.uint32],
    start: int,
    end: int,
    row_of: NDArray[np.int32],
    rows: NDArray[np.uint64],
    times: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> Any:
    """The conditions that a chunk meets, as bits; `counts` is working space."""
    met, several, before, one = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(1)
    for condition in range(len(times)):
        counts[condition] = 0
        if times[condition] > 1:
            several |= one << np.uint64(condition)
    for at in range(start, end):
        row = row_of[codes[at]]
        single = rows[row, SINGLE]
        met |= (single & ~several) | (before & rows[row, TWO])
        before = rows[row, ONE]
        if single & several:
            for condition in range(len(times)):
                counts[condition] += np.int64((single >> np.uint64(condition)) & one)
    for condition in range(len(times)):
        if times[condition] > 1 and counts[condition] >= times[condition]:
            met |= one << np.uint64(condition)
    return met


@compiled
def _shape_of(
    codes: NDArray[np.uint32],
    start: int,
    end: int,
    row_of: NDArray[np.int32],
    rows: NDArray[np.uint64],
    wanted: NDArray[np.uint64],
    met: Any,
    active: NDArray[np.int64],
) -> Any:
    """The hash of a chunk's shape; `active` is working space."""
    num_active, mixed = 0, np.uint64(0x2545F4914F6CDD1D)
    for group in range(len(wanted)):
        if wanted[group] & met == wanted[group]:
            active[num_active] = group
            num_active += 1
            mixed = mix(mixed, np.uint64(group))
    for at in range(start, end):
        row = row_of[codes[at]]
        value = rows[row, BASE]
        for index in range(num_active):
            value ^= rows[row, BASE + 1 + active[index]]
        mixed = mix(mixed, value)
    return mixed


@compiled
def _slot_of(key: Any, keys: NDArray[np.uint64], answers: NDArray[np.int32]) -> Any:
    """The slot that holds a key, or the free one for it."""
    slot = np.int64(key & np.uint64(SHAPE_SLOTS - 1))
    while answers[slot] != FREE and keys[slot] != key:
        slot = (slot + 1) & (SHAPE_SLOTS - 1)
    return slot


@compiled
def _store(
    stored: NDArray[np.uint64], given: NDArray[np.int64], keys: NDArray[np.uint64], answers: NDArray[np.int32]
) -> int:
    fresh = 0
    for index in range(len(stored)):
        slot = _slot_of(stored[index], keys, answers)
        fresh += answers[slot] == FREE
        keys[slot], answers[slot] = stored[index], given[index]
    return fresh


@compiled
def _own_hashes(codes: NDArray[np.uint32], asked: NDArray[np.int64], found: NDArray[np.uint64]) -> None:
    for chunk in range(len(asked)):
        found[chunk] = hash_of(codes, asked[chunk, 0], asked[chunk, 1])


@allocating
def _match(
    codes: NDArray[np.uint32],
    asked: NDArray[np.int64],
    table: tuple[Any, ...],
    bounds: NDArray[np.int32],
    bound_ends: NDArray[np.int64],
    rules: NDArray[np.uint64],
    longest_rule: int,
    found: NDArray[np.int64],
    leaders: NDArray[np.int64],
    slots: NDArray[np.int64],
) -> int:
    """See `Shapes.match`; returns the number of new shapes. A slot holds `FREE - 1 - i` while its shape waits for chunk i."""
    row_of, rows, wanted, times, keys, answers = table
    counts, active = np.zeros(len(times), np.int64), np.zeros(len(wanted), np.int64)
    fresh = 0
    for chunk in range(len(asked)):
        start, end = asked[chunk, 0], asked[chunk, 1]
        met = _met(codes, start, end, row_of, rows, times, counts)
        if met & WHITE_SPACE:
            found[chunk] = max(answers[_slot_of(hash_of(codes, start, end), keys, answers)], np.int32(-1))
            continue
        mixed = _shape_of(codes, start, end, row_of, rows, wanted, met, active)
        slot = _slot_of(mixed, keys, answers)
        answer = answers[slot]
        known = bounds[bound_ends[answer] : bound_ends[answer + 1]] if answer >= 0 else bounds[:0]
        if answer >= 0 and not holds_rule(codes, start, known, rules, longest_rule):
            found[chunk] = answer
            continue
        own = answers[_slot_of(hash_of(codes, start, end), keys, answers)]
        if own >= 0:
            found[chunk] = own
        elif answer >= 0:
            continue
        elif answer < FREE:
            leaders[chunk] = FREE - 1 - answer
        else:
            fresh += answer == FREE
            keys[slot], answers[slot] = mixed, FREE - 1 - chunk
            slots[chunk] = slot
    return fresh
