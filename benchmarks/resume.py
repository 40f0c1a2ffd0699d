"""What it takes to find the finished shards of a build on an object store with slow requests, and to read their results.

usage: python benchmarks/resume.py [--shards 20000] [--milliseconds 50]

The store is simulated in memory: each request sleeps, a listing once for every 1,000 objects. Results have the size of real ones with a vocabulary
of 30,522; transfers take no time. The results are read by one process, as a worker of the build does. Writes benchmarks/results/resume.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nspdata.building.earlier import READERS, earlier_shards, finished_shards
from nspdata.building.plan import BuildPlan
from nspdata.building.results import Built, write_result
from nspdata.config.build import Config, OutputConfig
from nspdata.dataset.manifest import ShardEntry
from nspdata.files.local import FileInfo
from nspdata.files.objects import ObjectFiles
from nspdata.statistics import PartStatistics, Statistics
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RESULTS = Path(__file__).parent / "results" / "resume.json"

OUTPUT = "s3://bucket/out"

SHARD_BYTES, PAGE, VOCAB_SIZE = 30_000_000, 1000, 30_522


def plan_of(num_shards: int) -> BuildPlan:
    """A plan of this many shards."""
    return BuildPlan(
        output=OUTPUT,
        config=Config(output=OutputConfig(num_shards=num_shards)),
        inputs=(("a.jsonl", 10),),
        vocabulary=Vocabulary((*SPECIAL_TOKENS, "a")),
        tokenizer_identity={"sha256": "0", "vocab_size": 6, "lowercase": True, "strip_accents": True},
    )


class SlowStore:
    """An object store with the shards and the results of a plan; all results have the same last bytes.

    Args:
        plan: of the build.
        seconds: of each request.
    """

    def __init__(self, plan: BuildPlan, seconds: float) -> None:
        self.plan, self.seconds = plan, seconds
        self.requests: Counter[str] = Counter()
        self.written = b""
        self.sizes = {f"{OUTPUT}/{plan.shard_path(key)}": SHARD_BYTES for key in range(plan.total_shards)}
        self.starts: dict[str, bytes] = {}
        part = PartStatistics(token_counts=np.random.default_rng(0).integers(0, 100_000, VOCAB_SIZE))
        statistics = Statistics(corpus=part, rows=part)
        for key in range(plan.total_shards):
            entry = ShardEntry(
                path=plan.shard_path(key), rows=10_000, tokens=1_000_000, bytes=SHARD_BYTES, sha256=f"{key:064x}"
            )
            built = Built(entries={key: entry}, counts={"rows": 10_000}, statistics=statistics)
            write_result(plan, key, built, ObjectFiles(self))
            self.same = self.written[-300_000:]
            self.starts[plan.result_path(key)] = self.written[:-300_000]
            self.sizes[plan.result_path(key)] = len(self.written)

    def stat(self, path: str) -> FileInfo | None:
        """One request."""
        self._wait("stat")
        return FileInfo(path, self.sizes[path], "v") if path in self.sizes else None

    def list(self, prefix: str) -> Iterator[FileInfo]:
        """One request for every 1,000 objects."""
        found = [FileInfo(path, size, "v") for path, size in self.sizes.items() if path.startswith(prefix)]
        for start in range(0, max(1, len(found)), PAGE):
            self._wait("list")
            yield from found[start : start + PAGE]

    def read(self, info: FileInfo, start: int, end: int) -> bytes:
        """One request."""
        self._wait("read")
        return (self.starts[info.path] + self.same)[start:end]

    def put(self, _path: str, data: bytes) -> None:
        """Keeps the result."""
        self.written = data

    def copy(self, source: str, target: str) -> None:
        """Not used."""
        raise NotImplementedError

    def delete(self, paths: Sequence[str]) -> None:
        """Not used."""
        raise NotImplementedError

    def _wait(self, kind: str) -> None:
        self.requests[kind] += 1
        time.sleep(self.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=20_000)
    parser.add_argument("--milliseconds", type=float, default=50)
    arguments = parser.parse_args()
    plan = plan_of(arguments.shards)
    store = SlowStore(plan, arguments.milliseconds / 1000)
    files = ObjectFiles(store)
    result = {
        "shards": arguments.shards,
        "milliseconds_per_request": arguments.milliseconds,
        "result_bytes": store.sizes[plan.result_path(0)],
    }
    start, processor = time.perf_counter(), time.process_time()
    found = finished_shards(plan, files)
    assert len(found) == arguments.shards
    result["find"] = measured(store, start, processor)
    start, processor = time.perf_counter(), time.process_time()
    built = Built.merged(
        earlier_shards(plan, keys.tolist(), files) for keys in np.array_split(sorted(found), len(found) // READERS)
    )
    assert built.counts == {"rows": 10_000 * arguments.shards}
    result["read_results"] = measured(store, start, processor)
    print(json.dumps(result))
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


def measured(store: SlowStore, start: float, processor: float) -> dict[str, object]:
    """The time and the requests since the start."""
    requests = dict(store.requests)
    store.requests.clear()
    return {
        "requests": requests,
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_s": round(time.process_time() - processor, 1),
    }


if __name__ == "__main__":
    main()
