"""The rules for masks: what may be masked, how many tokens, what replaces them; and that masks can be undone."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.config.build import MaskingConfig
from nspdata.instances.masking import mask, row_keys
from tests.instances.masked_rows import (
    CONTINUATIONS,
    MASK_ID,
    MASKINGS,
    ROWS,
    SPECIALS,
    VOCABULARY,
    flat,
    keys_of,
    many,
    masked_rows,
    rules_of,
    words_of,
)
from tests.reference.pretraining import choose_positions, replacement

STRATEGIES = ["token", "whole_word", "span"]


def budget(row: list[int], masking: MaskingConfig, max_seq_length: int = 64) -> int:
    """Predictions of a row, as the paper's code counts: of all its tokens, at least one, and no more than may be masked."""
    if masking.strategy == "none" or masking.masked_lm_prob == 0:
        return 0
    wanted = max(1, round(len(row) * masking.masked_lm_prob))
    free = sum(token not in SPECIALS for token in row)
    return min(masking.predictions(max_seq_length), wanted, free)


@given(rows=ROWS, masking=MASKINGS, seed=st.integers(0, 99))
def test_every_mask_obeys_the_laws(rows: list[list[int]], masking: MaskingConfig, seed: int) -> None:
    """Special tokens are neither masked nor used as replacements; positions increase; labels restore the row."""
    ids, row_offsets = flat(rows)
    before = ids.copy()
    masked = mask(ids, row_offsets, keys_of(len(rows), seed), rules_of(masking))
    assert (ids == before).all()
    assert [str(array.dtype) for array in (masked.ids, masked.positions, masked.labels)] == ["uint16"] * 3
    for row, (found, positions, labels) in zip(rows, masked_rows(masked, row_offsets), strict=True):
        assert all(one < other for one, other in itertools.pairwise(positions))
        assert labels == [row[position] for position in positions]
        assert not SPECIALS & set(labels)
        assert {found[position] for position in positions} & SPECIALS <= {MASK_ID}
        undone = list(found)
        for position, label in zip(positions, labels, strict=True):
            undone[position] = label
        assert undone == row
        wanted = budget(row, masking)
        assert len(positions) <= wanted if masking.strategy == "whole_word" else len(positions) == wanted


@given(rows=ROWS, masking=MASKINGS, seed=st.integers(0, 99))
def test_no_row_depends_on_its_neighbours(rows: list[list[int]], masking: MaskingConfig, seed: int) -> None:
    """A row gets the same mask alone as in a batch."""
    keys = keys_of(len(rows), seed)
    together = masked_rows(mask(*flat(rows), keys, rules_of(masking)), flat(rows)[1])
    for index, row in enumerate(rows):
        alone = mask(*flat([row]), keys[index : index + 1], rules_of(masking))
        assert masked_rows(alone, flat([row])[1]) == [together[index]]


@given(rows=ROWS, seed=st.integers(0, 99), prob=st.sampled_from([0.15, 0.4, 1.0]), most=st.sampled_from([0, 3]))
def test_whole_words_are_whole(rows: list[list[int]], seed: int, prob: float, most: int) -> None:
    """Words are masked entirely or not at all, and no word that fits is left while the budget is unused."""
    masking = MaskingConfig(strategy="whole_word", masked_lm_prob=prob, max_predictions_per_seq=most)
    masked = mask(*flat(rows), keys_of(len(rows), seed), rules_of(masking))
    for row, (_, positions, _) in zip(rows, masked_rows(masked, flat(rows)[1]), strict=True):
        taken = [word for word in words_of(row) if set(word) & set(positions)]
        assert sorted(position for word in taken for position in word) == positions
        left = budget(row, masking) - len(positions)
        assert all(len(word) > left for word in words_of(row) if word not in taken)


