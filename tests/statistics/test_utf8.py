"""Characters of UTF-8, against the counts of Python strings."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.compiled import interpreted
from nspdata.statistics.scripts import count_characters
from nspdata.statistics.utf8 import BLOCK, count_utf8

CHARACTERS = "aZ@[`{0 \u007f\u0080\u00e9\u07ff\u0800\ud800\udfff\uffff\U00010000\U0010ffff"


@given(
    shift=st.sampled_from([0, 1, 7, 8 * BLOCK - 3, 8 * BLOCK]), text=st.text(st.sampled_from(CHARACTERS), max_size=60)
)
def test_counts_are_those_of_a_plain_loop(shift: int, text: str) -> None:
    """Every length of UTF-8, at every place of eight bytes and at the edge of a block."""
    whole = "." * shift + text
    counts = np.zeros(17, np.int64)
    kinds = (np.arange(0x110000) >> 16).astype(np.uint16)
    letters, common = count_utf8(whole.encode(errors="surrogatepass"), kinds, counts)
    assert letters == sum(character.isascii() and character.isalpha() for character in whole)
    assert letters + common == sum(map(str.isascii, whole))
    expected = np.bincount([ord(character) >> 16 for character in whole if not character.isascii()], minlength=17)
    assert (counts == expected).all()


@given(st.lists(st.text()))
def test_strings_and_utf8_have_the_same_counts_compiled_or_not(texts: list[str]) -> None:
    """All of Unicode but surrogates, which UTF-8 does not have."""
    expected = count_characters(texts)
    utf8 = [text.encode() for text in texts]
    assert count_characters(utf8) == expected
    with interpreted():
        assert count_characters(texts) == count_characters(utf8) == expected
