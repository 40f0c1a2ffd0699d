"""What it takes to find the finished shards of a build on an object store with slow requests.

usage: python benchmarks/resume.py [--shards 20000] [--milliseconds 50]

The store is simulated in memory: each request sleeps, a listing once for every 1,000 objects. Its results have the size of real ones (490 kB), then
1 kB, which shows the requests alone; transfers take no time, but the simulation creates each result again (`simulation_cpu_s`). Writes benchmarks/results/resume.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from nspdata.building.plan import RESULTS as SHARD_RESULTS
from nspdata.building.plan import BuildPlan
from nspdata.building.staging import finished_shards
from nspdata.config.build import Config, OutputConfig
from nspdata.files.local import FileInfo
from nspdata.files.objects import ObjectFiles
from nspdata.files.state import seal
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RESULTS = Path(__file__).parent / "results" / "resume.json"

OUTPUT = "s3://bucket/out"

SHARD_BYTES, PAGE = 30_000_000, 1000

RESULT_BYTES = (490_000, 1000)


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
    """An object store with the shards and the results of a plan.

    Args:
        plan: of the build.
        seconds: of each request.
        result_bytes: size of a result.
    """

    def __init__(self, plan: BuildPlan, seconds: float, result_bytes: int) -> None:
        self.plan, self.seconds = plan, seconds
        self.requests: Counter[str] = Counter()
        self.own_seconds: list[float] = []
        self.padding = json.dumps("x" * result_bytes)
        self.keys = {plan.result_path(key): key for key in range(plan.total_shards)}
        self.sizes = {f"{OUTPUT}/{plan.shard_path(key)}": SHARD_BYTES for key in range(plan.total_shards)}
        self.sizes |= dict.fromkeys(self.keys, len(self.result(0)))

    def result(self, key: int) -> bytes:
        """The result of a shard."""
        entry = {"path": self.plan.shard_path(key), "rows": 10_000, "tokens": 1_000_000, "bytes": SHARD_BYTES}
        described = json.dumps({**entry, "sha256": f"{key:064x}"})
        head = f'{{"fingerprint": "{self.plan.fingerprint}", "entry": {described}, "result":\n'
        return seal(f"{head}{self.padding}}}".encode())

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
        before = time.thread_time()
        data = self.result(self.keys[info.path])[start:end]
        self.own_seconds.append(time.thread_time() - before)
        return data

    def put(self, path: str, data: bytes) -> None:
        """Not used."""
        raise NotImplementedError

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
    results = [measured(arguments.shards, arguments.milliseconds, size) for size in RESULT_BYTES]
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def measured(num_shards: int, milliseconds: float, result_bytes: int) -> dict[str, object]:
    """The time to find the shards, with results of this size."""
    plan = plan_of(num_shards)
    store = SlowStore(plan, milliseconds / 1000, result_bytes)
    start, processor = time.perf_counter(), time.process_time()
    found = finished_shards(plan, ObjectFiles(store))
    assert len(found) == num_shards, f"found {len(found)} shards under {plan.output}/{SHARD_RESULTS}"
    result = {
        "shards": num_shards,
        "milliseconds_per_request": milliseconds,
        "result_bytes": result_bytes,
        "requests": dict(store.requests),
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_s": round(time.process_time() - processor, 1),
        "simulation_cpu_s": round(sum(store.own_seconds), 1),
    }
    print(json.dumps(result), flush=True)
    return result


if __name__ == "__main__":
    main()
