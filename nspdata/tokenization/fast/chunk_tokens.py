"""The tokens of chunks, equal to spaCy's: by programs of its patterns and its rules, and by spaCy where no program applies."""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.ragged import copy_runs, offsets
from nspdata.tokenization.fast.matching import tokenize
from nspdata.tokenization.fast.programs import Programs
from nspdata.tokenization.fast.rule_strings import RuleStrings
from nspdata.tokenization.fast.special_cases import SpecialCases
from nspdata.tokenization.fast.tokenizer import bare_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nspdata.tokenization.fast.facts import TokenizerFacts

ASKED_AT_ONCE = 200_000
"""Characters that spaCy tokenizes in one call."""

FEW_CHARACTERS = 2_000
"""Text for which the given tokenizer is asked, if there are programs for most chunks."""


class ChunkTokens:
    """Tokenizes chunks.

    Args:
        facts: of spaCy's tokenizer.
        given: returns spaCy's tokenizer, which is called for chunks without programs only.
    """

    def __init__(self, facts: TokenizerFacts, given: Callable[[], Any]) -> None:
        self._facts, self._given = facts, given

    @cached_property
    def _tokenizer(self) -> Any:
        """The tokenizer without what only words need. It takes 0.1 s and more to make, and texts may not need it."""
        return bare_tokenizer(self._given())

    @cached_property
    def _own(self) -> tuple[Programs, RuleStrings, Any] | None:
        """The programs of the tokenizer's patterns, its rules, and their tokens; None if not all are covered."""
        facts = self._facts
        if facts.rules is None or facts.programs is None or facts.patterns is None:
            return None
        return Programs(facts.programs), RuleStrings(facts.rules), _patterns(facts.rules, facts.patterns)

    @cached_property
    def _cases(self) -> SpecialCases:
        return SpecialCases(self._facts.rules or {}, self._facts.patterns or {})

    def of(
        self, codes: NDArray[np.uint32], asked: NDArray[np.int64], classes: NDArray[np.uint16]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Where the tokens of each chunk begin.

        Args:
            codes: the text.
            asked: shape (n, 2), int64: start and end of each chunk.
            classes: `Characters.classes`.

        Returns:
            For each chunk where its tokens begin, counted from its start, and its length, as one int32 array; how many of
            these numbers each chunk has, shape (n,), int64.
        """
        if self._own is None:
            return self._ask_spacy(codes, asked)
        programs, rules, patterns = self._own
        programs.learn(codes, asked)
        lengths = asked[:, 1] - asked[:, 0]
        bounds, counts = np.empty(int(lengths.sum()) + len(asked), np.int32), np.zeros(len(asked), np.int64)
        machine, strings = programs.arrays(), rules.arrays()
        total = tokenize(codes, asked, classes, machine, strings, patterns, True, bounds, counts)
        bounds = bounds[:total].copy()
        rest = np.flatnonzero(counts == 0)
        if len(rest):
            bounds, counts = _filled(bounds, counts, rest, *self._apply_cases(codes, asked[rest], classes))
            rest = np.flatnonzero(counts == 0)
        if len(rest):
            bounds, counts = _filled(bounds, counts, rest, *self._ask_spacy(codes, asked[rest]))
        return bounds, counts

    def _apply_cases(
        self, codes: NDArray[np.uint32], asked: NDArray[np.int64], classes: NDArray[np.uint16]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See `of`: chunks that the compiled loop has left. A chunk for which spaCy must be asked has no numbers."""
        assert self._own
        texts = [_text(codes, start, end) for start, end in asked.tolist()]
        words = [_words(text) for text in texts]
        spans = [
            (at + start, at + end) for (at, _), found in zip(asked.tolist(), words, strict=True) for start, end in found
        ]
        parts = np.array(spans, np.int64).reshape(-1, 2)
        programs, rules, patterns = self._own
        bounds, counts = np.empty(int(np.diff(parts).sum()) + len(parts), np.int32), np.zeros(len(parts), np.int64)
        tokenize(codes, parts, classes, programs.arrays(), rules.arrays(), patterns, False, bounds, counts)
        ends, part, answers = offsets(counts).tolist(), 0, list[list[int]]()
        for text, found in zip(texts, words, strict=True):
            tokens: list[tuple[int, int]] = []
            for index, (begin, _) in enumerate(found, part):
                own = (bounds[ends[index] : ends[index + 1]] + begin).tolist()
                tokens += pairwise(own)
            known = len(found) and counts[part : part + len(found)].all()
            answers.append([*self._cases.applied(text, tokens), len(text)] if known else [])
            part += len(found)
        lengths = np.array([len(answer) for answer in answers], np.int64)
        return np.array([bound for answer in answers for bound in answer], np.int32), lengths

    def _ask_spacy(
        self, codes: NDArray[np.uint32], asked: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See `of`: by spaCy, which tokenizes many chunks at once, separated by line ends."""
        sizes = asked[:, 1] - asked[:, 0]
        batch = np.cumsum(sizes) // ASKED_AT_ONCE
        found, counts = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for part in np.split(asked, np.flatnonzero(np.diff(batch)) + 1) if len(asked) else []:
            text = "\n".join(_text(codes, start, end) for start, end in part.tolist())
            # a tokenizer takes longer to make than a few questions to the given one
            tokenizer = self._tokenizer if self._own is None or len(text) > FEW_CHARACTERS else self._given()
            with tokenizer.vocab.memory_zone():
                tokens = tokenizer(text).to_array(["IDX", "LENGTH"]).astype(np.int64)
            bounds, num_bounds = np.empty(len(tokens) + 1, np.int32), np.empty(len(part), np.int64)
            _bounds(tokens, part[:, 1] - part[:, 0], bounds, num_bounds)
            found.append(bounds)
            counts.append(num_bounds)
        return np.concatenate(found), np.concatenate(counts)


def _filled(
    bounds: NDArray[np.int32],
    counts: NDArray[np.int64],
    rest: NDArray[np.int64],
    others: NDArray[np.int32],
    num_others: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The bounds of chunks, and how many each has, with those of the chunks at the indices `rest`, which have none yet."""
    starts = offsets(counts)[:-1]
    starts[rest] = len(bounds) + offsets(num_others)[:-1]
    counts[rest] = num_others
    return copy_runs(np.concatenate([bounds, others]), starts, offsets(counts)), counts


def _patterns(
    rules: dict[str, list[str]], patterns: dict[str, list[str]]
) -> tuple[NDArray[np.int32], NDArray[np.int64], bool]:
    """The tokens of each rule's string if there were no rules; see `apply_rules`. A string that holds white space has none."""
    bounds = [
        [] if rule.split() != [rule] else [*accumulate(map(len, patterns.get(rule, [rule])), initial=0)]
        for rule in rules
    ]
    ends = offsets(np.array([len(found) for found in bounds], np.int64))
    flat = np.array([bound for found in bounds for bound in found], np.int32)
    return flat, ends, not any(len(rule.split()) > 1 for rule in rules)


def _text(codes: NDArray[np.uint32], start: int, end: int) -> str:
    return codes[start:end].tobytes().decode("utf-32-le", "surrogatepass")


def _words(text: str) -> list[tuple[int, int]]:
    r"""Start and end of what a chunk holds between single spaces, to which spaCy gives no tokens; none if it holds other white space.

    >>> _words("and so on"), _words("and  so"), _words("so\n")
    ([(0, 3), (4, 6), (7, 9)], [], [])
    """
    words = text.split(" ")
    if any(word.split() != [word] for word in words):
        return []
    starts = accumulate((len(word) + 1 for word in words[:-1]), initial=0)
    return [(start, start + len(word)) for start, word in zip(starts, words, strict=True)]


@compiled
def _bounds(
    tokens: NDArray[np.int64], lengths: NDArray[np.int64], bounds: NDArray[np.int32], num_bounds: NDArray[np.int64]
) -> None:
    """Where the tokens (place, length) of chunks, separated by line ends, begin in their chunk, and where the last one ends."""
    token, count, begin = 0, 0, np.int64(0)
    for chunk in range(len(lengths)):
        first = count
        while token < len(tokens) and tokens[token, 0] < begin + lengths[chunk]:
            bounds[count] = tokens[token, 0] - begin
            count += 1
            token += 1
        bounds[count] = lengths[chunk]
        count += 1
        token += 1  # the line end
        num_bounds[chunk] = count - first
        begin += lengths[chunk] + 1