@given(rows=ROWS, seed=st.integers(0, 99), prob=st.sampled_from([0.15, 0.4]))
def test_spans_begin_with_words_and_share_their_fate(rows: list[list[int]], seed: int, prob: float) -> None:
    """Every masked run begins at the start of a word; with shares of 0, masked tokens are unchanged."""
    masking = MaskingConfig(strategy="span", masked_lm_prob=prob, mask_share=0, random_share=0)
    masked = mask(*flat(rows), keys_of(len(rows), seed), rules_of(masking))
    assert (masked.ids == flat(rows)[0]).all()
    for row, (_, positions, _) in zip(rows, masked_rows(masked, flat(rows)[1]), strict=True):
        starts = {word[0] for word in words_of(row)}
        runs = [position for position in positions if position - 1 not in positions]
        assert set(runs) <= starts


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("mask_share", "random_share"), [(0.8, 0.1), (1.0, 0.0), (0.0, 1.0), (0.5, 0.3)])
def test_replacements_have_their_shares(strategy: str, mask_share: float, random_share: float) -> None:
    """Masked tokens become [MASK], random or unchanged with the configured shares: a chi-square test of independent choices."""
    row = [5, 8, 11, 14] * 16
    masked, _ = many(
        row, 4000, 1, strategy=strategy, masked_lm_prob=0.02, mask_share=mask_share, random_share=random_share
    )
    assert len(masked.positions) == 4000  # one a row: each is a choice of its own, for spans as well
    now = masked.ids.reshape(-1, len(row))[np.arange(4000), masked.positions]
    kept = 1 - mask_share - random_share + random_share / 95
    expected = np.array([mask_share, random_share * 94 / 95, kept]) * 4000
    counts = np.array([(now == MASK_ID).sum(), 0, (now == masked.labels).sum()])
    counts[1] = 4000 - counts.sum()
    possible = expected > 1e-6
    assert (counts[~possible] == 0).all()
    assert ((counts - expected) ** 2 / np.maximum(expected, 1e-9))[possible].sum() < 13.8  # one in a thousand


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_random_replacements_are_any_ordinary_token_alike(strategy: str) -> None:
    """Random replacements are uniform over the vocabulary, without the five special tokens: a chi-square test."""
    row = [5, 8, 11, 14] * 16
    masked, _ = many(row, 4000, 2, strategy=strategy, mask_share=0.5, random_share=0.5)
    now = masked.ids.reshape(-1, len(row))[np.repeat(np.arange(4000), np.diff(masked.offsets)), masked.positions]
    counts = np.bincount(now[now != MASK_ID], minlength=100)
    assert (counts[:5] == 0).all()
    expected = counts.sum() / 95
    assert ((counts[5:] - expected) ** 2 / expected).sum() < 142  # one in a thousand, 94 degrees of freedom


def test_positions_are_any_ordinary_token_alike() -> None:
    """Masked positions, and pairs of them, are uniform over the ordinary tokens of a row: a chi-square test."""
    row = [2, 5, 6, 7, 8, 3, 9, 10, 11, 12, 13, 3]
    masked, _ = many(row, 20_000, 3, masked_lm_prob=0.17)
    pairs = masked.positions.reshape(-1, 2).tolist()
    free = [(position,) for position, token in enumerate(row) if token not in SPECIALS]
    both = list(itertools.combinations([position for (position,) in free], 2))
    singles: Counter[tuple[int, ...]] = Counter((position,) for pair in pairs for position in pair)
    for found, wanted in ((singles, free), (Counter(map(tuple, pairs)), both)):
        assert set(found) <= set(wanted)
        expected = sum(found.values()) / len(wanted)
        distance = sum((found[key] - expected) ** 2 / expected for key in wanted)
        assert distance < len(wanted) + 4.5 * len(wanted) ** 0.5


def test_whole_words_are_taken_alike() -> None:
    """A word's probability does not depend on its number of pieces while the budget has room for it."""
    row = [5, 7, 10, 6, 8, 9, 7, 11, 12, 14]
    words = words_of(row)
    assert sorted(map(len, words)) == [1, 1, 1, 1, 1, 2, 3]
    masked, row_offsets = many(row, 10_000, 4, strategy="whole_word", masked_lm_prob=0.3)
    firsts = Counter(
        words.index(word)
        for _, positions, _ in masked_rows(masked, row_offsets)
        for word in words
        if len(positions) == 3 and set(word) <= set(positions) and len(word) == 3
    )
    assert firsts[next(index for index, word in enumerate(words) if len(word) == 3)] == pytest.approx(
        10_000 / 7, rel=0.1
    )


