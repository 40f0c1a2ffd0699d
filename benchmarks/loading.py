"""Compares the loader with others on one core: samples per CPU-second, resident memory, padding, and quality of the shuffle.

    python benchmarks/loading.py DATASET_128 DATASET_512 [--seconds 6] [--peers-python PYTHON] [--record loading]

The recorded run had 20 MB of book chapters, built ten times over (`duplicate_factor=10`, 8 shards) at both lengths.

Each way runs in a separate process, pinned to one processor, after a warm-up. A peer whose package is missing is skipped;
`--peers-python` may name another environment that has them (mosaicml-streaming and lddl need older packages).
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from nspdata.loading import Loader, Shuffle, plan_epoch  # noqa: E402

BATCH_SIZE = 256
OURS = {
    "static": {},
    "dynamic": {"masking": "dynamic"},
    "static, bins=8": {"bins": 8},
    "static, packed": {"packing": True},
    "dynamic, packed": {"packing": True, "masking": "dynamic"},
}
PADDING = {
    "max": {"padding": "max"},
    "longest": {},
    "multiple_of=8": {"padding": "multiple_of=8"},
    "bins=8": {"bins": 8},
    "packing": {"packing": True},
}


def endless(loader):
    """Epoch after epoch."""
    for epoch in itertools.count():
        loader.set_epoch(epoch)
        yield from loader


def batches_of(way: str, directory: Path, work: Path):
    """An endless run of batches of one way: `ours/WAY`, `torch/WAY` or `PEER/MASKING`."""
    source, _, kind = way.partition("/")
    if source in {"ours", "torch"}:
        loader = Loader(directory, batch_size=BATCH_SIZE, **OURS[kind])
        if source == "torch":
            from nspdata.loading.torch import DataLoader

            return endless(DataLoader(loader))
        return endless(loader)
    from loading_peers import PEERS

    return PEERS[source](directory, kind, BATCH_SIZE, work)


def rows_of(batch) -> int:
    return len(batch["next_sentence_label"] if "next_sentence_label" in batch else batch["next_sentence_labels"])


def cpu_seconds(pids: list[int]) -> float:
    """User and system seconds of these processes so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    told = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(fields[11]) + int(fields[12]) for fields in told) / ticks


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def peak_mb() -> float:
    """Peak memory of this process."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure_here(way: str, directory: Path, work: Path, seconds: float) -> dict[str, float]:
    """Runs one way for some seconds."""
    run = batches_of(way, directory, work)
    for _ in range(20 if way.startswith(("ours", "torch")) else 4):
        next(run)
    pids = [os.getpid(), *children()]
    start_cpu, start, rows = cpu_seconds(pids), time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        rows += rows_of(next(run))
    cpu, wall = cpu_seconds(pids) - start_cpu, time.perf_counter() - start
    return {"samples_per_cpu_s": rows / cpu, "samples_per_s": rows / wall, "samples": rows, "peak_mb": peak_mb()}


def measure(way: str, directory: Path, work: Path, arguments: argparse.Namespace) -> dict[str, float] | None:
    """Runs one way in a separate process on one processor; None if it cannot run."""
    python = sys.executable if way.startswith(("ours", "torch", "datasets")) else arguments.peers_python
    core = min(os.sched_getaffinity(0))
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    command = [python, __file__, str(directory), "--one", way, "--work", str(work), "--seconds", str(arguments.seconds)]
    done = subprocess.run(
        command,
        env=environment | {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    if done.returncode:
        print(f"{way}: cannot run here: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def padding(directory: Path) -> dict[str, float]:
    """The share of padding in an epoch of each way, batches of 64."""
    shares = {}
    for name, options in PADDING.items():
        used = size = 0
        for batch in itertools.islice(Loader(directory, batch_size=64, **options), 2000):
            used += int((batch["segments"] > 0).sum() if "segments" in batch else batch["attention_mask"].sum())
            size += batch["input_ids"].size
        shares[name] = 1 - used / size
    return shares


def shuffling() -> dict[str, dict[str, float]]:
    """Rows of a batch that have a neighbour from disk (within 32 rows) in the same batch, beside a shuffle of all rows.

    10 million rows of 128 in 80 shards; the first 400 batches of 256. And how evenly a batch covers the shards: the standard
    deviation of its rows' positions on disk, over that of a uniform draw.
    """
    shard_rows, generator = [125_000] * 80, np.random.default_rng(0)
    plan = plan_epoch(shard_rows, seed=1, epoch=0, shuffle=Shuffle.of(128))
    windows = [plan.places(window) for window in range(2)]
    ours = np.concatenate([window.shards * 125_000 + window.rows for window in windows])
    total = sum(shard_rows)
    uniform = total / 12**0.5
    told = {}
    for name, order in {"windows of 65,536": ours, "all rows": generator.permutation(total)}.items():
        batches = np.sort(order[: 400 * 256].reshape(400, 256), axis=1)
        gaps = np.diff(batches, axis=1) <= 32
        near = np.zeros(batches.shape, np.bool_)
        near[:, 1:] |= gaps
        near[:, :-1] |= gaps
        told[name] = {"rows_with_a_neighbour": near.mean(), "spread": (batches.std(axis=1) / uniform).mean()}
    return told


def all_measurements(arguments: argparse.Namespace) -> dict[str, object]:
    """Every figure."""
    result: dict[str, object] = {"shuffling": shuffling()}
    with tempfile.TemporaryDirectory() as work:
        for directory in arguments.datasets:
            ways = [f"ours/{way}" for way in OURS] + ["torch/static", "torch/dynamic"]
            peers = ("datasets", "mosaicml-streaming", "lddl")
            ways += [f"{peer}/{masking}" for peer in peers for masking in ("static", "dynamic")]
            told = {}
            for way in ways:
                told[way] = measure(way, directory, Path(work), arguments)
                if told[way]:
                    print(f"{directory.name:12} {way:28} {told[way]['samples_per_cpu_s']:>10,.0f} samples a CPU-s"
                          f"  {told[way]['peak_mb']:>6,.0f} MB", flush=True)  # fmt: skip
            times = {
                f"{peer}/{masking}": told[f"torch/{masking}"]["samples_per_cpu_s"]
                / told[f"{peer}/{masking}"]["samples_per_cpu_s"]
                for peer in peers
                for masking in ("static", "dynamic")
                if told[f"{peer}/{masking}"]
            }
            print(f"{directory.name:12} times the peer: { ({name: round(value, 1) for name, value in times.items()}) }")
            result[directory.name] = {"ways": told, "times_the_peer": times, "padding": padding(directory)}
            print(f"{directory.name:12} padding: {result[directory.name]['padding']}", flush=True)  # type: ignore[index]
    return result


def main() -> None:
    """Measures, prints, and saves the figures if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--record", metavar="NAME", help="keep the figures as benchmarks/results/NAME.json")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(
            json.dumps(measure_here(arguments.one, arguments.datasets[0], arguments.work, arguments.seconds)),
            flush=True,
        )
        os._exit(0)  # peers' worker processes are left behind, not waited for
    told = {
        "date": str(dt.datetime.now(dt.UTC).date()),
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "command": " ".join(
            ["python", "benchmarks/loading.py", *(part.name for part in arguments.datasets), *options()]
        ),
    }
    result = told | all_measurements(arguments)
    print(json.dumps(result["shuffling"]))
    if arguments.record:
        path = HERE / "results" / f"{arguments.record}.json"
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def options() -> list[str]:
    """The options as given, without the path of the other environment."""
    words = sys.argv[1:]
    kept = [word for word in words if word.startswith("--")]
    return [f"{word} {'PYTHON' if word == '--peers-python' else words[words.index(word) + 1]}" for word in kept]


if __name__ == "__main__":
    main()
