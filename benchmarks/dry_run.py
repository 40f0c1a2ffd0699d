"""Compares the estimate of `build --dry-run` with the build: rows, tokens, disk, time.

    python benchmarks/dry_run.py CORPUS... --tokenizer vocab.txt [--workers 1] [--turns 3] [--record NAME]

Times are of whole commands, `seconds` on the wall and `processor_seconds` of all processes; estimate and build take turns, and
the median of each is compared. On a shared machine, processor time is more reliable than wall time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent

ESTIMATE = """
import dataclasses, json, sys
from nspdata.building.estimate import estimate
from nspdata.config.build import Config
from nspdata.files.any import AnyFiles
found = estimate([sys.argv[1]], sys.argv[2], Config(), AnyFiles(), num_workers=int(sys.argv[3]))
print(json.dumps(dataclasses.asdict(found)))
"""


def expected(corpus: str, tokenizer: str, workers: int) -> dict:
    """The estimate, made in a separate process, and its duration."""
    start = time.perf_counter()
    command = [sys.executable, "-c", ESTIMATE, corpus, tokenizer, str(workers)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {**found, "took": time.perf_counter() - start}


def built(corpus: str, tokenizer: str, workers: int) -> dict:
    """The figures of the build."""
    with tempfile.TemporaryDirectory() as place:
        out, start, before = Path(place) / "out", time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [
            "-m",
            "nspdata",
            "build",
            corpus,
            "-o",
            str(out),
            "--tokenizer",
            tokenizer,
            "--workers",
            str(workers),
        ]
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        manifest = json.loads((out / "manifest.json").read_text())
        labels = json.loads((out / "statistics.json").read_text())["rows"]["counts"]
        size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    counts, shards = manifest["counts"]["built"], [entry for split in manifest["splits"].values() for entry in split]
    return {
        **{key: counts[key] for key in ("documents", "sentences", "tokens")},
        "rows": sum(entry["rows"] for entry in shards),
        "label_1_share": labels["label_1"] / labels["rows"],
        "output_bytes": size,
        "seconds": seconds,
        "processor_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }


def compare(corpus: str, tokenizer: str, *, workers: int, turns: int) -> list[dict]:
    pairs = [(expected(corpus, tokenizer, workers), built(corpus, tokenizer, workers)) for _ in range(turns)]
    first, actual = pairs[0]
    lines = []
    for key in (
        "documents",
        "sentences",
        "tokens",
        "rows",
        "label_1_share",
        "output_bytes",
        "seconds",
        "processor_seconds",
    ):
        one = first["counts"].get(key, first.get(key))
        two = actual[key]
        if "seconds" in key:
            one, two = (statistics.median(pair[side][key] for pair in pairs) for side in (0, 1))
        lines.append({"corpus": Path(corpus).name, "what": key, "expected": one, "actual": two, "ratio": one / two})
    took = statistics.median(pair[0]["took"] for pair in pairs)
    lines.append({"corpus": Path(corpus).name, "what": "the dry run itself, s", "expected": took})
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--record", help="write benchmarks/results/NAME.json")
    options = parser.parse_args()
    lines = []
    for corpus in options.corpora:
        for line in compare(corpus, options.tokenizer, workers=options.workers, turns=options.turns):
            lines.append(line)
            numbers = "  ".join(f"{key} {line[key]:,.3f}" for key in ("expected", "actual", "ratio") if key in line)
            print(f"{line['corpus']:28} {line['what']:22} {numbers}", flush=True)
    if options.record:
        machine = {
            "processor": platform.processor() or platform.machine(),
            "processors": os.cpu_count(),
            "load": os.getloadavg(),
        }
        when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        path = HERE / "results" / f"{options.record}.json"
        path.parent.mkdir(exist_ok=True)
        values = {"when": when, "machine": machine, "workers": options.workers, "turns": options.turns, "lines": lines}
        path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
