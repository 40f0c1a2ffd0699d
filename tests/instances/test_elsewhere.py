"""Negatives from A's own document by hand: where B may start, how long it is, and when A gives way."""

from __future__ import annotations

import numpy as np
import pytest

from nspdata.instances.chunks import PairRules
from nspdata.instances.elsewhere import draw_elsewhere
from nspdata.instances.pool import Text
from tests.instances.corpora import make_documents

TENS = [10] * 10


def drawn(
    lengths: list[int],
    a: tuple[int, int],
    stop: int,
    share: float,
    *,
    max_tokens: int = 50,
    target: int = 50,
    single: bool = False,
    fits: bool = True,
) -> tuple[int, int, int]:
    """The end of A and the range of B, for the second document of a shard.

    Args:
        lengths: tokens of the document's sentences.
        a: first and end sentence of A.
        stop: end of the chunk, whose rest is the B that is replaced.
        share: the draw, as a share of its range.
        max_tokens: tokens of A and B together, at most.
        target: tokens of the chunk.
        single: whether A and B are single sentences.
        fits: whether B must fit beside A.
    """
    documents = make_documents([[3, 3, 3, 3], lengths])
    text = Text(documents.ids, documents.sentence_offsets, documents.document_offsets)
    rules = PairRules(
        max_tokens=max_tokens,
        short_below=0,
        random_next_prob=0.5,
        single=single,
        swaps=False,
        similar=False,
        same=True,
        fits=fits,
    )
    row = np.array([1, 1, 4 + a[0], 4 + a[1], 4 + a[1], 4 + stop, 1])
    draw = np.array([0, 0, 0, 0, 0, int(share * 2**32)])
    draw_elsewhere(text, rules, draw, target, row)
    assert row[[0, 1, 2, 6]].tolist() == [1, 1, 4 + a[0], 1]
    return int(row[3]) - 4, int(row[4]) - 4, int(row[5]) - 4


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, (5, 0, 2)), (0.3, (5, 1, 3)), (0.5, (5, 6, 8)), (0.7, (5, 7, 9)), (0.99, (5, 8, 10))],
)
def test_b_starts_where_enough_tokens_follow(share: float, expected: tuple[int, int, int]) -> None:
    """A is sentence 4; 20 tokens are wanted: two starts before A, at 0 and 1, and three after, at 6, 7 and 8, are equally likely."""
    assert drawn(TENS, (4, 5), 7, share) == expected


@pytest.mark.parametrize(
    ("lengths", "a", "stop", "expected"),
    [
        (TENS, (4, 5), 10, (5, 6, 10)),  # 30 tokens before A, 40 after it, and 50 are wanted
        ([20, 20, 20, 10, 10, 10, 10, 10, 10, 10], (4, 5), 10, (5, 0, 2)),  # 60 before A; 40 fit beside A
        ([15, 5, 10, 10, 10], (2, 3), 5, (3, 0, 1)),  # 15 before A, 10 after it
        ([10, 5, 10, 10, 10], (2, 3), 5, (3, 4, 5)),  # 10 before and after A
    ],
)
def test_without_enough_tokens_b_starts_in_the_longer_part(
    lengths: list[int], a: tuple[int, int], stop: int, expected: tuple[int, int, int]
) -> None:
    """Before or after A, whichever has more tokens."""
    assert drawn(lengths, a, stop, 0.5) == expected


def test_a_gives_way_where_it_leaves_no_candidate() -> None:
    """A begins with the first or second sentence and reaches the end: it is cut so that the last sentence is a B with one between."""
    assert drawn([10, 10, 10], (0, 2), 3, 0.5) == (1, 2, 3)
    assert drawn([10, 10, 10, 10], (1, 4), 4, 0.5) == (2, 3, 4)


def test_a_start_that_does_not_fit_is_skipped() -> None:
    """The next candidate that fits beside A, after the end of the document from its start."""
    lengths = [10, 10, 10, 10, 20, 10, 40, 40, 10, 40]  # A has 20 of 50 tokens
    assert drawn(lengths, (4, 5), 6, 0.45) == (5, 8, 9)
    assert drawn(lengths, (4, 5), 6, 0.99) == (5, 0, 1)


def test_a_loses_sentences_until_a_b_fits() -> None:
    """A of three sentences of 10 tokens leaves 20, and every other sentence has 30; without its last sentence they fit."""
    assert drawn([30, 30, 30, 10, 10, 10, 30, 30], (3, 6), 7, 0.0) == (5, 0, 1)


def test_a_single_sentence_keeps_a_b_that_does_not_fit() -> None:
    """Then the pair is truncated later."""
    assert drawn([40, 40, 40, 40, 40], (0, 1), 2, 0.0) == (1, 2, 3)


def test_b_is_one_sentence_or_reaches_the_target() -> None:
    """With `sentences` one; with `overshoot` as many as reach the target together with A."""
    assert drawn(TENS, (4, 5), 6, 0.0, single=True) == (5, 0, 1)
    assert drawn(TENS, (4, 5), 7, 0.5, fits=False, target=31) == (5, 6, 9)
    assert drawn(TENS, (4, 5), 7, 0.0, fits=False, target=31) == (5, 0, 3)
    assert drawn(TENS, (4, 5), 7, 0.0, fits=False, target=20) == (5, 0, 1)
