"""Features of the simple classifiers: lengths, shared words, bags of words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.inspection.shortcuts.pairs import LabelledPairs

HASH_BITS = 16
"""Number of bag-of-words features, as a power of 2."""


def lengths(pairs: LabelledPairs) -> NDArray[np.float64]:
    """Shape (num_pairs, 4): tokens of A, of B, of both, and A's share."""
    a, b = np.diff(pairs.offsets_a), np.diff(pairs.offsets_b)
    return np.stack([a, b, a + b, a / np.maximum(1, a + b)], axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The distinct tokens of each pair, each as `pair * vocab_size + token`, ascending.

    Attributes:
        a, b, both: shape (any,), int64: words of A, of B, and of both.
        vocab_size: ids are below it.
        num_pairs: number of pairs.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    both: NDArray[np.int64]
    vocab_size: int
    num_pairs: int

    @staticmethod
    def of(pairs: LabelledPairs, vocab_size: int) -> Words:
        """The words of pairs."""
        a, b = (
            _distinct(np.repeat(np.arange(len(pairs)), np.diff(ends)) * vocab_size + tokens)
            for tokens, ends in ((pairs.tokens_a, pairs.offsets_a), (pairs.tokens_b, pairs.offsets_b))
        )
        merged = np.sort(np.concatenate([a, b]), kind="stable")
        both = merged[1:][merged[1:] == merged[:-1]]
        return Words(a=a, b=b, both=both, vocab_size=vocab_size, num_pairs=len(pairs))

    def rarity(self) -> NDArray[np.float64]:
        """Shape (vocab_size,): the logarithm of the number of pairs divided by the number of pairs that contain the token."""
        held = np.zeros(self.vocab_size, np.int64)
        for keys, sign in ((self.a, 1), (self.b, 1), (self.both, -1)):
            held += sign * np.bincount(keys % self.vocab_size, minlength=self.vocab_size)
        return np.asarray(np.log((self.num_pairs + 1) / (held + 1)), np.float64)

    def sums(self, keys: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (num_pairs,): the summed weight of the tokens of each pair."""
        found = np.bincount(keys // self.vocab_size, weights[keys % self.vocab_size], minlength=self.num_pairs)
        return found.astype(np.float64)


def _distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the distinct keys, ascending."""
    keys = np.sort(keys)
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys


def overlap(words: Words, rarity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (num_pairs, 5): shared words: their number, shares of the smaller segment and of both; weighted by rarity."""
    ones = np.ones(words.vocab_size)
    shared, a, b = (words.sums(keys, ones) for keys in (words.both, words.a, words.b))
    rare, rare_a, rare_b = (words.sums(keys, rarity) for keys in (words.both, words.a, words.b))
    columns = [
        shared,
        shared / np.maximum(1, np.minimum(a, b)),
        shared / np.maximum(1, a + b - shared),
        rare,
        rare / np.maximum(1e-9, np.minimum(rare_a, rare_b)),
    ]
    return np.stack(columns, axis=1)


def bags(words: Words, rarity: NDArray[np.float64]) -> Any:
    """A sparse matrix (num_pairs, 2**HASH_BITS + 5): hashed words of A, of B, of both, and `overlap`."""
    from scipy import sparse

    keys = [words.a, words.b, words.both]
    kinds = np.repeat(np.arange(len(keys), dtype=np.uint64), [len(part) for part in keys])
    flat = np.concatenate(keys)
    tokens = (flat % words.vocab_size).astype(np.uint64)
    hashed = (tokens * np.uint64(len(keys)) + kinds + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    columns = (hashed >> np.uint64(64 - HASH_BITS)).astype(np.int64)
    counts = sparse.csr_matrix(
        (rarity[tokens.astype(np.int64)], (flat // words.vocab_size, columns)), shape=(words.num_pairs, 1 << HASH_BITS)
    )
    return sparse.hstack([counts / 10, sparse.csr_matrix(overlap(words, rarity) / (20, 1, 1, 40, 1))], format="csr")
