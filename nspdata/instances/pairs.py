"""Two segments per row: Google's procedure, and ALBERT's label on the same segments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.random import heads, words_for_heads
from nspdata.instances.chunks import PairRules, chunk_end, nearest_end, num_starts, with_last
from nspdata.instances.elsewhere import draw_elsewhere, has_elsewhere
from nspdata.instances.pool import (
    NO_POOL,
    below,
    make_pool,
    other_document,
    rarest_token,
    sentence_holding,
    similar_document,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nspdata.instances.pool import Pool, Text

REACH = 64
"""Maximum sentences of another document to try as the start of B, if B must fit."""

DRAWS = 6
"""32-bit draws per pair, taken from the first sentence of the pair: whether the target is short, its length, the end of A, the label,
the other document, the start of B in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs as indices into documents, sentences and tokens; every array has shape (num_pairs,) and dtype int64.

    Attributes:
        document_a, document_b: index of each segment's document.
        sentence_a, sentence_b: index of each segment's first sentence, before truncation, over all documents.
        start_a, start_b: first token of each segment, after truncation.
        length_a, length_b: tokens of each segment, after truncation.
        label: 1 if B does not follow A.
        forced: how many pairs could only have label 1.
        forced_positives: how many pairs could only have label 0; always 0 unless negatives are `same_document`.
        unpaired: sentences that are in no pair.
        truncated: tokens cut off.
    """

    document_a: NDArray[np.int64]
    document_b: NDArray[np.int64]
    sentence_a: NDArray[np.int64]
    sentence_b: NDArray[np.int64]
    start_a: NDArray[np.int64]
    start_b: NDArray[np.int64]
    length_a: NDArray[np.int64]
    length_b: NDArray[np.int64]
    label: NDArray[np.int64]
    forced: int = 0
    forced_positives: int = 0
    unpaired: int = 0
    truncated: int = 0

    def __len__(self) -> int:
        return len(self.label)


SHIFTED = {"document_a": 0, "document_b": 0, "sentence_a": 1, "sentence_b": 1, "start_a": 2, "start_b": 2}
"""The attributes that are indices, and what they count: documents, sentences or tokens."""


def joined(parts: Sequence[Pairs], firsts: Sequence[tuple[int, int, int]]) -> Pairs:
    """The pairs of several shards as indices into all their documents.

    Args:
        parts: of each shard, as indices into its own documents; at least one.
        firsts: the first document, sentence and token of each shard.
    """
    if len(parts) == 1:
        return parts[0]
    counts = [len(part) for part in parts]
    shifts = np.repeat(np.array(firsts, np.int64), counts, axis=0)
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in (*SHIFTED, "length_a", "length_b", "label")
    }
    for name, unit in SHIFTED.items():
        arrays[name] += shifts[:, unit]
    return Pairs(
        **arrays,
        forced=sum(part.forced for part in parts),
        forced_positives=sum(part.forced_positives for part in parts),
        unpaired=sum(part.unpaired for part in parts),
        truncated=sum(part.truncated for part in parts),
    )


class Aim(NamedTuple):
    """How the label is drawn; see `pair`.

    Attributes:
        chance: probability of label 1 for a pair whose label is not forced.
        free_rate: average pairs with a free label per sentence.
    """

    chance: float
    free_rate: float


def _aim(count: int, forced: int, fixed: int, random_next_prob: float, num_sentences: int) -> Aim:
    """Returns the probability for free labels with which `random_next_prob` of all pairs have label 1.

    >>> _aim(100, 20, 0, 0.5, 400)  # 20 pairs have label 1 anyway; 30 of the other 80 must have it
    Aim(chance=0.375, free_rate=0.2)
    """
    free = max(1, count - forced - fixed)
    chance = min(1.0, max(0.0, (random_next_prob * count - forced) / free))
    return Aim(chance, free / max(1, num_sentences))


def pair(
    text: Text,
    document_ids: NDArray[np.uint64],
    bits: np.random.Philox,
    *,
    objective: str,
    unit: str,
    negatives: str,
    fill: str,
    max_tokens: int,
    short_seq_prob: float,
    random_next_prob: float,
) -> Pairs:
    """Makes the pairs of a shard's documents.

    Google's procedure: sentences are gathered to a target length, A is the first few of them, B is the rest or (label 1) a run
    of another document's sentences. Sentences that are not used are put back. The target is drawn for each pair, not once per document.

    With fill `overshoot` the last sentence of a chunk may take it past its target, and the pair is truncated. With `fit` a chunk
    ends before the sentence that would give it more than `max_tokens`; a random B aims at the length of the real B: it starts where
    its document has as many tokens left, at a sentence that fits together with A. Otherwise, short Bs would show the label.
    Nothing is truncated if no sentence is longer than half of `max_tokens`: then any two sentences fit.

    A chunk of one sentence can only have label 1. The other chunks compensate for these forced negatives, all equally: a first
    pass counts both kinds, and the second draws free labels with the probability that gives `random_next_prob` over both. The
    deviation so far is spread over the remaining free labels.

    With negatives `same_document` B is drawn from the rest of A's document; a chunk whose document has no other place can only have
    label 0, and the sentence of a document of one sentence is in no pair.

    Args:
        text: the documents.
        document_ids: shape (num_documents,); documents with equal ids never supply negatives to each other.
        bits: the stream of this shard and pass.
        objective: `nsp` or `sop`.
        unit: `segments` or `sentences`.
        negatives: `other`, `similar` or `same_document`.
        fill: `fit` or `overshoot`.
        max_tokens: tokens of A and B together, at most.
        short_seq_prob: share of pairs with a random, shorter target.
        random_next_prob: share of label 1.
    """
    num_sentences = len(text.sentence_offsets) - 1
    rules = PairRules(
        max_tokens=max_tokens,
        short_below=int(short_seq_prob * 2**32),
        random_next_prob=float(random_next_prob),
        single=unit == "sentences",
        swaps=objective == "sop",
        similar=negatives == "similar",
        same=negatives == "same_document" and objective == "nsp",
        fits=fill == "fit",
    )
    pool = NO_POOL if rules.swaps or rules.same else make_pool(text, document_ids, similar=rules.similar)
    words = bits.random_raw(num_sentences * DRAWS // 2)
    draw, found = np.empty(DRAWS, np.int64), np.empty((num_sentences, 7), np.int64)
    kinds = rules.same or None, rules.similar or None
    count, forced, fixed, _ = _chunks(
        text, pool, rules, Aim(rules.random_next_prob, np.inf), words, draw, found, *kinds
    )
    aim = _aim(count, forced, fixed, random_next_prob, num_sentences)
    count, forced, fixed, unpaired = _chunks(text, pool, rules, aim, words, draw, found, *kinds)
    pairs = _truncated(found[:count], text.sentence_offsets, bits, max_tokens)
    return replace(pairs, forced=int(forced), forced_positives=int(fixed), unpaired=int(unpaired))


@compiled
def _chunks(  # noqa: C901 - one loop
    text: Text,
    pool: Pool,
    rules: PairRules,
    aim: Aim,
    words: NDArray[np.uint64],
    draw: NDArray[np.int64],
    found: NDArray[np.int64],
    same: bool | None,  # noqa: FBT001 - compiled functions have positional arguments
    similar: bool | None,  # noqa: FBT001
) -> tuple[int, int, int, int]:
    """Fills `found` (num_sentences, 7): documents A, B; first and end sentence of A and B; label. `draw` has room for `DRAWS` numbers.

    `words` (num_sentences * DRAWS / 2) are the draws of each sentence, two in a word, the high half first.

    `same` and `similar` are those of the rules, or None if they are not set: numba removes a branch for an argument that is None
    before it compiles what the branch calls, half of the functions here.

    Returns:
        Pairs, those that could only have label 1, those that could only have label 0, unpaired sentences.
    """
    count, forced, fixed, unpaired, negatives = 0, 0, 0, 0, 0
    num_sentences = len(text.sentence_offsets) - 1
    for document in range(len(text.document_offsets) - 1):
        first, end = text.document_offsets[document], text.document_offsets[document + 1]
        sentence = first
        while sentence < end:
            for index in range(DRAWS // 2):
                word = words[sentence * (DRAWS // 2) + index]
                draw[2 * index], draw[2 * index + 1] = word >> np.uint64(32), word & np.uint64(0xFFFFFFFF)
            row = found[count]
            target = rules.max_tokens
            if draw[0] < rules.short_below:
                target = 2 + below(draw[1], rules.max_tokens - 1)
            stop = chunk_end(text.sentence_offsets, sentence, end, (target, rules.max_tokens), rules)
            if rules.fits and stop == end - 1 and not rules.single:
                stop = with_last(text.sentence_offsets, sentence, stop, rules.max_tokens)
            only_next = rules.same and not has_elsewhere(first, sentence, end)
            if rules.swaps or only_next:  # a single sentence cannot be swapped, and has no B
                stop = max(stop, min(sentence + 2, end))
            alone, paired = stop == sentence + 1, rules.single and sentence > first
            if alone and (rules.swaps or only_next or paired):
                unpaired += not paired
                sentence = stop
                continue
            to_come = max(1.0, aim.free_rate * (num_sentences - sentence))
            chance = aim.chance + (rules.random_next_prob * count - negatives) / to_come
            label = alone or (not only_next and draw[3] < chance * 4294967296.0)
            middle = sentence + 1 + below(draw[2], stop - sentence - 1)
            row[0], row[1], row[2], row[3], row[4], row[5] = document, document, sentence, middle, middle, stop
            row[6] = label
            if label and rules.swaps:
                row[2], row[3], row[4], row[5] = middle, stop, sentence, middle
            elif label:
                if same is not None:
                    draw_elsewhere(text, rules, draw, target, row)
                else:
                    _draw_other(text, pool, rules, draw, target, row, similar)
                stop = row[3]
            sentence = sentence + 1 if rules.single else stop
            count += 1
            forced += alone
            fixed += only_next
            negatives += label
    return count, forced, fixed, unpaired


@compiled
def _draw_other(
    text: Text,
    pool: Pool,
    rules: PairRules,
    draw: NDArray[np.int64],
    target: int,
    row: NDArray[np.int64],
    similar: bool | None,  # noqa: FBT001
) -> None:
    """Replaces B by sentences of another document, from a random start: one, or as many as reach the target.

    If chunks must fit, B is about as long as the one that it replaces, and A may be shortened; the removed sentences start the next
    chunk.
    """
    offsets = text.sentence_offsets
    begin, end = offsets[row[2]], offsets[row[3]]
    rarest = -1
    if similar is not None:
        rarest = rarest_token(text, pool, begin, end)
    if similar is not None and rarest >= 0:
        row[1] = similar_document(pool, draw[4], row[0], rarest)
    else:
        row[1] = other_document(pool, draw[4], row[0])
    first, last = text.document_offsets[row[1]], text.document_offsets[row[1] + 1]
    wanted = offsets[row[5]] - end if rules.fits and not rules.single else 0
    row[4] = first + below(draw[5], num_starts(offsets, first, last, wanted))
    if similar is not None and rarest >= 0:
        row[4] = sentence_holding(text, rarest, row[4], last)
    if rules.fits:
        aim = wanted + end - begin if wanted else target
        _fit_first(text, rules, row)
        length = offsets[row[3]] - begin
        row[5] = (
            row[4] + 1 if rules.single else nearest_end(offsets, row[4], last, aim - length, rules.max_tokens - length)
        )
        return
    row[5] = row[4] + 1
    if not rules.single:
        row[5] = chunk_end(offsets, row[4], last, (target - (end - begin), rules.max_tokens), rules)


@compiled
def _fit_first(text: Text, rules: PairRules, row: NDArray[np.int64]) -> None:
    """Moves the start of B to the next sentence that fits together with A. If none within `REACH` fits, A loses its last sentence.

    The search wraps to the document's start. If A is a single sentence and nothing fits, both stay as they are.
    """
    offsets, first, last = text.sentence_offsets, text.document_offsets[row[1]], text.document_offsets[row[1] + 1]
    start = row[4]
    while True:
        most = rules.max_tokens - (offsets[row[3]] - offsets[row[2]])
        for step in range(min(REACH, last - first)):
            found = start + step
            if found >= last:
                found -= last - first
            if offsets[found + 1] - offsets[found] <= most:
                row[4] = found
                return
        if row[3] == row[2] + 1:
            return
        row[3] -= 1


def _truncated(
    found: NDArray[np.int64],
    sentence_offsets: NDArray[np.int64],
    bits: np.random.Philox,
    max_tokens: int,
) -> Pairs:
    """Cuts tokens off the longer segment, each from the front or the back with equal probability, until both fit."""
    start_a, start_b = sentence_offsets[found[:, 2]], sentence_offsets[found[:, 4]]
    length_a, length_b = sentence_offsets[found[:, 3]] - start_a, sentence_offsets[found[:, 5]] - start_b
    pairs = Pairs(
        document_a=found[:, 0],
        document_b=found[:, 1],
        sentence_a=found[:, 2],
        sentence_b=found[:, 4],
        start_a=start_a,
        start_b=start_b,
        length_a=length_a,
        length_b=length_b,
        label=found[:, 6],
    )
    if (length_a + length_b).max(initial=0) <= max_tokens:
        return pairs
    cut_a, cut_b = cuts(length_a, length_b, max_tokens)
    both = np.concatenate([cut_a, cut_b])
    front = heads(bits.random_raw(words_for_heads(both)), both)
    return replace(
        pairs,
        start_a=start_a + front[: len(found)],
        start_b=start_b + front[len(found) :],
        length_a=length_a - cut_a,
        length_b=length_b - cut_b,
        truncated=int(both.sum()),
    )


def cuts(
    length_a: NDArray[np.int64], length_b: NDArray[np.int64], max_tokens: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns how many tokens A and B lose if one at a time is cut from the longer (from B if they are equal).

    >>> [part.tolist() for part in cuts(np.array([9, 3]), np.array([4, 3]), 7)]
    [[5, 0], [1, 0]]
    """
    excess = np.maximum(0, length_a + length_b - max_tokens)
    lead = length_a - length_b
    first = np.minimum(excess, np.abs(lead))
    rest = excess - first
    cut_a = np.where(lead > 0, first, 0) + rest // 2
    return cut_a, excess - cut_a
