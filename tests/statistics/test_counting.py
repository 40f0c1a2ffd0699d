"""Counts of tokens and words, against a plain loop."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.compiled import interpreted
from nspdata.statistics import counting
from nspdata.statistics.counting import INSIDE, LETTER_WORD, OTHER_WORD, count_words

KINDS = np.array([INSIDE, OTHER_WORD, LETTER_WORD, INSIDE, LETTER_WORD], np.uint8)


@given(ids=st.lists(st.integers(0, 4), max_size=40), at_once=st.sampled_from([0, 1, 3, 1 << 18]))
def test_counts_are_those_of_a_plain_loop(ids: list[int], at_once: int) -> None:
    """With the compiled loop (0) and with numpy, in slices of any size."""
    begins = [place for place, token in enumerate(ids) if KINDS[token] != INSIDE] + [len(ids)]
    words = [end - begin for begin, end in pairwise(begins) if KINDS[ids[begin]] == LETTER_WORD]
    with pytest.MonkeyPatch.context() as patch, interpreted(when=bool(at_once)):
        if at_once:
            patch.setattr(counting, "COUNTED_AT_ONCE", at_once)
        counts, num_words, num_tokens = count_words(np.array(ids, np.uint16), KINDS)
    assert counts.tolist() == [ids.count(token) for token in range(len(KINDS))]
    assert (num_words, num_tokens) == (len(words), sum(words))


def test_an_id_outside_of_the_vocabulary_is_refused() -> None:
    """A damaged shard may have one; the compiled loop would write outside of its array."""
    with pytest.raises(ValueError, match="an id is 5; there are 5 tokens"):
        count_words(np.array([1, 5], np.uint16), KINDS)
