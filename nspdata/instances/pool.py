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
    """The documents of a shard as flat arrays.

    Attributes:
        ids: shape (num_tokens,); used only if negatives are `similar`.
        sentence_offsets: shape (num_sentences + 1,), tokens; every sentence has at least one.
        document_offsets: shape (num_documents + 1,), sentences; every document has at least one.
    """

    ids: NDArray[Any]
    sentence_offsets: NDArray[np.int64]
    document_offsets: NDArray[np.int64]


class Pool(NamedTuple):
    """Documents ranked so that equal ids are adjacent.

    Attributes:
        order: shape (num_documents,): the document of each rank.
        group_starts, group_sizes: shape (num_documents,): for each document, the first rank with its id, and the number of ranks with its id.
        token_offsets: shape (max id + 2,): start of each token's run in `ranks`; all 0 if negatives are not `similar`.
        ranks: shape (any,), ascending in each run: the ranks of the documents that contain the token.
    """

    order: NDArray[np.int64]
    group_starts: NDArray[np.int64]
    group_sizes: NDArray[np.int64]
    token_offsets: NDArray[np.int64]
    ranks: NDArray[np.int32]


NONE = np.zeros(0, np.int64)

NO_POOL = Pool(NONE, NONE, NONE, np.zeros(1, np.int64), np.zeros(0, np.int32))
"""For pairs whose B is always from the document of A."""


def groups(document_ids: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Returns the first three attributes of `Pool`.

    >>> [part.tolist() for part in groups(np.array([7, 5, 7], np.uint64))]
    [[1, 0, 2], [1, 0, 1], [2, 1, 2]]
    """
    order = np.argsort(document_ids, kind="stable")
    _, group, sizes = np.unique(document_ids, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    return order, starts[group], sizes[group]


def make_pool(text: Text, document_ids: NDArray[np.uint64], *, similar: bool) -> Pool:
    """Returns the pool of a shard; with `similar`, also the documents of each token (4 bytes per distinct token of a document)."""
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
    """Advances each token's offset by one for every document that contains it; writes the ranks there if `ranks` is not empty."""
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
    """Maps a 32-bit draw to [0, bound)."""
    return (draw * bound) >> 32


@compiled
def other_document(pool: Pool, draw: int, document: int) -> int:
    """Returns a document with another id, all equally likely: a rank outside the ranks of the document's own id."""
    size = pool.group_sizes[document]
    rank = below(draw, len(pool.order) - size)
    if rank >= pool.group_starts[document]:
        rank += size
    return pool.order[rank]  # type: ignore[no-any-return]


@compiled
def rarest_token(text: Text, pool: Pool, begin: int, end: int) -> int:
    """Returns the token of `text.ids[begin:end]` that is in the fewest documents of the shard, at least two; -1 if there is none."""
    rarest, fewest = -1, len(pool.order) + 1
    for place in range(begin, end):
        token = int(text.ids[place])
        holders = pool.token_offsets[token + 1] - pool.token_offsets[token]
        if 1 < holders < fewest:
            rarest, fewest = token, holders
    return rarest


@compiled
def similar_document(pool: Pool, draw: int, document: int, token: int) -> int:
    """Returns a document with another id that contains the token; if there is none, any document with another id."""
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
    """Returns the first sentence, starting at this one, with the token within `REACH` tokens; otherwise this one."""
    begin = text.sentence_offsets[sentence]
    end = min(text.sentence_offsets[last], begin + REACH)
    found = sentence
    for place in range(begin, end):
        while place >= text.sentence_offsets[found + 1]:
            found += 1
        if text.ids[place] == token:
            return found
    return sentence
