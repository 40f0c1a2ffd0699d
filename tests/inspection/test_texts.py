"""Texts decoded all at once are those of the plain decoder."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from nspdata.inspection.decoding import decode
from nspdata.inspection.texts import decode_all
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

TOKENS = (*"'’().,$“aé東京한", "##", "##s", "##(", "##京", "s", "ll", "re", "it", "\u202e", "#")
VOCABULARY = Vocabulary((*SPECIAL_TOKENS, *TOKENS))
FIRST = len(SPECIAL_TOKENS)


def ids_of(*tokens: str) -> list[int]:
    return [FIRST + TOKENS.index(token) for token in tokens]


@given(segments=st.lists(st.lists(st.integers(0, len(VOCABULARY) - 1), max_size=6), max_size=5))
@example(segments=[ids_of("it", "'", "s"), ids_of("'", "s"), [], ids_of("s", "'"), ids_of("(", "it", ")", "東", "京")])
def test_texts_are_those_of_the_plain_decoder(segments: list[list[int]]) -> None:
    """For any tokens, empty segments included; [CLS] and [SEP] around the segments do not matter."""
    ids = np.array([token for segment in segments for token in (2, *segment, 3)], np.uint16)
    ends = np.cumsum([len(segment) + 2 for segment in segments], dtype=np.int64)
    bounds = np.array(
        [(end - 1 - len(segment), end - 1) for end, segment in zip(ends, segments, strict=True)], np.int64
    )
    expected = [decode(segment, VOCABULARY) for segment in segments]
    assert decode_all(ids, bounds.reshape(-1, 2), VOCABULARY) == expected


def test_english_endings_and_unknown_ids() -> None:
    """Values that can be checked by eye; an id outside of the vocabulary is named."""
    ids = np.array([*ids_of("it", "'", "s"), *ids_of("東", "京", "a"), len(VOCABULARY)], np.int64)
    assert decode_all(ids[:6], np.array([[0, 3], [3, 6], [6, 4]]), VOCABULARY) == ["it's", "東京 a", ""]
    assert decode_all(ids, np.array([[5, 7]]), VOCABULARY) == [f"a [id {len(VOCABULARY)}]"]
