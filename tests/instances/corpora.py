"""Documents in which every token is unique, so that each token of a row shows where it comes from."""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from nspdata.arrays.ragged import offsets
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST = len(SPECIAL_TOKENS)
"""Id of a corpus's first token; the n-th has the id FIRST + n."""

Lengths = list[list[int]]
"""Tokens of each sentence of each document."""

LENGTHS: st.SearchStrategy[Lengths] = st.lists(
    st.lists(st.one_of(st.integers(1, 12), st.integers(1, 70)), min_size=1, max_size=12), min_size=2, max_size=7
)


@cache
def _vocabulary(size: int) -> Vocabulary:
    return Vocabulary((*SPECIAL_TOKENS, *(f"t{number}" for number in range(size - FIRST))))


def vocabulary_of(documents: TokenizedDocuments) -> Vocabulary:
    """A vocabulary that holds the documents' ids."""
    return _vocabulary(1 << (len(documents.ids) + FIRST + 1).bit_length())


def make_documents(lengths: Lengths, document_ids: Sequence[int] | None = None) -> TokenizedDocuments:
    """Documents of these lengths, with ids of their own unless some are given."""
    flat = np.array([tokens for document in lengths for tokens in document], np.int64)
    ids = range(1000, 1000 + len(lengths)) if document_ids is None else document_ids
    ends = offsets(flat)
    return TokenizedDocuments(
        ids=(FIRST + np.arange(ends[-1])).astype(np.uint16 if ends[-1] < 30_000 else np.uint32),
        sentence_offsets=ends,
        document_offsets=offsets(np.array([len(document) for document in lengths])),
        document_ids=np.array(list(ids), np.uint64),
        text_hashes=np.arange(2 * len(lengths), dtype=np.uint64).reshape(-1, 2),
    )


def random_lengths(
    num_documents: int, seed: int, *, sentences: float = 20.0, tokens: float = 22.0, alone: float = 0.1
) -> Lengths:
    """Documents like real ones: so many sentences and tokens a sentence on average, and a share of one sentence only."""
    source = np.random.default_rng(seed)
    single = source.random(num_documents) < alone
    counts = np.where(single, 1, source.geometric(1 / sentences, num_documents))
    return [(1 + source.geometric(1 / tokens, count)).tolist() for count in counts.tolist()]


def lists(documents: TokenizedDocuments) -> list[list[list[int]]]:
    """The documents as lists of sentences as lists of ids: what the plain reference reads."""
    ends, ids = documents.sentence_offsets.tolist(), documents.ids.tolist()
    sentences = [ids[begin:end] for begin, end in itertools.pairwise(ends)]
    places = documents.document_offsets.tolist()
    return [sentences[begin:end] for begin, end in itertools.pairwise(places)]
