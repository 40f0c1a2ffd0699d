"""Rows as pairs of bags of words, divided so that no document is in both the training and the test set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.ragged import offsets, ragged_indices
from nspdata.errors import ShardError
from nspdata.instances.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.dataset.directory import Directory, Shard

HELD_OUT = 5
"""In a dataset of one shard, one of this many documents, selected by hash, is held out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPairs:
    """Pairs of segments, with masks undone.

    Attributes:
        tokens_a, tokens_b: shape (num_tokens,), ids of all segments, flat.
        offsets_a, offsets_b: shape (num_pairs + 1,), int64.
        labels: shape (num_pairs,), uint8.
        documents: shape (num_pairs,), uint64: the document of A.
    """

    tokens_a: NDArray[Any]
    offsets_a: NDArray[np.int64]
    tokens_b: NDArray[Any]
    offsets_b: NDArray[np.int64]
    labels: NDArray[np.uint8]
    documents: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.labels)

    @staticmethod
    def of(rows: Rows) -> LabelledPairs:
        """The pairs of some rows."""
        ids, begins = rows.unmasked_ids(), rows.offsets[:-1]
        length_a, length_b = rows.lengths_a - 2, rows.lengths - rows.lengths_a - 1
        return LabelledPairs(
            tokens_a=ids[ragged_indices(begins + 1, length_a)],
            offsets_a=offsets(length_a),
            tokens_b=ids[ragged_indices(begins + rows.lengths_a, length_b)],
            offsets_b=offsets(length_b),
            labels=rows.next_sentence_label,
            documents=rows.document_a,
        )

    def take(self, chosen: NDArray[np.int64]) -> LabelledPairs:
        """The pairs of these indices."""
        flat: dict[str, Any] = {}
        for side in "ab":
            tokens, ends = getattr(self, f"tokens_{side}"), getattr(self, f"offsets_{side}")
            lengths = np.diff(ends)[chosen]
            flat |= {
                f"tokens_{side}": tokens[ragged_indices(ends[:-1][chosen], lengths)],
                f"offsets_{side}": offsets(lengths),
            }
        return LabelledPairs(**flat, labels=self.labels[chosen], documents=self.documents[chosen])


def read_pairs(shards: list[Shard], limit: int) -> LabelledPairs:
    """About `limit` pairs: the first rows of each shard, whose documents are sorted by a hash."""
    found: list[Rows] = []
    for shard in shards:
        left = -(-limit // len(shards))
        for rows in shard.batches():
            if left <= 0:
                break
            found.append(rows)
            left -= len(rows)
    pairs = LabelledPairs.of(Rows.concatenate(found))
    return pairs.take(np.arange(limit) * len(pairs) // limit) if len(pairs) > limit else pairs


def parted(opened: Directory, *, learned: int, scored: int) -> tuple[LabelledPairs, LabelledPairs, str]:
    """Returns the pairs to train on, the pairs to score on, and how they were separated.

    Raises:
        ShardError: the dataset has fewer than two documents with rows.
    """
    splits = {split: [shard for shard in opened.shards(split) if shard.entry.rows] for split in opened.manifest.splits}
    splits = {split: shards for split, shards in splits.items() if shards}
    if len(splits) > 1:
        one, other = ("train", "validation") if {"train", "validation"} <= splits.keys() else sorted(splits)[:2]
        how = f"learned from {one}, scored on {other}"
        return read_pairs(splits[one], learned), read_pairs(splits[other], scored), how
    shards = next(iter(splits.values()), [])
    if len(shards) > 1:
        held = max(1, len(shards) // HELD_OUT)
        how = f"learned from {len(shards) - held} shards, scored on {held}"
        return read_pairs(shards[held:], learned), read_pairs(shards[:held], scored), how
    if shards:
        pairs = read_pairs(shards, learned + scored)
        out = pairs.documents % np.uint64(HELD_OUT) == 0
        if 0 < out.sum() < len(pairs):
            how = f"one shard: scored on the pairs whose A is of one document in {HELD_OUT}, learned from the others"
            return pairs.take(np.flatnonzero(~out)), pairs.take(np.flatnonzero(out)), how
    raise ShardError(f"{opened.name}: too few documents to learn from some and score on others; build from more")
