"""Finding the finished shards of an interrupted build on an object store: few requests, in parallel."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from nspdata.building.earlier import READERS, earlier_shards, finished_shards
from nspdata.building.plan import BuildPlan
from nspdata.building.results import HEAD_BYTES, Built, write_result
from nspdata.dataset.manifest import ShardEntry
from nspdata.errors import InputError
from nspdata.files.local import FileInfo
from nspdata.files.objects import ObjectFiles
from nspdata.statistics import PartStatistics, Statistics
from tests.building.test_plan import plan_of


class Store:
    """An object store in memory, which counts requests and answers the first reads only when all threads have sent one."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        self.together = threading.Barrier(READERS)
        self.most_read = 0

    def stat(self, path: str) -> FileInfo | None:
        self.requests["stat"] += 1
        return FileInfo(path, len(self.objects[path]), "v") if path in self.objects else None

    def list(self, prefix: str) -> Iterator[FileInfo]:
        self.requests["list"] += 1
        return (FileInfo(path, len(data), "v") for path, data in self.objects.items() if path.startswith(prefix))

    def read(self, info: FileInfo, start: int, end: int) -> bytes:
        self.requests["read"] += 1
        self.most_read = max(self.most_read, end - start)
        self.together.wait(timeout=60)
        return self.objects[info.path][start:end]

    def put(self, path: str, data: bytes) -> None:
        self.objects[path] = data

    def copy(self, source: str, target: str) -> None:
        self.objects[target] = self.objects[source]

    def delete(self, paths: Sequence[str]) -> None:
        for path in paths:
            self.objects.pop(path, None)


TOKEN_COUNTS = np.array([7, 70_000, 7, 2**40])


def finish(plan: BuildPlan, key: int, files: ObjectFiles) -> None:
    """Writes a shard of three bytes and its result of 40 kB."""
    path = plan.shard_path(key)
    files.write(f"{plan.output}/{path}", b"abc")
    entry = ShardEntry(path=path, rows=1, tokens=1, bytes=3, sha256="0" * 64)
    rows = PartStatistics(counts={"rows": 1}, token_counts=np.resize(TOKEN_COUNTS, 4000))
    built = Built(entries={key: entry}, counts={"rows": 1}, statistics=Statistics(rows=rows))
    write_result(plan, key, built, files)


@pytest.fixture
def unfinished() -> tuple[BuildPlan, Store]:
    """A build of 1,000 shards, of which every second one of the first 128 is finished."""
    store, plan = Store(), replace(plan_of(num_shards=1000), output="s3://bucket/out")
    for key in range(READERS):
        finish(plan, 2 * key, ObjectFiles(store))
    return plan, store


def test_finished_shards_are_found_with_two_listings_and_parallel_reads(unfinished: tuple[BuildPlan, Store]) -> None:
    """One request for the first bytes of each result, 64 results at a time; shards without a result cost nothing."""
    plan, store = unfinished
    store.delete([f"{plan.output}/{plan.shard_path(4)}"])
    store.put(f"{plan.output}/{plan.shard_path(6)}", b"ab")
    store.put(plan.result_path(8), store.objects[plan.result_path(8)][:-1])
    assert finished_shards(plan, ObjectFiles(store)) == {2 * key for key in range(READERS)} - {4, 6, 8}
    assert store.requests == {"list": 2, "read": READERS}
    assert store.most_read == HEAD_BYTES


def test_the_results_of_finished_shards_are_read_in_parallel(unfinished: tuple[BuildPlan, Store]) -> None:
    """The sum has all entries and the sums of the counts, whatever the size of the numbers."""
    plan, store = unfinished
    keys = [2 * key for key in range(READERS)]
    built = earlier_shards(plan, keys, ObjectFiles(store))
    assert [(key, entry.path) for key, entry in built.entries.items()] == [(key, plan.shard_path(key)) for key in keys]
    assert built.counts == built.statistics.rows.counts == {"rows": READERS}
    assert built.statistics.rows.token_counts.tolist() == np.resize(READERS * TOKEN_COUNTS, 4000).tolist()
    assert store.requests == {"stat": READERS, "read": READERS}


def test_a_result_that_is_altered_after_it_was_found_stops_the_build(unfinished: tuple[BuildPlan, Store]) -> None:
    """The documents of its shard were not tokenized; the result is removed, so that the next run builds the shard."""
    plan, store = unfinished
    path = plan.result_path(2)
    store.put(path, store.objects[path].replace(b"AAA", b"AAB", 1))
    with pytest.raises(InputError, match=r"shards/00002\.json: was damaged and is removed; run the same command again"):
        earlier_shards(plan, [2 * key for key in range(READERS)], ObjectFiles(store))
    assert path not in store.objects
