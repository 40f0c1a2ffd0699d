"""Candidate documents for negatives by hand: equal ids are one document, and tokens lead to the documents that contain them."""

from __future__ import annotations

import numpy as np

from nspdata.instances.pool import (
    REACH,
    Text,
    below,
    make_pool,
    other_document,
    rarest_token,
    sentence_holding,
    similar_document,
)

IDS = np.array([30, 10, 20, 10], np.uint64)
"""Ids of four documents; the second and the last have the same."""

TOKENS = [[[5, 6], [7]], [[5, 8], [8]], [[5, 7], [9]], [[5, 6, 8]]]
"""Tokens of their sentences."""


def text_of(documents: list[list[list[int]]]) -> Text:
    """The documents as flat arrays."""
    sentences = [sentence for document in documents for sentence in document]
    return Text(
        np.array([token for sentence in sentences for token in sentence], np.uint16),
        np.cumsum([0, *map(len, sentences)]),
        np.cumsum([0, *map(len, documents)]),
    )


def test_draws_are_divided_evenly() -> None:
    """A 32-bit draw below 1/3 of its range is 0 of 3, and so on."""
    third = 2**32 / 3
    assert [below(int(third * share), 3) for share in (0, 0.999, 1.001, 1.999, 2.001, 2.999)] == [0, 0, 1, 1, 2, 2]


def test_every_document_of_another_id_is_drawn() -> None:
    """Documents are ranked 1, 3, 2, 0 by their ids: the own id's ranks are skipped."""
    pool = make_pool(text_of(TOKENS), IDS, similar=False)
    draws = [0, 2**30, 2**31, 3 * 2**30]
    assert [[int(other_document(pool, draw, document)) for draw in draws] for document in range(4)] == [
        [1, 1, 3, 2],  # three candidates for four draws
        [2, 2, 0, 0],
        [1, 1, 3, 0],
        [2, 2, 0, 0],
    ]


def test_tokens_have_the_ranks_of_their_documents() -> None:
    """The documents of each token, by rank: token 5 is in all, 6 in documents 0 and 3, 7 in 0 and 2, 8 in 1 and 3, 9 in 2."""
    pool = make_pool(text_of(TOKENS), IDS, similar=True)
    runs = np.split(pool.ranks, pool.token_offsets[1:-1])
    assert [run.tolist() for run in runs] == [[], [], [], [], [], [0, 1, 2, 3], [1, 3], [2, 3], [0, 1], [2]]
    assert pool.order[pool.ranks[pool.token_offsets[8] : pool.token_offsets[9]]].tolist() == [1, 3]


def test_the_rarest_token_is_in_another_document_too() -> None:
    """The first of the tokens in the fewest documents, but in at least two; -1 if every token is in one document only."""
    text = text_of(TOKENS)
    pool = make_pool(text, IDS, similar=True)
    tokens = text.ids.tolist()
    assert tokens == [5, 6, 7, 5, 8, 8, 5, 7, 9, 5, 6, 8]
    ranges = [(0, 1), (0, 3), (3, 6), (6, 9), (8, 9), (9, 12), (2, 4)]
    assert [int(rarest_token(text, pool, *one)) for one in ranges] == [5, 6, 8, 7, -1, 6, 7]


def test_a_similar_document_has_the_token_and_another_id() -> None:
    """Token 7 leads from document 0 to 2; token 8 is only in documents of id 10, so from 1 any other document is drawn."""
    pool = make_pool(text_of(TOKENS), IDS, similar=True)
    draws = [0, 2**30, 2**31, 3 * 2**30]
    found = {
        (document, token): [int(similar_document(pool, draw, document, token)) for draw in draws]
        for document, token in ((0, 7), (2, 7), (0, 6), (1, 8), (0, 8), (0, 5), (2, 5))
    }
    assert found == {
        (0, 7): [2, 2, 2, 2],
        (2, 7): [0, 0, 0, 0],
        (0, 6): [3, 3, 3, 3],
        (1, 8): [2, 2, 0, 0],
        (0, 8): [1, 1, 3, 3],
        (0, 5): [1, 1, 3, 2],
        (2, 5): [1, 1, 3, 0],
    }


def test_b_starts_at_a_sentence_that_holds_the_token() -> None:
    """The first one from the given sentence on, within the document; the given one if there is none."""
    text = text_of([[[9]], [[5, 6], [7], [8, 7], [9, 7]], [[4]]])
    found = [int(sentence_holding(text, token, sentence, 5)) for token, sentence in ((7, 1), (7, 3), (9, 1), (5, 2))]
    assert found == [2, 3, 4, 2]
    assert int(sentence_holding(text, 4, 1, 5)) == 1  # only in the next document
    assert int(sentence_holding(text, 9, 1, 3)) == 1  # after the last sentence


def test_the_search_for_a_token_is_bounded() -> None:
    """A token further than `REACH` tokens is not found."""
    text = text_of([[[5] * (REACH - 1), [7, 5], [8]]])
    assert int(sentence_holding(text, 7, 0, 3)) == 1
    assert int(sentence_holding(text, 8, 0, 3)) == 0
    assert int(sentence_holding(text, 8, 1, 3)) == 2
