"""Masks: which tokens of a row are predicted, and what replaces them.

A row's mask is a function of the row and of one 64-bit key. The key and a counter give the random draws (splitmix64, Steele et
al. 2014). The builder and a loader that masks again use the same function, and no mask depends on other rows. Sources: Devlin et al.
2019 (`token`), Google's `create_pretraining_data.py` (`whole_word`), Joshi et al. 2020 (`span`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import allocating, compiled, is_compiled
from nspdata.arrays.ragged import offsets as offsets_of
from nspdata.arrays.random import below
from nspdata.arrays.splitmix import LOW, draw_at, draws_at, scaled
from nspdata.instances.replacing import replace_masked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances.mask_rules import MaskRules

SPAN_GEOMETRIC, SPAN_MAX_WORDS = 0.2, 10
"""SpanBERT's span lengths: geometric, clipped, in whole words; 3.8 on average."""


ROWS_AT_ONCE = 8192
"""Rows that are masked together. Each row has its own key, so this number does not affect the masks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """Rows with their masks.

    Attributes:
        ids: shape (num_tokens,), the rows with replacements.
        positions: shape (num_masked,), uint16, strictly increasing in each row.
        labels: shape (num_masked,), dtype of `ids`: the original ids.
        offsets: shape (num_rows + 1,), int64, into the two above.
    """

    ids: NDArray[Any]
    positions: NDArray[np.uint16]
    labels: NDArray[Any]
    offsets: NDArray[np.int64]


def mask(
    ids: NDArray[Any],
    offsets: NDArray[np.int64],
    keys: NDArray[np.uint64],
    rules: MaskRules,
    word_starts: NDArray[np.uint8] | None = None,
    *,
    in_place: bool = False,
) -> Masked:
    """Masks rows.

    Args:
        ids: shape (num_tokens,), unmasked rows one after another.
        offsets: shape (num_rows + 1,), int64.
        keys: shape (num_rows,), uint64: the randomness of each row.
        rules: how rows are masked.
        word_starts: shape (num_tokens,), uint8: 1 where a token begins a word; None if `##` shows the words.
        in_place: whether `ids` may be overwritten, which saves a copy of them.
    """
    out = ids if in_place else ids.copy()
    firsts = range(0, max(1, len(keys)), ROWS_AT_ONCE)
    if len(firsts) == 1:
        return _mask(out, offsets, keys, rules, word_starts)
    positions, labels, counts = [], [], []
    for begin, end in pairwise([*firsts, len(keys)]):
        tokens = slice(offsets[begin], offsets[end])
        starts = None if word_starts is None else word_starts[tokens]
        part = _mask(out[tokens], offsets[begin : end + 1] - offsets[begin], keys[begin:end], rules, starts)
        positions.append(part.positions)
        labels.append(part.labels)
        counts.append(np.diff(part.offsets))
    return Masked(
        ids=out,
        positions=np.concatenate(positions),
        labels=np.concatenate(labels),
        offsets=offsets_of(np.concatenate(counts)),
    )


def _mask(
    ids: NDArray[Any],
    offsets: NDArray[np.int64],
    keys: NDArray[np.uint64],
    rules: MaskRules,
    word_starts: NDArray[np.uint8] | None,
) -> Masked:
    """`mask`, all rows at once and in place."""
    candidates, free = _candidates(ids, offsets, rules.specials)
    starts = _starts(ids, candidates, rules, word_starts)
    budgets = num_to_predict(np.diff(offsets), free, rules)
    ends = offsets_of(budgets)
    positions = np.empty(int(ends[-1]), np.uint16)
    spans = np.empty(len(positions) if rules.strategy == "span" else 0, np.uint16)
    with np.errstate(over="ignore"):
        taken = _choose(offsets, candidates, starts, keys, budgets, ends, positions, spans, rules)
        if rules.strategy == "whole_word":  # words that would overshoot are left out, so rows can fall short
            keep = np.arange(len(positions)) - np.repeat(ends[:-1], budgets) < np.repeat(taken, budgets)
            positions, ends = positions[keep], offsets_of(taken)
        labels = replace_masked(ids, offsets, keys, positions, ends, spans, rules)
    return Masked(ids=ids, positions=positions, labels=labels, offsets=ends)


def _candidates(
    ids: NDArray[Any], offsets: NDArray[np.int64], specials: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which tokens may be masked, shape (num_tokens,), bool, and how many of each row, shape (num_rows,), int64."""
    if not is_compiled():
        candidates = ~specials[ids]
        return candidates, np.diff(np.concatenate([np.zeros(1, np.int64), np.cumsum(candidates)])[offsets])
    candidates, free = np.empty(len(ids), np.bool_), np.empty(len(offsets) - 1, np.int64)
    _find_candidates(ids, offsets, specials, candidates, free)
    return candidates, free


