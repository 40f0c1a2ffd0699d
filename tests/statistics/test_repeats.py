"""Tokens of sentences that occurred before, against a plain count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.compiled import interpreted
from nspdata.arrays.ragged import offsets
from nspdata.statistics import repeats
from nspdata.tokenization.encoded import TokenizedDocuments

SENTENCES = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), max_size=30)


def documents_of(sentences: list[list[int]], dtype: type = np.uint16) -> TokenizedDocuments:
    """All sentences in one document."""
    return TokenizedDocuments(
        ids=np.array([token for sentence in sentences for token in sentence], dtype),
        sentence_offsets=offsets(np.array([len(sentence) for sentence in sentences], np.int64)),
        document_offsets=np.array([0, len(sentences)]),
        document_ids=np.zeros(1, np.uint64),
        text_hashes=np.zeros((1, 2), np.uint64),
    )


@given(sentences=SENTENCES, block=st.sampled_from([0, 1, 7, 1 << 18]))
def test_repeats_are_those_of_a_plain_count(sentences: list[list[int]], block: int) -> None:
    """The first occurrence is not counted; the compiled loop (block 0) and numpy, with any tokens at once, find the same."""
    seen: set[tuple[int, ...]] = set()
    expected = 0
    for sentence in map(tuple, sentences):
        expected += len(sentence) * (sentence in seen)
        seen.add(sentence)
    with pytest.MonkeyPatch.context() as patch, interpreted(when=bool(block)):
        if block:
            patch.setattr(repeats, "BLOCK", block)
        assert repeats.repeated_tokens(documents_of(sentences)) == expected


def test_hashes_of_the_compiled_loop_are_those_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences of up to 300 tokens, over blocks of 1,000 tokens."""
    lengths = np.random.Philox(key=1).random_raw(200) % np.uint64(300) + np.uint64(1)
    places = offsets(lengths.astype(np.int64))
    ids = (np.random.Philox(key=2).random_raw(int(places[-1])) % np.uint64(30_000)).astype(np.uint16)
    fast = repeats.sentence_hashes(ids, places)
    monkeypatch.setattr(repeats, "BLOCK", 1000)
    with interpreted():
        assert (repeats.sentence_hashes(ids, places) == fast).all()


def test_repeats_are_counted_in_each_shard() -> None:
    """The sum over the shards: a sentence of two shards is repeated in neither."""
    one = documents_of([[7, 8], [9], [7, 8], [9, 9], [7, 8]])
    documents = replace(
        one, document_offsets=np.arange(6), document_ids=np.zeros(5, np.uint64), text_hashes=np.zeros((5, 2), np.uint64)
    )
    parts = [documents.part(0, 2), documents.part(2, 5)]
    assert repeats.repeated_tokens(documents, np.array([0, 0, 1, 1, 1])) == 2
    assert [repeats.repeated_tokens(part) for part in parts] == [0, 2]
    assert repeats.repeated_tokens(documents) == 4


def test_a_million_sentences_have_different_hashes() -> None:
    """Pairs of tokens from a large vocabulary, in both orders."""
    first, second = np.divmod(np.arange(1_000_000), 1000)
    ids = np.stack([60 * first, second], axis=1).astype(np.uint32).ravel()
    hashes = repeats.sentence_hashes(ids, np.arange(0, len(ids) + 1, 2))
    assert len(np.unique(hashes)) == 1_000_000
