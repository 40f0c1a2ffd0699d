"""Where sentences begin: equal to `rules.SentenceRules.starts`, with spaCy's tokenizer called once per shape of a chunk.

The rules look at tokens that are a mark or end with one, and at the first token after one that is not punctuation. spaCy
tokenizes each run of characters between white space independently. So most of these *chunks* need no tokens: one that holds no
mark and does not begin with punctuation only begins a sentence if one has just ended. The others are tokenized by spaCy, one of
each shape (`shapes`), and the answer is cached: where sentences begin inside it, and whether one has just ended after it. A few
languages have exceptions with a space inside (Russian "и пр."): there the chunks on both sides of the space are one chunk.
Opening marks and the other corrections that look at characters only come last (`refining`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.tokenization.fast.answers import Answers
from nspdata.tokenization.fast.characters import SINGLE_MARK
from nspdata.tokenization.fast.refining import refine
from nspdata.tokenization.fast.signs import (
    FOUR,
    HIGHEST,
    IS_MARK,
    IS_SPACE,
    ONE,
    OTHER,
    TWO,
    bytes_before,
    eight_from,
    num_bytes,
)
from nspdata.tokenization.fast.tokenizer import glued_places, spaced_rules
from nspdata.tokenization.rules import PUNCTUATION, SPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nspdata.tokenization.fast.facts import TokenizerFacts
    from nspdata.tokenization.rules import SentenceRules

NEW_PARAGRAPH, PLAIN_CHUNK = -1, -2
"""Events that are no entry of the table."""

LONGEST_KEPT = 48
"""Characters of the longest chunk that is cached; longer chunks rarely occur again."""

LEAST_SLOTS = 1 << 14
"""Size of the table of chunks at first: it grows with them, because a small one stays in a fast cache."""

MOST_ENTRIES = 500_000
"""Number of chunks in the cache before it is emptied: about 60 MB."""

MOST_ANSWERS = 400_000
"""Number of answers that are kept when the cache of chunks is emptied: about 30 MB."""

SPACE_SIGN = OTHER | IS_SPACE

LINE_ENDS_THAT_PART = {"none": 1 << 60, "line": 1, "blank_line": 2}
"""Number of line ends in a run of white space that end a paragraph: one ends a line, two enclose a blank line."""


class Boundaries:
    """Sentence starts of texts, equal to spaCy's.

    Args:
        tokenizer: the facts of the tokenizer; None if every character is a token.
        given: returns spaCy's tokenizer, for chunks that it must tokenize.
        paragraphs: as `paragraphs.paragraph_spans`.
        rules: the corrections.
    """

    def __init__(
        self, tokenizer: TokenizerFacts | None, given: Callable[[], Any], paragraphs: str, rules: SentenceRules
    ) -> None:
        self.rules = rules
        self.by_character = tokenizer is None
        self.parting = LINE_ENDS_THAT_PART[paragraphs]
        self.answers: Any = Answers(tokenizer, given, rules) if tokenizer else None
        self.spaced = spaced_rules(tokenizer.strings if tokenizer else ())
        self._forget()

    def _forget(self) -> None:
        self.slots = np.full(LEAST_SLOTS, -1, np.int32)
        self.hashes = np.zeros(MOST_ENTRIES * 2, np.uint64)
        self.num_entries = 0
        self.answer_of = np.zeros(MOST_ENTRIES * 2, np.int64)
        if self.answers and len(self.answers.firsts) > MOST_ANSWERS:
            self.answers.forget()

    def starts(
        self,
        text: str,
        codes: NDArray[np.uint32],
        signs: tuple[NDArray[np.uint8], NDArray[np.uint64]],
        documents: NDArray[np.int64],
        classes: NDArray[np.uint16],
    ) -> NDArray[np.int64]:
        """Where sentences begin.

        Args:
            text: all the texts, joined.
            codes: shape (num_characters,), the same.
            signs: `Characters.signs_of` these.
            documents: shape (num_texts + 1,), where each text begins.
            classes: `Characters.classes`.

        Returns:
            shape (num_starts,), int64, strictly increasing indices into `codes`.
        """
        if self.by_character:
            found, fresh = np.empty(len(codes) + 1, np.int64), np.zeros(len(codes) + 1, np.bool_)
            count = _starts_by_character(codes, documents, classes, self.parting, found, fresh)
        else:
            found, fresh, count = self._candidates(text, codes, signs, documents, classes)
        move, correct = self.rules.move_opening_marks, self.rules.correct_end_marks
        return found[: refine(codes, classes, found[:count], fresh, move, correct) if move or correct else count]

    def _candidates(
        self,
        text: str,
        codes: NDArray[np.uint32],
        signs: tuple[NDArray[np.uint8], NDArray[np.uint64]],
        documents: NDArray[np.int64],
        classes: NDArray[np.uint16],
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], int]:
        """Returns where sentences may begin, which of these begin a paragraph, and their number."""
        if self.num_entries > MOST_ENTRIES:
            self._forget()
        if 4 * self.num_entries > len(self.slots):
            before, self.slots = self.slots, np.full(4 * len(self.slots), -1, np.int32)
            _insert(before, self.slots, self.hashes)
        room = len(codes) // 2 + len(documents) + 1
        if self.num_entries + room > len(self.hashes):
            self.hashes = np.concatenate([self.hashes, np.zeros(room, np.uint64)])
            self.answer_of = np.concatenate([self.answer_of, np.zeros(room, np.int64)])
        events, asked = np.empty((room, 3), np.int64), np.empty((room, 2), np.int64)
        num_events, num_asked = _survey(
            codes,
            *signs,
            documents,
            classes,
            self.parting,
            glued_places(text, codes, self.spaced),
            self.slots,
            self.hashes,
            self.num_entries,
            events,
            asked,
        )
        end, answers = self.num_entries + num_asked, self.answers
        self.answer_of[self.num_entries : end] = answers.of(codes, asked[:num_asked], classes)
        self.num_entries = end
        limit = _put_answers(events[:num_events], self.answer_of, answers.inner_ends)
        found, fresh = np.empty(limit, np.int64), np.zeros(limit, np.bool_)
        effects = (answers.firsts, answers.leaves, answers.inner, answers.inner_ends)
        return found, fresh, _resolve(events[:num_events], *effects, found, fresh)


@compiled
def _slot_of(mixed: Any, slots: NDArray[np.int32], hashes: NDArray[np.uint64]) -> Any:
    """The slot of this hash: the one that holds it, or the free one for it."""
    last = len(slots) - 1
    slot = np.int64(mixed & np.uint64(last))
    while slots[slot] >= 0 and hashes[slots[slot]] != mixed:
        slot = (slot + 1) & last
    return slot


@compiled
def _insert(entries: NDArray[np.int32], slots: NDArray[np.int32], hashes: NDArray[np.uint64]) -> None:
    """Puts entries, those that are not negative, into the table `slots`."""
    for entry in entries:
        if entry >= 0:
            slots[_slot_of(hashes[entry], slots, hashes)] = entry


@compiled
def _next_space(eights: NDArray[np.uint64], at: Any, end: Any) -> tuple[Any, Any]:
    """The place of the next white space, or the end, and whether a mark precedes it."""
    marks, length = np.uint64(0), 8
    while length == 8 and at < end:
        signs = eight_from(eights, at)
        inside = bytes_before(signs & (signs << ONE) & HIGHEST)
        length = num_bytes(inside)
        if at + length > end:
            length = end - at
            inside = (ONE << np.uint64(8 * length)) - ONE
        marks |= signs & (signs << TWO) & inside & HIGHEST
        at += length
    return at, marks != 0


@compiled
def _next_that_matters(
    signs: NDArray[np.uint8], eights: NDArray[np.uint64], start: Any, end: Any, glued: NDArray[np.int64], glue: int
) -> Any:
    """Where the next chunk with a mark, or run of white space with a line end, begins; `end` if there is none.

    A chunk begins or ends at `start`, and `glued[glue]` is the first of these places that is not before it.
    """
    at, length = start, 8
    while length == 8 and at < end:
        word = eight_from(eights, at)
        length = num_bytes(bytes_before(word & ((word << TWO) | (word << FOUR)) & HIGHEST))
        at += length
    if at >= end:
        return end
    if signs[at] & SPACE_SIGN == SPACE_SIGN:
        while at > start and signs[at - 1] & SPACE_SIGN == SPACE_SIGN:
            at -= 1
        return at
    while at > start and (signs[at - 1] & SPACE_SIGN != SPACE_SIGN or _is_glued(at - 1, glued, glue)):
        at -= 1
    return at


@compiled
def _is_glued(place: Any, glued: NDArray[np.int64], glue: int) -> bool:
    while glued[glue] < place:
        glue += 1
    return glued[glue] == place  # type: ignore[no-any-return]


@compiled
def _hash_chunk(codes: NDArray[np.uint32], begin: int, end: int) -> Any:
    mixed = np.uint64(0x9E3779B97F4A7C15)
    for at in range(begin, end):
        mixed = (mixed ^ np.uint64(codes[at])) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
    return mixed


@compiled
def _survey(  # noqa: C901, PLR0912 - one loop over chunks
    codes: NDArray[np.uint32],
    signs: NDArray[np.uint8],
    eights: NDArray[np.uint64],
    documents: NDArray[np.int64],
    classes: NDArray[np.uint16],
    parting: int,
    glued: NDArray[np.int64],
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    num_entries: int,
    events: NDArray[np.int64],
    asked: NDArray[np.int64],
) -> tuple[int, int]:
    """Finds the chunks that matter: `events` (any, 3) of place, entry and gap, and `asked` (any, 2), the span of each new entry.

    A gap is white space that spaCy turns into a token: anything but a single space.
    """
    num_events, num_asked, glue = 0, 0, 0
    most_kept = len(slots) // 4 * 3  # further chunks of this call are asked for each time, and kept by a later one
    for document in range(len(documents) - 1):
        at, end = documents[document], documents[document + 1]
        fresh, maybe = True, False
        while at < end:
            if not fresh and not maybe:
                at = _next_that_matters(signs, eights, at, end, glued, glue)
            run, line_ends = at, 0
            while at < end and signs[at] & SPACE_SIGN == SPACE_SIGN:
                code = codes[at]
                line_ends += code == 13 or (code == 10 and (at == run or codes[at - 1] != 13))
                at += 1
            if at == end:
                break
            if run < at and not fresh and not maybe and line_ends < parting:
                continue
            gap = at > run and (at - run > 1 or codes[run] != 32)
            begin = at
            at, stops = _next_space(eights, at, end)
            while glued[glue] < at:
                glue += 1
            while at < end and glued[glue] == at:
                stops = stops or (signs[at] & IS_MARK) != 0
                at, marks = _next_space(eights, at + 1, end)
                stops = stops or marks
                while glued[glue] < at:
                    glue += 1
            if fresh or line_ends >= parting:
                events[num_events, 0], events[num_events, 1], events[num_events, 2] = begin, NEW_PARAGRAPH, 0
                num_events += 1
                fresh, maybe, gap = False, False, False
            entry = PLAIN_CHUNK
            punctuated = (classes[codes[begin]] & PUNCTUATION) != 0
            if stops or (punctuated and maybe and not gap):
                entry, mixed = -3, _hash_chunk(codes, begin, at)
                if at - begin <= LONGEST_KEPT:
                    slot = _slot_of(mixed, slots, hashes)
                    entry = slots[slot]
                    if entry < 0 and num_entries + num_asked < most_kept:
                        slots[slot] = num_entries + num_asked
                if entry < 0:
                    entry = num_entries + num_asked
                    hashes[entry] = mixed
                    asked[num_asked, 0], asked[num_asked, 1] = begin, at
                    num_asked += 1
            if entry >= 0 or maybe:
                events[num_events, 0], events[num_events, 1], events[num_events, 2] = begin, entry, gap
                num_events += 1
            maybe = stops or (entry >= 0 and maybe and not gap)
    return num_events, num_asked


@compiled
def _put_answers(events: NDArray[np.int64], answer_of: NDArray[np.int64], inner_ends: NDArray[np.int64]) -> int:
    """Replaces the entries of events by their answers; returns the largest number of starts that they can produce."""
    count = 0
    for event in range(len(events)):
        entry = events[event, 1]
        count += 2
        if entry >= 0:
            answer = answer_of[entry]
            events[event, 1] = answer
            count += inner_ends[answer + 1] - inner_ends[answer]
    return count


@compiled
def _resolve(
    events: NDArray[np.int64],
    firsts: NDArray[np.int32],
    leaves: NDArray[np.uint8],
    inner: NDArray[np.int32],
    inner_ends: NDArray[np.int64],
    found: NDArray[np.int64],
    fresh: NDArray[np.bool_],
) -> int:
    """Runs the sentencizer over the events, with answers in place of entries; fills `found` and `fresh` (paragraph starts), returns how many sentences begin."""
    count, seen = 0, False
    for event in range(len(events)):
        place, entry = events[event, 0], events[event, 1]
        if entry == NEW_PARAGRAPH or (seen and (events[event, 2] or entry == PLAIN_CHUNK)):
            found[count] = place
            fresh[count] = entry == NEW_PARAGRAPH
            count += 1
            seen = False
        if entry < 0:
            continue
        if seen and firsts[entry] >= 0:
            found[count] = place + firsts[entry]
            count += 1
        for index in range(inner_ends[entry], inner_ends[entry + 1]):
            found[count] = place + inner[index]
            count += 1
        seen = (leaves[entry] & (2 if seen else 1)) != 0
    return count


@compiled
def _starts_by_character(
    codes: NDArray[np.uint32],
    documents: NDArray[np.int64],
    classes: NDArray[np.uint16],
    parting: int,
    found: NDArray[np.int64],
    fresh: NDArray[np.bool_],
) -> int:
    """The sentencizer where every character is a token; fills `found` and `fresh`, returns how many sentences begin."""
    count = 0
    for document in range(len(documents) - 1):
        first, seen, run, line_ends = True, False, 0, 0
        for at in range(documents[document], documents[document + 1]):
            code = codes[at]
            bits = classes[code]
            if bits & SPACE:
                line_ends += code == 13 or (code == 10 and (run == 0 or codes[at - 1] != 13))
                run += 1
                continue
            gap = run > 1 or (run == 1 and codes[at - 1] != 32)
            first = first or line_ends >= parting
            if first or (seen and (gap or not bits & (SINGLE_MARK | PUNCTUATION))):
                found[count], fresh[count] = at, first
                count += 1
                seen = False
            seen = seen or (bits & SINGLE_MARK) != 0
            first, run, line_ends = False, 0, 0
    return count