@compiled
def _find_candidates(
    ids: NDArray[Any],
    offsets: NDArray[np.int64],
    specials: NDArray[np.bool_],
    candidates: NDArray[np.bool_],
    free: NDArray[np.int64],
) -> None:
    for row in range(len(free)):
        count, begin = 0, np.uint64(offsets[row])  # unsigned: no check for negative indices
        for step in range(offsets[row + 1] - offsets[row]):
            ordinary = not specials[ids[begin + np.uint64(step)]]
            candidates[begin + np.uint64(step)] = ordinary
            count += ordinary
        free[row] = count


def _starts(
    ids: NDArray[Any], candidates: NDArray[np.bool_], rules: MaskRules, word_starts: NDArray[np.uint8] | None
) -> NDArray[np.bool_]:
    """Shape (num_tokens,), bool: tokens that begin a word; a token after a special one does. Empty for masks of single tokens."""
    if rules.strategy not in {"whole_word", "span"}:
        return candidates[:0]
    continues = rules.continuations[ids] if word_starts is None else word_starts == 0
    continues[1:] &= candidates[:-1]
    continues[:1] = False
    starts: NDArray[np.bool_] = candidates & ~continues
    return starts


def num_to_predict(lengths: NDArray[np.int64], free: NDArray[np.int64], rules: MaskRules) -> NDArray[np.int64]:
    """Returns the tokens to predict in each row: `masked_lm_prob` of its length, rounded half to even, at least 1, within all limits."""
    if rules.strategy == "none" or rules.masked_lm_prob == 0:
        return np.zeros(len(lengths), np.int64)
    wanted = np.maximum(1, np.rint(lengths * rules.masked_lm_prob).astype(np.int64))
    limited: NDArray[np.int64] = np.minimum(np.minimum(wanted, rules.max_predictions), free)
    return limited


