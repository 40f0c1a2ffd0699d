"""Finding the finished shards of an interrupted build on an object store: few requests, in parallel."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nspdata.building.plan import BuildPlan
from nspdata.building.shard import ShardResult, write_result
from nspdata.building.staging import READERS, finished_shards
from nspdata.dataset.manifest import ShardEntry
from nspdata.files.local import FileInfo
from nspdata.files.objects import ObjectFiles
from nspdata.statistics import Statistics
from tests.building.test_plan import plan_of


class Store:
    """An object store in memory, which counts requests and answers the first reads only when all threads have sent one."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        self.together = threading.Barrier(READERS)

    def stat(self, path: str) -> FileInfo | None:
        self.requests["stat"] += 1
        return FileInfo(path, len(self.objects[path]), "v") if path in self.objects else None

    def list(self, prefix: str) -> Iterator[FileInfo]:
        self.requests["list"] += 1
        return (FileInfo(path, len(data), "v") for path, data in self.objects.items() if path.startswith(prefix))

    def read(self, info: FileInfo, start: int, end: int) -> bytes:
        self.requests["read"] += 1
        self.together.wait(timeout=60)
        return self.objects[info.path][start:end]

    def put(self, path: str, data: bytes) -> None:
        self.objects[path] = data

    def copy(self, source: str, target: str) -> None:
        self.objects[target] = self.objects[source]

    def delete(self, paths: Sequence[str]) -> None:
        for path in paths:
            self.objects.pop(path, None)


def finish(plan: BuildPlan, key: int, files: ObjectFiles) -> None:
    """Writes a shard of three bytes and its result."""
    path = plan.shard_path(key)
    files.write(f"{plan.output}/{path}", b"abc")
    entry = ShardEntry(path=path, rows=1, tokens=1, bytes=3, sha256="0" * 64)
    write_result(plan, ShardResult(key=key, entry=entry, counts={}, statistics=Statistics()), files)


def test_finished_shards_are_found_with_two_listings_and_parallel_reads() -> None:
    """Two requests for each result, 64 results at a time; shards without a result cost nothing."""
    store, plan = Store(), replace(plan_of(num_shards=1000), output="s3://bucket/out")
    files = ObjectFiles(store)
    for key in range(READERS):
        finish(plan, 2 * key, files)
    store.delete([f"{plan.output}/{plan.shard_path(4)}"])
    store.put(f"{plan.output}/{plan.shard_path(6)}", b"ab")
    assert finished_shards(plan, files) == {2 * key for key in range(READERS)} - {4, 6}
    assert store.requests == {"list": 2, "stat": READERS, "read": READERS}
