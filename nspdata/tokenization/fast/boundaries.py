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
from nspdata.tokenization.fast.survey import NEW_PARAGRAPH, PLAIN_CHUNK, insert, survey
from nspdata.tokenization.fast.tokenizer import glued_places, spaced_rules
from nspdata.tokenization.rules import PUNCTUATION, SPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nspdata.tokenization.fast.facts import TokenizerFacts
    from nspdata.tokenization.rules import SentenceRules

LEAST_SLOTS = 1 << 14
"""Size of the table of chunks at first: it grows with them, because a small one stays in a fast cache."""

MOST_ENTRIES = 500_000
"""Number of chunks in the cache before it is emptied: about 60 MB."""

MOST_ANSWERS = 400_000
"""Number of answers that are kept when the cache of chunks is emptied: about 30 MB."""

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
            insert(before, self.slots, self.hashes)
        room = len(codes) // 2 + len(documents) + 1
        if self.num_entries + room > len(self.hashes):
            self.hashes = np.concatenate([self.hashes, np.zeros(room, np.uint64)])
            self.answer_of = np.concatenate([self.answer_of, np.zeros(room, np.int64)])
        events, asked = np.empty((room, 3), np.int64), np.empty((room, 2), np.int64)
        num_events, num_asked = survey(
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
