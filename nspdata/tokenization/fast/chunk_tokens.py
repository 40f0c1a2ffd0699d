"""The tokens of chunks, equal to spaCy's: by programs of its patterns, and by spaCy where these do not apply."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.ragged import copy_runs, offsets
from nspdata.tokenization.fast.characters import NUM_CHARACTERS
from nspdata.tokenization.fast.matching import tokenize
from nspdata.tokenization.fast.programs import Programs
from nspdata.tokenization.fast.rule_strings import RuleStrings
from nspdata.tokenization.fast.tokenizer import bare_tokenizer
from nspdata.tokenization.rules import SPACE

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
        if facts.rules is None or facts.programs is None:
            return None
        programs = Programs(facts.programs)
        return programs, RuleStrings(facts.rules), _patterns(programs, list(facts.rules))

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
        total = tokenize(codes, asked, classes, programs.arrays(), rules.arrays(), patterns, bounds, counts)
        bounds = bounds[:total].copy()
        rest = np.flatnonzero(counts == 0)
        if not len(rest):
            return bounds, counts
        others, num_others = self._ask_spacy(codes, asked[rest])
        starts = offsets(counts)[:-1]
        starts[rest] = total + offsets(num_others)[:-1]
        counts[rest] = num_others
        return copy_runs(np.concatenate([bounds, others]), starts, offsets(counts)), counts

    def _ask_spacy(
        self, codes: NDArray[np.uint32], asked: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See `of`: by spaCy, which tokenizes many chunks at once, separated by line ends."""
        sizes = asked[:, 1] - asked[:, 0]
        batch = np.cumsum(sizes) // ASKED_AT_ONCE
        found, counts = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for part in np.split(asked, np.flatnonzero(np.diff(batch)) + 1) if len(asked) else []:
            text = "\n".join(
                codes[start:end].tobytes().decode("utf-32-le", "surrogatepass") for start, end in part.tolist()
            )
            # a tokenizer takes longer to make than a few questions to the given one
            tokenizer = self._tokenizer if self._own is None or len(text) > FEW_CHARACTERS else self._given()
            with tokenizer.vocab.memory_zone():
                tokens = tokenizer(text).to_array(["IDX", "LENGTH"]).astype(np.int64)
            bounds, num_bounds = np.empty(len(tokens) + 1, np.int32), np.empty(len(part), np.int64)
            _bounds(tokens, part[:, 1] - part[:, 0], bounds, num_bounds)
            found.append(bounds)
            counts.append(num_bounds)
        return np.concatenate(found), np.concatenate(counts)


def _patterns(programs: Programs, rules: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int64], bool]:
    """The tokens of each rule's string if there were no rules; see `apply_rules`. White space has none."""
    codes = np.frombuffer("".join(rules).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = offsets(np.array([len(rule) for rule in rules], np.int64))
    asked = np.stack([ends[:-1], ends[1:]], axis=1)
    programs.learn(codes, asked)
    classes = np.zeros(NUM_CHARACTERS, np.uint16)
    classes[[code for code in {*codes.tolist()} if chr(code).isspace()]] = SPACE
    bounds, counts = np.empty(len(codes) + len(rules), np.int32), np.zeros(len(rules), np.int64)
    none = (np.zeros(0, np.int32), np.zeros(1, np.int64), False)
    total = tokenize(codes, asked, classes, programs.arrays(), RuleStrings({}).arrays(), none, bounds, counts)
    return bounds[:total].copy(), offsets(counts), not any(len(rule.split()) > 1 for rule in rules)


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
