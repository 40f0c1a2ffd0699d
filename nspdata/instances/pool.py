"""Candidate documents for negatives: one draw per negative, no rejection sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.ragged import offsets as offsets_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


REACH = 512


class Text(NamedTuple):
    """A shard's documents, flat.

    Attributes:
        ids: shape (num_tokens,); read only where negatives are `similar`.
        sentence_offsets: shape (num_sentences + 1,), tokens; every sentence holds one at least.
        document_offsets: shape (num_documents + 1,), sentences; every document holds one at least.
    """

    ids: NDArray[Any]
    sentence_offsets: NDArray[np.int64]
    document_offsets: NDArray[np.int64]


class Pool(NamedTuple):
    """Documents ranked so that equal ids are neighbours.

    Attributes:
        order: shape (num_documents,): the document of each rank.
        group_starts, group_sizes: shape (num_documents,): for each document, the first rank of its id, and how many ranks have it.
        token_offsets: shape (max id + 2,): where each token's run in `ranks` begins; all 0 where negatives are not `similar`.
        ranks: shape (any,), ascending in each run: the ranks of the documents that hold the token.
    """

    order: NDArray[np.int64]
    group_starts: NDArray[np.int64]
    group_sizes: NDArray[np.int64]
    token_offsets: NDArray[np.int64]
    ranks: NDArray[np.int32]


def groups(document_ids: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The first three of `Pool`.

    >>> [part.tolist() for part in groups(np.array([7, 5, 7], np.uint64))]
    [[1, 0, 2], [1, 0, 1], [2, 1, 2]]
    """
    order = np.argsort(document_ids, kind="stable")
    _, group, sizes = np.unique(document_ids, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    return order, starts[group], sizes[group]


def make_pool(text: Text, document_ids: NDArray[np.uint64], *, similar: bool) -> Pool:
    """The pool of a shard; with `similar`, also which documents hold each token (4 bytes a distinct token of a document)."""
    order, starts, sizes = groups(document_ids)
    if not similar or not len(text.ids):
        return Pool(order, starts, sizes, np.zeros(1, np.int64), np.zeros(0, np.int32))
    counts = np.zeros(int(text.ids.max()) + 1, np.int64)
    last = np.full(len(counts), -1, np.int64)
    _holders(text, order, last, counts, np.zeros(0, np.int32))
    offsets = offsets_of(counts)
    ranks = np.empty(int(offsets[-1]), np.int32)
    last[:] = -1
    _holders(text, order, last, offsets[:-1].copy(), ranks)
    return Pool(order, starts, sizes, offsets, ranks)


@compiled
def _holders(
    text: Text, order: NDArray[np.int64], last: NDArray[np.int64], places: NDArray[np.int64], ranks: NDArray[np.int32]
) -> None:
    """Moves each token's place on by one for every document that holds it, and writes the ranks there where there is room."""
    for rank in range(len(order)):
        document = order[rank]
        begin = text.sentence_offsets[text.document_offsets[document]]
        end = text.sentence_offsets[text.document_offsets[document + 1]]
        for place in range(begin, end):
            token = int(text.ids[place])
            if last[token] != rank:
                last[token] = rank
                if len(ranks):
                    ranks[places[token]] = rank
                places[token] += 1


@compiled
def below(draw: int, bound: int) -> int:
    """A 32-bit draw mapped to [0, bound)."""
    return (draw * bound) >> 32


@compiled
def other_document(pool: Pool, draw: int, document: int) -> int:
    """Any document of another id, all alike: a rank that skips the document's own."""
    size = pool.group_sizes[document]
    rank = below(draw, len(pool.order) - size)
    if rank >= pool.group_starts[document]:
        rank += size
    return pool.order[rank]  # type: ignore[no-any-return]


@compiled
def rarest_token(text: Text, pool: Pool, begin: int, end: int) -> int:
    """The token of `text.ids[begin:end]` that the fewest documents of the shard hold, two at least; -1 where there is none."""
    rarest, fewest = -1, len(pool.order) + 1
    for place in range(begin, end):
        token = int(text.ids[place])
        holders = pool.token_offsets[token + 1] - pool.token_offsets[token]
        if 1 < holders < fewest:
            rarest, fewest = token, holders
    return rarest


@compiled
def similar_document(pool: Pool, draw: int, document: int, token: int) -> int:
    """Any document of another id that holds the token, or any at all where none of them does."""
    ranks = pool.ranks[pool.token_offsets[token] : pool.token_offsets[token + 1]]
    own = pool.group_starts[document]
    low = np.searchsorted(ranks, own)
    skipped = np.searchsorted(ranks, own + pool.group_sizes[document]) - low
    if skipped == len(ranks):
        return other_document(pool, draw, document)
    rank = below(draw, len(ranks) - skipped)
    if rank >= low:
        rank += skipped
    return pool.order[ranks[rank]]  # type: ignore[no-any-return]


@compiled
def sentence_holding(text: Text, token: int, sentence: int, last: int) -> int:
    """The first sentence from this one on that holds the token, `REACH` tokens ahead at most; else this one."""
    begin = text.sentence_offsets[sentence]
    end = min(text.sentence_offsets[last], begin + REACH)
    found = sentence
    for place in range(begin, end):
        while place >= text.sentence_offsets[found + 1]:
            found += 1
        if text.ids[place] == token:
            return found
    return sentence
