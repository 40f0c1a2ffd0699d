"""The memo of words: exact keys, and the same ids from it as without it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.compiled import is_compiled
from nspdata.tokenization.fast import word_memo
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter
from tests.tokenization.fuzzing import hard_texts
from tests.tokenization.texts import BUNDLED, assert_same, wordpiece

ALIKE = ["BA", "\u4142", "AB", "a", "aa", "\u0430", "0\x04", "\u0430\u0430", "\u2041", "\U00010041", "\u07ff", "\u0800"]


def packed(word: str) -> tuple[int, int]:
    codes = np.array([ord(character) for character in word], np.uint32)
    first, second = word_memo.packed(codes, len(codes))
    return int(first), int(second)


def test_words_with_the_same_bits_in_another_packing_have_other_keys() -> None:
    """Bytes of two ASCII characters equal one wider character; the packing is part of the key."""
    keys = [packed(word) for word in ALIKE]
    assert len(set(keys)) == len(ALIKE)
    assert (0, 0) not in keys


@given(
    st.lists(st.text(st.sampled_from("aZ~\u00e9\u0430\u07ff\u0800\uffff\U00010000\U0010ffff"), min_size=1), max_size=50)
)
def test_different_words_have_different_keys(words: list[str]) -> None:
    """Whatever words: equal keys are of equal words, or of words too long to be remembered."""
    for one, other in itertools.combinations(set(words), 2):
        assert packed(one) != packed(other) or packed(one) == (0, 0)


def test_words_that_are_too_long_have_no_key() -> None:
    """17 letters of ASCII, 11 of Cyrillic, 7 of the rest of the basic plane, 5 beyond it."""
    for letter, length in {"a": 16, "\u0430": 10, "\u4e00": 6, "\U00010000": 4}.items():
        assert packed(letter * length) != (0, 0)
        assert packed(letter * (length + 1)) == (0, 0)


@pytest.mark.skipif(not is_compiled(), reason="numba is not installed, or switched off")
@pytest.mark.parametrize(("dtype", "most"), [(np.uint16, 7), (np.uint32, 3)])
def test_a_word_of_the_memo_has_its_ids(dtype: type, most: int) -> None:
    """The greatest ids, in every number that is remembered; of more, the slot keeps what it had."""
    memo = word_memo.WordMemo(8 * np.dtype(dtype).itemsize)
    for count in range(1, most + 3):
        written = (np.iinfo(dtype).max - np.arange(count)).astype(dtype)
        word_memo.remember(memo.entries, 5, np.uint64(count), np.uint64(0), memo.id_bits, written, 0, count)
        assert memo.entries[5, 0] == min(count, most)
        found = np.zeros(count + 1, dtype)
        if count <= most:
            assert word_memo.write_remembered(memo.entries, 5, memo.id_bits, found, 1) == count + 1
            assert found.tolist() == [0, *written.tolist()]


def test_remembered_words_encode_alike() -> None:
    """Texts encoded twice by one encoder, of words of every length, and more words than the memo holds."""
    tokenizer = wordpiece(BUNDLED)
    fast, plain = FastEncoder(Splitter("en"), tokenizer), PlainEncoder(Splitter("en"), tokenizer)
    numbers = " ".join(f"{number:x}z" for number in range(200_000))
    lengths = " ".join(letter * length for letter in "ae\u0436\u0915\U00010400" for length in range(1, 24))
    texts = [lengths, numbers, lengths, *hard_texts("ru", 30_000, seed=5)]
    assert_same(fast, plain, texts)
    assert_same(fast, plain, texts)
