"""The end of a build of many shards on the in-process engine: peak memory, processor time, and the largest element.

usage: python benchmarks/tail.py [--shards 20000]

Each shard's result is synthetic (a manifest entry, counts, and token counts of a vocabulary of 30,522); the code that gathers and writes them is the
build's. Writes benchmarks/results/tail.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pickle
import resource
import tempfile
import time
from pathlib import Path

import apache_beam as beam
import numpy as np

from nspdata.building.results import Built
from nspdata.dataset.manifest import ShardEntry, shard_name
from nspdata.pipelines.options import pipeline_options
from nspdata.pipelines.transforms import MergeShards
from nspdata.statistics import PartStatistics, Statistics

VOCAB_SIZE = 30_522

RESULTS = Path(__file__).parent / "results" / "tail.json"


def made_up(key: int, num_shards: int) -> Built:
    """The result of a shard of 64 MB."""
    generator = np.random.Generator(np.random.Philox(key))
    counts = {"rows": 100_000, "tokens": 12_000_000}
    corpus, rows = (
        PartStatistics(counts=counts, token_counts=generator.integers(0, 10_000, VOCAB_SIZE)) for _ in range(2)
    )
    entry = ShardEntry(
        path=shard_name("train", key, num_shards),
        rows=100_000,
        tokens=12_000_000,
        bytes=30_000_000,
        sha256=f"{key:064x}",
    )
    return Built(entries={key: entry}, counts={"rows": 100_000}, statistics=Statistics(corpus=corpus, rows=rows))


def size_of(built: Built, output: str) -> None:
    """Writes the bytes of the last element."""
    assert all(built.entries[key].path for key in built.entries)
    Path(output).write_text(json.dumps({"bytes": len(pickle.dumps(built)), "rows": built.counts["rows"]}))


def main() -> None:
    """Runs the end of the pipeline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=20_000)
    num_shards = parser.parse_args().shards
    started = resource.getrusage(resource.RUSAGE_SELF)
    clock = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        output = f"{directory}/size.json"
        pipeline = beam.Pipeline(options=pipeline_options([]))
        _ = (
            pipeline
            | beam.Create([(key, b"") for key in range(num_shards)], reshuffle=False).with_output_types(
                tuple[int, bytes]
            )
            | beam.GroupByKey()
            | beam.Map(lambda group: made_up(group[0], num_shards))
            | "MergeShards" >> beam.CombineGlobally(MergeShards()).without_defaults()
            | beam.Map(size_of, output)
        )
        pipeline.run().wait_until_finish()
        last = json.loads(Path(output).read_text())
    ended = resource.getrusage(resource.RUSAGE_SELF)
    one = made_up(0, num_shards)
    result = {
        "shards": num_shards,
        "peak_mb": round(ended.ru_maxrss / 1e3),
        "processor_seconds": round(ended.ru_utime - started.ru_utime + ended.ru_stime - started.ru_stime, 1),
        "seconds": round(time.perf_counter() - clock, 1),
        "result_bytes": len(pickle.dumps(one)),
        "entry_bytes": len(pickle.dumps(dataclasses.astuple(one.entries[0]))),
        "last_element_bytes": last["bytes"],
    }
    assert last["rows"] == 100_000 * num_shards
    print(json.dumps(result))
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**kept, str(num_shards): result}, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
