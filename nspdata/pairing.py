"""Segments A and B: the procedure of the BERT paper over flat offsets; a pair is a few integers.

Sources: Devlin et al. 2019, section 3.1 and appendix A.2, and Google's `create_pretraining_data.py`; Lan et al. 2020 (ALBERT)
for `sop`; Liu et al. 2019 (RoBERTa, DOC-SENTENCES) for `none`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nspdata.compiled import compiled
from nspdata.seeding import heads, words_for_heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 6
"""32-bit draws that a pair takes: short or not, how short, where A ends, the label, the other document, where B starts in it."""

STEADY, PROBE = 0.05, 0.1
"""How strongly the share of label 1 is pulled back to what was asked for, a row that it is off: in the final pass, and in the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs as indices into documents, sentences and tokens; every array has shape (num_pairs,) and dtype int64.

    Attributes:
        document_a, document_b: index of each segment's document.
        sentence_a, sentence_b: index of each segment's first sentence, before truncation, over all documents.
        start_a, start_b: first token of each segment, after truncation.
        length_a, length_b: tokens of each segment, after truncation.
        label: 1 where B is not what follows A.
        forced: how many pairs could only have label 1.
        unpaired: sentences that found no partner.
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
    unpaired: int = 0
    truncated: int = 0

    def __len__(self) -> int:
        return len(self.label)


@compiled
def _below(draw: int, bound: int) -> int:
    """A 32-bit draw mapped to [0, bound)."""
    return (draw * bound) >> 32


