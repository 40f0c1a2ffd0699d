"""How chunks affect sentences: tokenized by spaCy, one of each shape, and kept."""

from __future__ import annotations

import dataclasses
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import allocating, compiled
from nspdata.arrays.ragged import offsets
from nspdata.tokenization.fast.chunk_tokens import ChunkTokens
from nspdata.tokenization.fast.rule_strings import holds_rule
from nspdata.tokenization.fast.shape_cache import ShapeAnswers, ShapeCache, no_answers
from nspdata.tokenization.fast.shapes import Shapes
from nspdata.tokenization.fast.tokens import LINE_END, STOP, WORD, WORD_END, divided, kinds_of, word_ends

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nspdata.tokenization.fast.facts import TokenizerFacts
    from nspdata.tokenization.rules import SentenceRules


class Answers:
    """The effect of chunks on the sentencizer.

    Args:
        tokenizer: the facts of spaCy's tokenizer.
        given: returns spaCy's tokenizer.
        rules: the corrections.

    Attributes:
        firsts: shape (num_answers,), int32: see `_transitions`.
        leaves: shape (num_answers,), uint8: see `_transitions`.
        inner, inner_ends: ragged int32: see `_transitions`.
        bounds, bound_ends: ragged int32: where spaCy's tokens begin in the chunk, and where the last one ends.
    """

    def __init__(self, tokenizer: TokenizerFacts, given: Callable[[], Any], rules: SentenceRules) -> None:
        self.tokens = ChunkTokens(tokenizer, given)
        self.rules = rules
        self.shapes = Shapes(tokenizer)
        self.cache = ShapeCache.of(tokenizer, rules) if self.shapes.groups is not None else None
        if self.cache:
            weakref.finalize(self, self.cache.save)  # also at the end of the process
        self._begin(no_answers())

    def forget(self) -> None:
        """Discards all answers but those of the cache."""
        self.shapes.forget()
        self._begin(no_answers())

    def _begin(self, given: ShapeAnswers) -> None:
        """Discards all answers but these, whose shapes are in the table."""
        self.firsts, self.leaves = given.firsts, given.leaves
        self.inner, self.inner_ends = given.inner, offsets(given.num_inner)
        self.bounds, self.bound_ends = given.bounds, offsets(given.num_bounds)

    def _load(self) -> None:
        """Begins with the answers of the cache."""
        assert self.cache
        given = self.cache.load()
        self.shapes.store(given.keys, np.arange(len(given)))
        self._begin(given)

    def _keep_own(self, codes: NDArray[np.uint32], asked: NDArray[np.int64], answers: NDArray[np.int64]) -> None:
        """Stores the answers of chunks that have other tokens than their shape."""
        keys = self.shapes.hashes(codes, asked)
        self.shapes.store(keys, answers)
        self._keep(keys, answers)

    def _keep(self, keys: NDArray[np.uint64], answers: NDArray[np.int64]) -> None:
        """Adds the answers of new shapes to the cache."""
        if self.cache and len(keys):
            num_inner, num_bounds = np.diff(self.inner_ends), np.diff(self.bound_ends)
            first = int(answers.min())
            all_new = ShapeAnswers(
                np.zeros(len(self.firsts) - first, np.uint64),
                self.firsts[first:],
                self.leaves[first:],
                num_inner[first:],
                num_bounds[first:],
                self.inner[self.inner_ends[first] :],
                self.bounds[self.bound_ends[first] :],
            )
            self.cache.add(dataclasses.replace(all_new.take(answers - first), keys=keys))

    def of(self, codes: NDArray[np.uint32], asked: NDArray[np.int64], classes: NDArray[np.uint16]) -> NDArray[np.int64]:
        """The answer of each chunk.

        Args:
            codes: the text.
            asked: shape (n, 2), int64: start and end of each chunk.
            classes: `Characters.classes`.

        Returns:
            shape (n,), int64.
        """
        try:
            return self._of(codes, asked, classes)
        except BaseException:
            self.shapes.forget()  # shapes may wait for chunks of this call
            raise

    def _of(
        self, codes: NDArray[np.uint32], asked: NDArray[np.int64], classes: NDArray[np.uint16]
    ) -> NDArray[np.int64]:
        """See `of`: first the chunks without a known shape, one of each shape, then those that have other tokens than their shape."""
        shapes = self.shapes
        if self.cache and not len(self.firsts):
            self._load()
        if shapes.groups is not None:
            shapes.learn(codes, asked, classes)
        found, leaders, slots = shapes.match(codes, asked, self.bounds, self.bound_ends)
        own = leaders == np.arange(len(asked))
        alone = np.flatnonzero((found < 0) & own)
        found[alone] = self._ask(codes, asked[alone], classes)
        if shapes.groups is None:
            return found
        others = alone[slots[alone] < 0]
        self._keep_own(codes, asked[others], found[others])
        shared = alone[slots[alone] >= 0]
        if len(shared):
            ruled = self._ruled(codes, asked[shared], found[shared])
            shapes.share(slots[shared], np.where(ruled, -1, found[shared]))
            self._keep(shapes.keys[slots[shared[~ruled]]], found[shared[~ruled]])
            self._keep_own(codes, asked[shared[ruled]], found[shared[ruled]])
            of_leader = np.full(len(asked), -1, np.int64)
            of_leader[shared] = np.where(ruled, -1, found[shared])
            waiting = np.flatnonzero(~own)
            found[waiting] = of_leader[leaders[waiting]]
            known = waiting[found[waiting] >= 0]
            found[known[self._ruled(codes, asked[known], found[known])]] = -1
            rest = waiting[found[waiting] < 0]
            found[rest] = self._ask(codes, asked[rest], classes)
            self._keep_own(codes, asked[rest], found[rest])
        return found

    def _ruled(
        self, codes: NDArray[np.uint32], asked: NDArray[np.int64], answers: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether each chunk, with the tokens of its answer, holds the string of a rule."""
        found = np.zeros(len(asked), np.bool_)
        shapes = self.shapes
        _holds_rules(codes, asked, answers, self.bounds, self.bound_ends, shapes.rules, shapes.longest_rule, found)
        return found

    def _ask(
        self, codes: NDArray[np.uint32], asked: NDArray[np.int64], classes: NDArray[np.uint16]
    ) -> NDArray[np.int64]:
        """Tokenizes chunks; returns the number of each answer."""
        before = len(self.firsts)
        bounds, num_bounds = self.tokens.of(codes, asked, classes)
        joined, tokens = _joined(codes, asked, bounds, num_bounds)
        tokens, kinds = self._kinds(joined, tokens, classes)
        firsts, leaves = np.empty(len(asked), np.int32), np.empty(len(asked), np.uint8)
        inner, counts = np.empty(len(tokens), np.int32), np.empty(len(asked), np.int64)
        count = _transitions(tokens[:, 0], kinds, firsts, leaves, inner, counts) if len(asked) else 0
        self.firsts = np.concatenate([self.firsts, firsts])
        self.leaves = np.concatenate([self.leaves, leaves])
        self.inner = np.concatenate([self.inner, inner[:count]])
        self.inner_ends = np.concatenate([self.inner_ends, self.inner_ends[-1] + np.cumsum(counts)])
        self.bounds = np.concatenate([self.bounds, bounds])
        self.bound_ends = np.concatenate([self.bound_ends, self.bound_ends[-1] + np.cumsum(num_bounds)])
        return np.arange(before, len(self.firsts))

    def _kinds(
        self, codes: NDArray[np.uint32], tokens: NDArray[np.int64], classes: NDArray[np.uint16]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """The tokens, divided at marks inside them, and the kind of each."""
        if self.rules.inner_marks:
            tokens = divided(codes, tokens, classes)
        kinds = kinds_of(codes, tokens, classes)
        if self.rules.word_marks:
            text = codes.tobytes().decode("utf-32-le", "surrogatepass")
            for token in word_ends(codes, tokens, kinds, classes).tolist():
                start, length = tokens[token].tolist()
                if self.rules.ends_with_mark(text[start : start + length]):
                    kinds[token] = WORD_END
        return tokens, kinds


@compiled
def _transitions(
    places: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    firsts: NDArray[np.int32],
    leaves: NDArray[np.uint8],
    inner: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> int:
    """The effect of each requested chunk on the sentencizer.

    `firsts`: the offset of the first token that begins a sentence if one has just ended, or -1. `leaves`: bit 0, whether a
    sentence has just ended on leaving; bit 1, the same where one had just ended on entering. `inner`: other starts.
    """
    chunk, begin, total = 0, np.int64(0), 0
    first, decided, seen, count = -1, False, False, 0
    for token in range(len(places) + 1):
        if token == len(places) or kinds[token] == LINE_END:
            firsts[chunk], counts[chunk] = first, count
            leaves[chunk] = seen | ((seen or not decided) << 1)
            chunk += 1
            if token < len(places):
                begin = places[token] + 1
            first, decided, seen, count = -1, False, False, 0
        elif kinds[token] == STOP:
            decided, seen = True, True
        elif kinds[token] == WORD or kinds[token] == WORD_END:
            if not decided:
                first, decided = places[token] - begin, True
            elif seen:
                inner[total] = places[token] - begin
                total += 1
                count += 1
                seen = False
            seen = seen or kinds[token] == WORD_END
    return total


@allocating
def _joined(
    codes: NDArray[np.uint32], asked: NDArray[np.int64], bounds: NDArray[np.int32], num_bounds: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The chunks with line ends between them, and their tokens (place, length), those of the line ends included.

    spaCy gives no token to a single space after a word, inside a chunk that was joined because of a rule.
    """
    size, last = np.int64(0), len(asked) - 1
    for chunk in range(len(asked)):
        size += asked[chunk, 1] - asked[chunk, 0] + 1
    text, tokens = np.empty(size, np.uint32), np.empty((len(bounds), 2), np.int64)
    at, first, count = np.int64(0), np.int64(0), 0
    for chunk in range(len(asked)):
        length = asked[chunk, 1] - asked[chunk, 0]
        for index in range(length):
            text[at + index] = codes[asked[chunk, 0] + index]
        text[at + length] = 10
        for bound in range(first, first + num_bounds[chunk] - 1):
            start, end = at + bounds[bound], at + bounds[bound + 1]
            tokens[count, 0], tokens[count, 1] = start, end - start - (end - start > 1 and text[end - 1] == 32)
            count += 1
        at += length
        first += num_bounds[chunk]
        if chunk < last:
            tokens[count, 0], tokens[count, 1] = at, 1
            count += 1
        at += 1
    return text, tokens[:count]


@compiled
def _holds_rules(
    codes: NDArray[np.uint32],
    asked: NDArray[np.int64],
    answers: NDArray[np.int64],
    bounds: NDArray[np.int32],
    bound_ends: NDArray[np.int64],
    rules: NDArray[np.uint64],
    longest_rule: int,
    found: NDArray[np.bool_],
) -> None:
    for chunk in range(len(asked)):
        own = bounds[bound_ends[answers[chunk]] : bound_ends[answers[chunk] + 1]]
        found[chunk] = holds_rule(codes, asked[chunk, 0], own, rules, longest_rule)
