"""The shards that an earlier run of the same build has finished: found with two listings, and read in parallel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nspdata.building.plan import RESULTS
from nspdata.building.shard import Built, earlier_result, read_entry
from nspdata.files.local import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.files.local import FileInfo, Files

READERS = 64
"""Number of shard results that are read in parallel: the heads of 20,000 results take 16 seconds with 50 ms for each request."""


def finished_shards(plan: BuildPlan, files: Files) -> frozenset[int]:
    """Returns the shards whose result is intact and from this plan, and whose file has the recorded size."""
    sizes = {file.path: file.size for file in files.listing(plan.root)}

    def check(info: FileInfo) -> bool:
        entry = read_entry(plan, info, files)
        return entry is not None and sizes.get(join(plan.root, entry.path)) == entry.bytes

    there = {file.path: file for file in files.listing(join(plan.output, RESULTS))}
    results = {key: there[path] for key in range(plan.total_shards) if (path := plan.result_path(key)) in there}
    with ThreadPoolExecutor(READERS) as pool:
        return frozenset(key for key, whole in zip(results, pool.map(check, results.values()), strict=True) if whole)


def earlier_shards(plan: BuildPlan, keys: Sequence[int], files: Files) -> Built:
    """Returns the sum of the saved results of these shards.

    Raises:
        InputError: a result is missing or damaged.
    """
    with ThreadPoolExecutor(READERS) as pool:
        return Built.merged(Built.of(result) for result in pool.map(lambda key: earlier_result(plan, key, files), keys))
