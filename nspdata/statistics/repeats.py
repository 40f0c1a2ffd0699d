"""Sentences that occur more than once: boilerplate, and near duplicates of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled, is_compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.tokenization.encoded import TokenizedDocuments

FACTOR = 0x9E3779B97F4A7C15
"""Base of the polynomial hash: odd, so it has an inverse modulo 2**64."""

BLOCK = 1 << 18
"""Approximate tokens that are hashed at once; each needs 40 bytes."""


def repeated_tokens(documents: TokenizedDocuments, shards: NDArray[np.int64] | None = None) -> int:
    """The number of tokens in sentences that have occurred before in these documents, with the same tokens.

    Args:
        documents: of one shard, or of several.
        shards: the shard of each document; only sentences of the same shard are compared.
    """
    hashes, lengths = sentence_hashes(documents.ids, documents.sentence_offsets), np.diff(documents.sentence_offsets)
    if shards is not None:
        hashes += np.repeat(shards.astype(np.uint64) * np.uint64(FACTOR), np.diff(documents.document_offsets))
    if is_compiled():
        slots = np.zeros(1 << (2 * len(hashes)).bit_length(), np.uint64)
        return int(_sum_repeated(hashes, lengths, slots))
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    return int(lengths[order[1:][ordered[1:] == ordered[:-1]]].sum())


@compiled
def _sum_repeated(hashes: NDArray[np.uint64], lengths: NDArray[np.int64], slots: NDArray[np.uint64]) -> int:
    """Sums the lengths of sentences whose hash has occurred before; `slots` is an empty hash table, 0 in a free slot."""
    total, zeros, last = 0, 0, np.uint64(len(slots) - 1)
    for sentence in range(len(hashes)):
        found = hashes[sentence]
        if found == 0:
            total += lengths[sentence] if zeros else 0
            zeros += 1
            continue
        slot = found & last
        while slots[slot] != 0 and slots[slot] != found:
            slot = (slot + np.uint64(1)) & last
        total += lengths[sentence] if slots[slot] == found else 0
        slots[slot] = found
    return total


def sentence_hashes(ids: NDArray[Any], sentence_offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A polynomial hash of the tokens of each sentence, shape (num_sentences,), uint64.

    Args:
        ids: shape (num_tokens,).
        sentence_offsets: shape (num_sentences + 1,), into `ids`.

    >>> one, two, three = sentence_hashes(np.array([7, 8, 8, 7, 7, 8]), np.array([0, 2, 4, 6])).tolist()
    >>> one == three, one == two
    (True, False)
    """
    hashes = np.empty(len(sentence_offsets) - 1, np.uint64)
    if not len(ids):
        return hashes
    words = np.random.Philox(key=0).random_raw(int(ids.max()) + 1)
    if is_compiled():
        longest = int(np.diff(sentence_offsets).max())
        _hash_sentences(ids, sentence_offsets, words, _powers(FACTOR, longest), hashes)
        return hashes
    powers = inverses = np.zeros(0, np.uint64)
    begin = 0
    while begin < len(hashes):
        end = np.searchsorted(sentence_offsets, sentence_offsets[begin] + BLOCK, side="right") - 1
        end = min(len(hashes), max(begin + 1, int(end)))
        places = sentence_offsets[begin : end + 1] - sentence_offsets[begin]
        if len(powers) <= places[-1]:
            powers, inverses = _powers(FACTOR, places[-1] + 1), _powers(pow(FACTOR, -1, 1 << 64), places[-1] + 1)
        held = words[ids[sentence_offsets[begin] : sentence_offsets[end]]] * powers[: places[-1]]
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(held)])
        hashes[begin:end] = np.diff(sums[places]) * inverses[places[:-1]]
        begin = end
    return hashes


@compiled
def _hash_sentences(
    ids: NDArray[Any],
    sentence_offsets: NDArray[np.int64],
    words: NDArray[np.uint64],
    powers: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
) -> None:
    for sentence in range(len(hashes)):
        total, begin = np.uint64(0), np.uint64(sentence_offsets[sentence])  # unsigned: no check for negative indices
        for step in range(sentence_offsets[sentence + 1] - sentence_offsets[sentence]):
            total += words[ids[begin + np.uint64(step)]] * powers[np.uint64(step)]
        hashes[sentence] = total


def _powers(factor: int, count: int) -> NDArray[np.uint64]:
    """1, factor, factor**2, ... modulo 2**64; shape (count,)."""
    factors = np.full(count, factor, np.uint64)
    factors[0] = 1
    return np.cumprod(factors)