def row_keys(bases: NDArray[np.uint64], numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Returns the keys of numbered rows: shape (n,), uint64.

    Args:
        bases: shape (n,), uint64: one random word for all the rows that are numbered together.
        numbers: shape (n,), int64, from 0.
    """
    return draws_at(bases, numbers)


def _choose(
    offsets: NDArray[np.int64],
    candidates: NDArray[np.bool_],
    starts: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    budgets: NDArray[np.int64],
    ends: NDArray[np.int64],
    positions: NDArray[np.uint16],
    spans: NDArray[np.uint16],
    rules: MaskRules,
) -> NDArray[np.int64]:
    """Fills `positions` (and `spans`), sorted within each row. Returns the number of positions per row."""
    if not len(positions):
        return np.zeros(len(budgets), np.int64)
    if rules.strategy == "token":
        if is_compiled():
            _choose_tokens(offsets, candidates, keys, budgets, ends, positions)
        else:
            positions[:] = _choose_tokens_by_columns(offsets, candidates, keys, budgets)
        return budgets
    if rules.strategy == "whole_word":
        return _choose_words(offsets, candidates, starts, keys, budgets, ends, positions)
    weights = (1 - SPAN_GEOMETRIC) ** np.arange(SPAN_MAX_WORDS)
    cumulated = (np.cumsum(weights / weights.sum()) * 2**32).astype(np.int64)
    _choose_spans(offsets, candidates, starts, keys, budgets, ends, cumulated, positions, spans)
    return budgets


@allocating
def _choose_tokens(
    offsets: NDArray[np.int64],
    candidates: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    budgets: NDArray[np.int64],
    ends: NDArray[np.int64],
    positions: NDArray[np.uint16],
) -> None:
    """Chooses single tokens: the first draws of a Fisher-Yates shuffle of each row's candidates."""
    room, chosen = np.empty(65537, np.uint16), np.zeros(65536, np.bool_)
    for row in range(len(budgets)):
        begin, length, budget = np.uint64(offsets[row]), offsets[row + 1] - offsets[row], budgets[row]
        free = np.uint64(0)  # unsigned: no check for negative indices
        for position in range(length):  # without a branch, because no processor can guess it
            room[free] = position
            free += np.uint64(candidates[begin + np.uint64(position)])
        for index in range(budget):
            other = index + scaled(draw_at(keys[row], index), int(free) - index)
            room[index], room[other] = room[other], room[index]
            chosen[room[index]] = True
        count = np.uint64(0)
        for position in range(length):  # in order; numba takes longer to compile `np.sort`
            room[count] = position
            count += np.uint64(chosen[position])
            chosen[position] = False
        for index in range(budget):
            positions[ends[row] + index] = room[index]


def _choose_tokens_by_columns(
    offsets: NDArray[np.int64],
    candidates: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    budgets: NDArray[np.int64],
) -> NDArray[np.uint16]:
    """`_choose_tokens` without a compiler: the same shuffle, vectorised over rows, one draw per row at a time."""
    rows, lengths = np.arange(len(budgets)), np.diff(offsets)
    row_of = np.repeat(rows, lengths)[candidates]
    free = np.bincount(row_of, minlength=len(rows))
    room = np.zeros((len(rows), int(free.max())), np.uint16)
    rank = np.arange(len(row_of)) - np.repeat(np.cumsum(free) - free, free)
    room[row_of, rank] = (np.flatnonzero(candidates) - offsets[row_of]).astype(np.uint16)
    for index in range(int(budgets.max())):
        some = rows[budgets > index]
        other = index + below(draws_at(keys[some], index), free[some] - index)
        room[some, index], room[some, other] = room[some, other], room[some, index]
    taken = np.arange(room.shape[1]) < budgets[:, None]
    room[~taken] = 65535
    room.sort(axis=1)
    return room[taken]


@allocating
def _choose_words(
    offsets: NDArray[np.int64],
    candidates: NDArray[np.bool_],
    starts: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    budgets: NDArray[np.int64],
    ends: NDArray[np.int64],
    positions: NDArray[np.uint16],
) -> NDArray[np.int64]:
    """Chooses whole words in random order; a word that exceeds the budget is skipped. Returns the number of tokens per row."""
    words, taken = np.empty(65536, np.int64), np.zeros(len(budgets), np.int64)
    for row in range(len(budgets)):
        begin, end, budget = offsets[row], offsets[row + 1], budgets[row]
        num_words = 0
        for token in range(begin, end):
            if starts[token]:
                words[num_words] = token
                num_words += 1
        count = 0
        for index in range(num_words):
            if count == budget:
                break
            other = index + scaled(draw_at(keys[row], index), num_words - index)
            words[index], words[other] = words[other], words[index]
            stop = words[index] + 1
            while stop < end and candidates[stop] and not starts[stop]:
                stop += 1
            if count + stop - words[index] <= budget:
                for token in range(words[index], stop):
                    positions[ends[row] + count] = token - begin
                    count += 1
        positions[ends[row] : ends[row] + count] = np.sort(positions[ends[row] : ends[row] + count])
        taken[row] = count
    return taken


@allocating
def _choose_spans(
    offsets: NDArray[np.int64],
    candidates: NDArray[np.bool_],
    starts: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    budgets: NDArray[np.int64],
    ends: NDArray[np.int64],
    cumulated: NDArray[np.int64],
    positions: NDArray[np.uint16],
    spans: NDArray[np.uint16],
) -> None:
    """Chooses runs of whole words at random positions until the budget is used; the last may be cut. `spans` numbers the runs of a row."""
    words, span_of = np.empty(65536, np.int64), np.empty(65536, np.int64)
    for row in range(len(budgets)):
        begin, end, budget = offsets[row], offsets[row + 1], budgets[row]
        num_words = 0
        for token in range(begin, end):
            span_of[token - begin] = -1
            if starts[token]:
                words[num_words] = token
                num_words += 1
        count = 0
        for index in range(num_words):
            if count == budget:
                break
            draw = draw_at(keys[row], index)
            other = index + scaled(draw, num_words - index)
            words[index], words[other] = words[other], words[index]
            length = 1 + np.searchsorted(cumulated, np.int64(draw & LOW), side="right")
            token, whole = words[index], 0
            while count < budget and token < end and candidates[token] and span_of[token - begin] < 0:
                whole += starts[token]
                if whole > length:
                    break
                span_of[token - begin] = index
                token += 1
                count += 1
        count = ends[row]
        for token in range(end - begin):
            if span_of[token] >= 0:
                positions[count], spans[count] = token, span_of[token]
                count += 1
