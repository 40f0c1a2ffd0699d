"""Randomness: one stream per use, stable across versions, with unbiased integers and coins."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.random import below, heads, stream, words_for_heads


def test_the_first_words_never_change() -> None:
    """A golden: shards built years apart are the same bytes only if these are."""
    words = stream(12345, "pairing", split="train", shard=3, duplicate=1).random_raw(2)
    assert words.tolist() == [10111650208489329244, 9586505398644966387]


def test_every_name_has_a_stream_of_its_own() -> None:
    """Streams that differ in seed, stage, split, shard or pass share no word."""
    names = itertools.product((-1, 0, 1), ("pairing", "masking"), ("train", "validation"), (0, 1, 11), (0, 1))
    found = [
        stream(seed, stage, split=split, shard=shard, duplicate=duplicate).random_raw(4).tolist()
        for seed, stage, split, shard, duplicate in names
    ]
    words = [word for words in found for word in words]
    assert len(set(words)) == len(words)


def test_words_do_not_depend_on_how_many_are_drawn_at_once() -> None:
    """Words drawn one at a time equal words drawn together."""
    one, other = stream(7, "a"), stream(7, "a")
    assert [int(one.random_raw()) for _ in range(9)] == other.random_raw(9).tolist()


@given(word=st.integers(0, 2**64 - 1), bound=st.integers(1, 2**32 - 1))
def test_an_integer_is_below_its_bound(word: int, bound: int) -> None:
    """A bounded integer is the scaled high half of the word."""
    found = below(np.array([word], np.uint64), bound)
    assert found.tolist() == [((word >> 32) * bound) >> 32]
    assert 0 <= found[0] < bound


def test_integers_are_drawn_alike() -> None:
    """Integers below small bounds are uniform: a chi-square test, one bound per word."""
    for bound in (2, 3, 10, 97):
        found = below(stream(1, "alike").random_raw(bound * 1000), np.full(bound * 1000, bound))
        counts = np.bincount(found, minlength=bound)
        assert ((counts - 1000) ** 2 / 1000).sum() < bound + 4.5 * bound**0.5 + 5


@given(counts=st.lists(st.integers(0, 300), max_size=20), seed=st.integers(0, 99))
def test_heads_are_the_bits_of_the_words(counts: list[int], seed: int) -> None:
    """Each count takes whole words of its own, and its heads are the ones among its first bits of them."""
    flips = np.array(counts, np.int64)
    words = stream(seed, "heads").random_raw(words_for_heads(flips))
    expected, at = [], 0
    for count in counts:
        need = (count + 63) // 64
        bits = sum(int(word) << 64 * place for place, word in enumerate(words[at : at + need].tolist()))
        expected.append((bits & ((1 << count) - 1)).bit_count())
        at += need
    assert words_for_heads(flips) == at
    assert heads(words, flips).tolist() == expected


def test_coins_are_fair() -> None:
    """Half of many flips are heads, for every number of flips."""
    for count in (1, 5, 64, 65, 200):
        flips = np.full(20_000, count, np.int64)
        found = heads(stream(2, "fair").random_raw(words_for_heads(flips)), flips)
        assert abs(found.mean() - count / 2) < 4 * (count / 4 / 20_000) ** 0.5
        assert 0 <= found.min() <= found.max() <= count