@compiled
def _chunks(  # noqa: C901, PLR0912, PLR0915 - one loop over sentences, in the paper's order
    sentence_offsets: NDArray[np.int64],
    document_offsets: NDArray[np.int64],
    others: NDArray[np.int64],
    group_starts: NDArray[np.int64],
    group_sizes: NDArray[np.int64],
    draws: NDArray[np.int64],
    max_tokens: int,
    short_below: int,
    random_next_prob: float,
    base: float,
    gain: float,
    unit_is_sentences: bool,  # noqa: FBT001
    swaps: bool,  # noqa: FBT001
    pairs: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Fills `pairs` (num_sentences, 7): documents A, B; first and end sentence of A and B; label. Returns pairs, forced, unpaired."""
    count, forced, unpaired, negatives = 0, 0, 0, 0
    num_documents = len(document_offsets) - 1
    for document in range(num_documents):
        first, end = document_offsets[document], document_offsets[document + 1]
        sentence = first
        while sentence < end:
            draw = draws[count]
            target = max_tokens
            if draw[0] < short_below:
                target = 2 + _below(draw[1], max_tokens - 1)
            stop = sentence + 1
            if unit_is_sentences:
                stop = min(stop + 1, end)
            else:
                while stop < end and sentence_offsets[stop] - sentence_offsets[sentence] < target:
                    stop += 1
            sentences = stop - sentence
            alone = sentences == 1
            if alone and (swaps or (unit_is_sentences and end - first > 1)):
                unpaired += swaps
                sentence = stop
                continue
            middle = sentence + 1
            if sentences > 2:
                middle += _below(draw[2], sentences - 1)
            chance = base + gain * (random_next_prob * count - negatives)
            label = alone or draw[3] < chance * 4294967296.0
            forced += alone
            negatives += label
            pairs[count, 0] = document
            pairs[count, 2] = sentence
            pairs[count, 3] = middle
            if swaps and label:
                pairs[count, 1] = document
                pairs[count, 2], pairs[count, 3] = middle, stop
                pairs[count, 4], pairs[count, 5] = sentence, middle
                sentence = stop
            elif label:
                rank = _below(draw[4], num_documents - group_sizes[document])
                if rank >= group_starts[document]:
                    rank += group_sizes[document]
                other = others[rank]
                begin, last = document_offsets[other], document_offsets[other + 1]
                begin += _below(draw[5], last - begin)
                wanted = target - (sentence_offsets[middle] - sentence_offsets[sentence])
                reach = begin + 1
                while (
                    not unit_is_sentences
                    and reach < last
                    and sentence_offsets[reach] - sentence_offsets[begin] < wanted
                ):
                    reach += 1
                pairs[count, 1] = other
                pairs[count, 4], pairs[count, 5] = begin, reach
                sentence = middle
            else:
                pairs[count, 1] = document
                pairs[count, 4], pairs[count, 5] = middle, stop
                sentence = middle if unit_is_sentences else stop
            pairs[count, 6] = label
            count += 1
    return count, forced, unpaired


def pair(
    sentence_offsets: NDArray[np.int64],
    document_offsets: NDArray[np.int64],
    document_ids: NDArray[np.uint64],
    bits: np.random.Philox,
    *,
    objective: str,
    unit: str,
    max_tokens: int,
    short_seq_prob: float,
    random_next_prob: float,
) -> Pairs:
    """Makes the pairs of a shard's documents.

    Google's procedure: sentences are gathered to a target length, A is the first few of them, B the rest or (label 1) a run of
    another document's, and what B did not take is put back. A chunk of one sentence can only have label 1: such forced
    negatives are made up for at the other chunks, so that the share of label 1 is `random_next_prob`.

    Args:
        sentence_offsets: shape (num_sentences + 1,), tokens; every sentence holds one at least.
        document_offsets: shape (num_documents + 1,), sentences; every document holds one at least.
        document_ids: shape (num_documents,); documents of equal ids never give each other's negatives.
        bits: the stream of this shard and pass.
        objective: `nsp` or `sop`.
        unit: `segments` or `sentences`.
        max_tokens: tokens of A and B together, at most.
        short_seq_prob: share of pairs with a random, shorter target.
        random_next_prob: share of label 1.
    """
    num_sentences = len(sentence_offsets) - 1
    words = bits.random_raw(num_sentences * DRAWS // 2)
    draws = (
        np.stack([words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64).reshape(-1, DRAWS)
    )
    others, starts, sizes = groups(document_ids)
    found = np.empty((num_sentences, 7), np.int64)

    def run(base: float, gain: float) -> tuple[int, int, int]:
        return _chunks(
            sentence_offsets,
            document_offsets,
            others,
            starts,
            sizes,
            draws,
            max_tokens,
            int(short_seq_prob * 2**32),
            random_next_prob,
            base,
            gain,
            unit == "sentences",
            objective == "sop",
            found,
        )

    count, forced, _ = run(random_next_prob, PROBE)
    free = count - forced
    base = min(1.0, max(0.0, (random_next_prob * count - forced) / free)) if free else 0.0
    count, forced, unpaired = run(base, STEADY)
    return _truncated(found[:count], sentence_offsets, bits, max_tokens, forced=forced, unpaired=unpaired)


def groups(document_ids: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Documents in an order in which equal ids are neighbours, and for each document where its ids' run begins and its length.

    A document of another id is then drawn without trying twice: a rank that skips the run.

    >>> [part.tolist() for part in groups(np.array([7, 5, 7], np.uint64))]
    [[1, 0, 2], [1, 0, 1], [2, 1, 2]]
    """
    order = np.argsort(document_ids, kind="stable")
    _, group, sizes = np.unique(document_ids, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    return order, starts[group], sizes[group]


def _truncated(
    found: NDArray[np.int64],
    sentence_offsets: NDArray[np.int64],
    bits: np.random.Philox,
    max_tokens: int,
    *,
    forced: int,
    unpaired: int,
) -> Pairs:
    """Cuts tokens off the longer segment, each from its front or its back by a fair coin, until both fit."""
    start_a, start_b = sentence_offsets[found[:, 2]], sentence_offsets[found[:, 4]]
    length_a, length_b = sentence_offsets[found[:, 3]] - start_a, sentence_offsets[found[:, 5]] - start_b
    cut_a, cut_b = cuts(length_a, length_b, max_tokens)
    both = np.concatenate([cut_a, cut_b])
    front = heads(bits.random_raw(words_for_heads(both)), both)
    return Pairs(
        document_a=found[:, 0],
        document_b=found[:, 1],
        sentence_a=found[:, 2],
        sentence_b=found[:, 4],
        start_a=start_a + front[: len(found)],
        start_b=start_b + front[len(found) :],
        length_a=length_a - cut_a,
        length_b=length_b - cut_b,
        label=found[:, 6],
        forced=forced,
        unpaired=unpaired,
        truncated=int(both.sum()),
    )


def cuts(
    length_a: NDArray[np.int64], length_b: NDArray[np.int64], max_tokens: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many tokens A and B lose where one at a time is taken from the longer (from B where they are equal).

    >>> [part.tolist() for part in cuts(np.array([9, 3]), np.array([4, 3]), 7)]
    [[5, 0], [1, 0]]
    """
    excess = np.maximum(0, length_a + length_b - max_tokens)
    lead = length_a - length_b
    first = np.minimum(excess, np.abs(lead))
    rest = excess - first
    cut_a = np.where(lead > 0, first, 0) + rest // 2
    return cut_a, excess - cut_a


def full_sentences(
    sentence_offsets: NDArray[np.int64], document_offsets: NDArray[np.int64], *, max_tokens: int
) -> Pairs:
    """One segment a row: whole sentences of one document as many as fit; a longer sentence is cut into rows, no token is lost."""
    limit = max(1, len(sentence_offsets) - 1 + int(sentence_offsets[-1]) // max_tokens)
    rows = np.empty((limit, 4), np.int64)
    rows = rows[: _full_rows(sentence_offsets, document_offsets, max_tokens, rows)]
    none = np.zeros(len(rows), np.int64)
    return Pairs(
        document_a=rows[:, 0],
        document_b=rows[:, 0],
        sentence_a=rows[:, 1],
        sentence_b=rows[:, 1],
        start_a=rows[:, 2],
        start_b=none,
        length_a=rows[:, 3],
        length_b=none,
        label=none,
    )


@compiled
def _full_rows(
    sentence_offsets: NDArray[np.int64],
    document_offsets: NDArray[np.int64],
    max_tokens: int,
    rows: NDArray[np.int64],
) -> int:
    """Fills `rows` (any, 4): document, first sentence, first token, tokens. Returns how many."""
    count = 0
    for document in range(len(document_offsets) - 1):
        sentence, end = document_offsets[document], document_offsets[document + 1]
        while sentence < end:
            begin = sentence_offsets[sentence]
            stop = sentence + 1
            while stop < end and sentence_offsets[stop + 1] - begin <= max_tokens:
                stop += 1
            token = begin
            while token < sentence_offsets[stop]:
                length = min(max_tokens, sentence_offsets[stop] - token)
                rows[count, 0] = document
                rows[count, 1] = sentence
                rows[count, 2] = token
                rows[count, 3] = length
                count += 1
                token += length
            sentence = stop
    return count
