"""The sums of the pipeline are independent of order and grouping, and small."""

from __future__ import annotations

import pickle

import numpy as np

from nspdata.building.results import Built
from nspdata.dataset.manifest import ShardEntry, shard_name
from nspdata.pipelines.transforms import MergeShards
from nspdata.statistics import PartStatistics, Statistics

NUM_SHARDS, VOCAB_SIZE = 60, 30_522


def result(key: int) -> Built:
    """The result of a shard, of a realistic size."""
    part = PartStatistics(counts={"rows": key}, token_counts=np.full(VOCAB_SIZE, key))
    entry = ShardEntry(path=shard_name("train", key, NUM_SHARDS), rows=key, tokens=key, bytes=key, sha256=f"{key:064x}")
    return Built(entries={key: entry}, counts={"rows": key}, statistics=Statistics(corpus=part, rows=part))


def merged(groups: list[list[int]]) -> Built:
    """Merges groups of shard results, each in its own accumulator."""
    combine, accumulators = MergeShards(), []
    for group in groups:
        accumulator = combine.create_accumulator()
        for key in group:
            accumulator = combine.add_input(accumulator, result(key))
        accumulators.append(accumulator)
    return combine.extract_output(combine.merge_accumulators(accumulators))


def test_shards_merge_in_any_order() -> None:
    """Bundles of any size, in any order: entries by key, sums of counts and statistics."""
    keys = list(range(NUM_SHARDS))
    one, other = merged([keys]), merged([keys[40:], [], keys[:7], keys[7:40][::-1]])
    assert one.entries == other.entries == {key: result(key).entries[key] for key in keys}
    assert one.counts == other.counts == {"rows": sum(keys)}
    assert one.statistics == other.statistics
    assert one.statistics.rows.token_counts[0] == sum(keys)


def test_what_travels_does_not_grow_with_the_vocabulary() -> None:
    """Another shard adds its entry (about 150 bytes), not its 30,522 token counts."""
    sizes = [len(pickle.dumps(merged([list(range(count))]))) for count in (10, NUM_SHARDS)]
    assert (sizes[1] - sizes[0]) / (NUM_SHARDS - 10) < 300