@pytest.mark.parametrize(("prob", "expected"), [(0.25, 0), (0.4, 3), (0.5, 3), (0.7, 6)])
def test_words_that_exceed_the_budget_are_left_out(prob: float, expected: int) -> None:
    """Two words of three pieces: budgets of 2, 3, 4 and 6 tokens allow none, one, one and both of them."""
    masked, _ = many([2, 5, 7, 10, 6, 7, 10, 3], 20, 8, strategy="whole_word", masked_lm_prob=prob)
    assert np.diff(masked.offsets).tolist() == [expected] * 20
    assert {tuple(part) for part in masked.positions.reshape(-1, 3).tolist()} <= {(1, 2, 3), (4, 5, 6)}


def span_lengths(row: list[int]) -> Counter[int]:
    """Lengths, in words, of the masked runs of long rows with few masks, where two spans rarely touch."""
    masked, row_offsets = many(row, 40, 5, strategy="span", masked_lm_prob=0.02, max_predictions_per_seq=10_000)
    found: Counter[int] = Counter()
    for _, positions, _ in masked_rows(masked, row_offsets):
        chosen = set(positions)
        runs = [position for position in positions if position - 1 not in chosen]
        found.update(sum(row[place] not in CONTINUATIONS for place in run(position, chosen)) for position in runs)
    return found


def run(position: int, chosen: set[int]) -> list[int]:
    return list(itertools.takewhile(chosen.__contains__, itertools.count(position)))


@pytest.mark.parametrize("row", [[5] * 20_000, [5, 7, 6, 8, 7, 10] * 4000])
def test_span_lengths_are_those_of_spanbert(row: list[int]) -> None:
    """Span lengths are geometric with p = 0.2, at most 10 words, 3.8 on average."""
    found = span_lengths(row)
    total = sum(found.values())
    weights = np.array([0.8**length for length in range(10)])
    expected = weights / weights.sum()
    shares = np.array([found[length] / total for length in range(1, 11)])
    assert total > 2000
    assert sum(count for length, count in found.items() if length > 10) / total < 0.05  # two that touch
    assert np.abs(shares - expected).max() < 0.025
    single = {length: count for length, count in found.items() if length <= 10}
    mean = sum(length * count for length, count in single.items()) / sum(single.values())
    assert mean == pytest.approx(3.8, abs=0.15)


def test_a_span_is_replaced_as_one() -> None:
    """All tokens of a span become [MASK], or all random tokens, or all stay, as in SpanBERT."""
    row = [token for token in range(5, 100) if token not in CONTINUATIONS] * 40
    masked, row_offsets = many(row, 60, 6, strategy="span", masked_lm_prob=0.03, max_predictions_per_seq=1000)
    mixed = total = 0
    for found, positions, labels in masked_rows(masked, row_offsets):
        label_of = dict(zip(positions, labels, strict=True))
        for position in (place for place in positions if place - 1 not in label_of):
            kinds = {
                "mask" if found[place] == MASK_ID else "kept" if found[place] == label_of[place] else "random"
                for place in run(position, set(label_of))
            }
            mixed += len(kinds) > 1
            total += 1
    assert total > 1000
    assert mixed / total < 0.05  # two that touch, or a random token that is the very one


def test_masks_are_distributed_as_in_the_plain_reading() -> None:
    """Positions and replacements have the same frequencies as in the plain reference."""
    source = np.random.default_rng(0)
    row = [2, *source.integers(5, 100, 30).tolist(), 3, *source.integers(5, 100, 20).tolist(), 3]
    count = 4000
    masked, _ = many(row, count, 7)
    chosen = [
        choose_positions(row, set(SPECIALS), source, masked_lm_prob=0.15, max_predictions=20) for _ in range(count)
    ]
    assert {len(positions) for positions in chosen} == set(np.diff(masked.offsets).tolist())
    ordinary = [token for token in range(len(VOCABULARY)) if token not in SPECIALS]
    theirs = Counter(position for positions in chosen for position in positions)
    now = [replacement(row[p], MASK_ID, ordinary, source) for positions in chosen for p in positions]
    ours = Counter(masked.positions.tolist())
    shares = [np.array([found[position] / count for position in range(len(row))]) for found in (ours, theirs)]
    assert np.abs(shares[0] - shares[1]).max() < 4 * np.sqrt(2 * 0.15 * 0.85 / count)
    labels = [row[position] for positions in chosen for position in positions]
    kept = sum(one == other for one, other in zip(now, labels, strict=True)) / len(labels)
    at = np.repeat(np.arange(count), np.diff(masked.offsets)) * len(row) + masked.positions
    assert (masked.ids[at] == masked.labels).mean() == pytest.approx(kept, abs=0.01)
    assert (masked.ids[at] == MASK_ID).mean() == pytest.approx(now.count(MASK_ID) / len(now), abs=0.01)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_row_of_special_tokens_only_has_no_mask(strategy: str) -> None:
    """A row of only special tokens has no mask; the other rows of the batch do."""
    rows = [[2, 3, 3], [2, 9, 3], [0, 1, 4]]
    masked = mask(*flat(rows), keys_of(3, 0), rules_of(MaskingConfig(strategy=strategy)))  # type: ignore[arg-type]
    assert np.diff(masked.offsets).tolist() == [0, 1, 0]


