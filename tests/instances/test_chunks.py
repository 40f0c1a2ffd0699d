"""Runs of sentences by hand: where a chunk ends, and which sentences may start a B."""

from __future__ import annotations

import numpy as np
import pytest

from nspdata.instances.chunks import PairRules, chunk_end, long_enough, nearest_end, num_starts, with_last

TENS = np.arange(11) * 10
"""Offsets of ten sentences of ten tokens."""


def rules(*, single: bool = False, fits: bool = True) -> PairRules:
    """Rules of which only these two matter for a chunk."""
    return PairRules(
        max_tokens=50,
        short_below=0,
        random_next_prob=0.5,
        single=single,
        swaps=False,
        similar=False,
        same=False,
        fits=fits,
    )


@pytest.mark.parametrize(
    ("target", "most", "fits", "expected"),
    [
        (1, 50, True, 3),  # the first sentence is always taken
        (10, 50, True, 3),
        (11, 50, True, 4),
        (31, 40, True, 6),  # 40 tokens are allowed
        (31, 39, True, 5),  # 40 tokens are one too many
        (31, 39, False, 6),  # may exceed the most
        (99, 999, True, 8),  # the document ends
    ],
)
def test_a_chunk_ends_when_it_reaches_its_target(target: int, most: int, fits: bool, expected: int) -> None:  # noqa: FBT001
    """From sentence 2 of a document that ends at 8."""
    assert chunk_end(TENS, 2, 8, (target, most), rules(fits=fits)) == expected


def test_a_chunk_of_single_sentences_has_two() -> None:
    """With `sentences` the target has no effect; the last sentence is alone."""
    assert chunk_end(TENS, 2, 8, (99, 99), rules(single=True)) == 4
    assert chunk_end(TENS, 7, 8, (1, 1), rules(single=True)) == 8


@pytest.mark.parametrize(
    ("sentence", "most", "expected"),
    [
        (0, 50, 5),  # the last sentence fits
        (0, 49, 3),  # it does not: the chunk leaves one sentence for it
        (1, 39, 3),  # three sentences become two
        (2, 29, 4),  # a chunk of two keeps both
        (3, 19, 4),  # a chunk of one, too
    ],
)
def test_the_last_sentence_of_a_document_is_not_left_alone(sentence: int, most: int, expected: int) -> None:
    """A chunk that ends at sentence 4 of a document of five sentences."""
    assert with_last(TENS, sentence, 4, most) == expected


@pytest.mark.parametrize(
    ("wanted", "most", "expected"),
    [
        (10, 99, 3),
        (14, 99, 3),
        (15, 99, 4),  # 10 and 20 are equally close: the longer
        (16, 99, 4),
        (60, 40, 6),  # at most 40 tokens
        (60, 39, 5),
        (99, 999, 8),
        (0, 99, 3),  # at least one sentence
    ],
)
def test_a_random_b_ends_nearest_to_the_wanted_length(wanted: int, most: int, expected: int) -> None:
    """From sentence 2 of a document that ends at 8."""
    assert nearest_end(TENS, 2, 8, wanted, most) == expected


def test_starts_have_enough_tokens_up_to_the_end() -> None:
    """Of sentences 2 to 7, those before which at least the wanted tokens remain; `num_starts` is at least 1."""
    wanted = (0, 1, 10, 11, 20, 60, 61)
    assert [long_enough(TENS, 2, 8, tokens) for tokens in wanted] == [6, 6, 6, 5, 5, 1, 0]
    assert [num_starts(TENS, 2, 8, tokens) for tokens in wanted] == [6, 6, 6, 5, 5, 1, 1]
    assert (long_enough(TENS, 8, 8, 0), long_enough(TENS, 9, 8, 0)) == (0, 0)
