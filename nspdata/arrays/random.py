"""Counter-based random streams, each derived from (seed, stage, split, shard, duplicate)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.random.bit_generator import ISeedSequence

if TYPE_CHECKING:
    from numpy.typing import NDArray


def stream(seed: int, stage: str, *, split: str = "", shard: int = 0, duplicate: int = 0) -> np.random.Philox:
    """The Philox bit generator of one stage of one shard.

    Only raw words are drawn from it (`random_raw`): numpy guarantees that they stay the same between versions, but not the methods of `Generator`.
    Creating one costs about 15 µs: create one per shard and stage, never one per row.

    Args:
        seed: the user's seed, any integer.
        stage: name of the stage; different stages have independent streams.
        split: name of the split.
        shard: index of the shard in its split.
        duplicate: which pass over the documents, from 0.

    >>> stream(1, "pairing").random_raw(2).tolist() == stream(1, "pairing").random_raw(2).tolist()
    True
    >>> stream(1, "pairing").random_raw() == stream(1, "masking").random_raw()
    False
    """
    name = f"{seed}/{stage}/{split}/{shard}/{duplicate}"
    key = _Key(hashlib.blake2b(name.encode(), digest_size=16).digest())
    return np.random.Philox(key)  # type: ignore[arg-type]  # the stubs know only numpy's own `SeedSequence`


class _Key(ISeedSequence):
    """The key of a Philox generator: 16 bytes, little-endian. With `key=` numpy would first draw a seed from the system (30 µs)."""

    def __init__(self, key: bytes) -> None:
        self._words = np.frombuffer(key, "<u8").astype(np.uint64)

    def generate_state(self, n_words: int, dtype: object = np.uint64) -> NDArray[np.uint64]:  # noqa: ARG002 - of the protocol
        """The two words of the key."""
        return self._words


def below(words: NDArray[np.uint64], bounds: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Maps 64-bit words to integers in [0, bound) by multiplying and shifting; the bias is under bound / 2**32.

    >>> below(np.array([0, 2**63, 2**64 - 1], np.uint64), 10).tolist()
    [0, 5, 9]
    """
    scaled = (words >> np.uint64(32)) * np.asarray(bounds, np.uint64)
    return (scaled >> np.uint64(32)).astype(np.int64)


def heads(words: NDArray[np.uint64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of heads in `counts[i]` fair coin flips, from the bits of the words.

    Args:
        words: shape (num_words,), as many as `words_for_heads(counts)`.
        counts: shape (n,), flips of each.

    >>> heads(np.array([0b1011], np.uint64), np.array([3, 0])).tolist()
    [2, 0]
    """
    need = (counts + 63) >> 6
    ends = np.cumsum(need)
    bits = np.bitwise_count(words[: ends[-1]] if len(ends) else words[:0]).astype(np.int64)
    flips = np.flatnonzero(need)
    spare = (need[flips] << 6) - counts[flips]
    last = ends[flips] - 1
    keep = np.uint64(0xFFFFFFFFFFFFFFFF) >> spare.astype(np.uint64)
    bits[last] = np.bitwise_count(words[last] & keep)
    result = np.zeros(len(counts), np.int64)
    if len(flips):
        result[flips] = np.add.reduceat(bits, ends[flips] - need[flips])
    return result


def words_for_heads(counts: NDArray[np.int64]) -> int:
    """How many 64-bit words `heads` takes for these counts."""
    return int(((counts + 63) >> 6).sum())