def test_no_rows_have_no_masks() -> None:
    """An empty batch is valid."""
    for strategy in (*STRATEGIES, "none"):
        masked = mask(*flat([]), keys_of(0, 0), rules_of(MaskingConfig(strategy=strategy)))  # type: ignore[arg-type]
        assert (len(masked.ids), masked.offsets.tolist()) == (0, [0])


def test_the_longest_row_is_masked() -> None:
    """Rows of 65,535 tokens, the longest for two-byte positions, are masked to their end."""
    row = [2, *([6] * 65_533), 3]
    for strategy in STRATEGIES:
        masked, _ = many(row, 1, 0, strategy=strategy)
        assert len(masked.positions) == 9830
        assert int(masked.positions[-1]) > 60_000


def test_row_keys_are_splitmix64() -> None:
    """Row keys equal the published outputs of splitmix64 (Steele et al. 2014) for the seed 1234567."""
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    with np.errstate(over="ignore"):
        assert row_keys(np.full(5, 1234567, np.uint64), np.arange(5)).tolist() == published


@given(rows=ROWS, seed=st.integers(0, 99), strategy=st.sampled_from(["whole_word", "span"]))
def test_word_starts_of_the_vocabulary_change_nothing(rows: list[list[int]], seed: int, strategy: str) -> None:
    """Word starts that repeat what `##` shows give the same masks."""
    ids, row_offsets = flat(rows)
    rules = rules_of(MaskingConfig(strategy=strategy, masked_lm_prob=0.3))  # type: ignore[arg-type]
    word_starts = (~VOCABULARY.continuations[ids]).astype(np.uint8)
    plain, same = (mask(ids, row_offsets, keys_of(len(rows), seed), rules, starts) for starts in (None, word_starts))
    assert masked_rows(plain, row_offsets) == masked_rows(same, row_offsets)


def test_words_of_a_segmenter_are_masked_whole() -> None:
    """Tokens without `##` that the word starts join are masked together, and others are not."""
    rows = [[2, *([5, 6, 8, 9] * 10), 3]] * 2000  # ids that begin words: by the vocabulary, each is a word
    ids, row_offsets = flat(rows)
    starts = np.array([1, *([1, 0, 0, 1] * 10), 1] * len(rows), np.uint8)
    rules = rules_of(MaskingConfig(strategy="whole_word"))
    masked = mask(ids, row_offsets, keys_of(len(rows), 1), rules, starts)
    sizes = Counter()
    for _, positions, _ in masked_rows(masked, row_offsets):
        words = Counter((position - 1) // 4 for position in positions if (position - 1) % 4 != 3)
        assert set(words.values()) <= {3}
        sizes[len(positions)] += 1
    assert sizes[6] > 0.9 * len(rows)  # 15% of 42 tokens; a word of three that exceeds the budget is left out


def test_masks_are_written_in_place() -> None:
    """The same masks, in the array that was given; of more rows than are masked together."""
    ids, row_offsets = flat([[20, 21, 22, 23]] * 9000)
    keys, rules = keys_of(9000, 3), rules_of(MaskingConfig())
    apart = mask(ids, row_offsets, keys, rules)
    together = mask(ids, row_offsets, keys, rules, in_place=True)
    assert together.ids is ids
    for name in ("ids", "positions", "labels", "offsets"):
        assert getattr(together, name).tolist() == getattr(apart, name).tolist()
