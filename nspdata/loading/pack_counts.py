"""The number of packs of an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.loading.reader import Reader
from nspdata.loading.steps import stretches

if TYPE_CHECKING:
    from nspdata.dataset.directory import Shard
    from nspdata.loading.order import Plan
    from nspdata.loading.steps import Arrangement

COUNTED_WINDOWS = 8
"""Up to this many windows, the packs of an epoch are counted; for more, their number is estimated from the manifest's tokens."""


def num_packs(plan: Plan, shards: list[Shard], arrangement: Arrangement) -> int:
    """Returns the number of packs of an epoch, or for a large dataset an estimate that is about 1% too small."""
    if plan.num_windows <= COUNTED_WINDOWS:
        reader = Reader(shards)
        return max((made.end for made in stretches(plan, 0, 0, arrangement, reader.lengths)), default=0)
    mean_tokens = sum(shard.entry.tokens for shard in shards) / sum(shard.entry.rows for shard in shards)
    return int(plan.num_rows * mean_tokens // arrangement.capacity)
