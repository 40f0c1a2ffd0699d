"""Compares `nspdata validate` with its lower bound, sha256 of the same bytes, in one run: MB of shards per CPU-second, on one core.

    python benchmarks/validate.py CORPUS.jsonl[.gz] --tokenizer vocab.txt [--megabytes 20] [--source-megabytes 5] [--record NAME]

The commands are measured from outside (user + system seconds), pinned to one processor; the figure is the median of three runs.
The start-up is measured on a dataset of a few documents and reported separately. With `--source` it is MB of text per CPU-second.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from build import cut, measure

HERE = Path(__file__).parent

SHA256 = """
import hashlib, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("*/*.arrow")):
    with path.open("rb") as stream:
        hashlib.file_digest(stream, "sha256")
"""


def nspdata(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "nspdata", *map(str, arguments)]


def build(corpus: Path, output: Path, arguments: argparse.Namespace) -> float:
    """Builds a dataset; MB of its shards."""
    settings = [part for setting in arguments.set for part in ("--set", setting)]
    command = nspdata("build", corpus, "-o", output, "--tokenizer", arguments.tokenizer.absolute(), *settings)
    subprocess.run(command, check=True, capture_output=True)
    return sum(path.stat().st_size for path in output.glob("*/*.arrow")) / 1e6


def median(command: list[str], turns: int = 3) -> dict[str, float]:
    """The median run by CPU-seconds."""
    measured = sorted((measure(command) for _ in range(turns)), key=lambda spent: spent["cpu_s"])
    return measured[turns // 2]


def run(arguments: argparse.Namespace, work: Path) -> dict[str, object]:
    """Every measurement."""
    corpora = {"data": arguments.megabytes, "small": arguments.source_megabytes, "tiny": 0.3}
    texts = {name: cut(arguments.corpus, size, work / f"{name}.jsonl") for name, size in corpora.items()}
    shards = {name: build(work / f"{name}.jsonl", work / name, arguments) for name in corpora}
    hashing = [sys.executable, "-c", SHA256]
    spent = {name: median(nspdata("validate", work / name)) for name in ("data", "tiny")}
    floor = {name: median([*hashing, str(work / name)]) for name in ("data", "tiny")}
    moved = shards["data"] - shards["tiny"]
    rate = moved / (spent["data"]["cpu_s"] - spent["tiny"]["cpu_s"])
    floor_rate = moved / (floor["data"]["cpu_s"] - floor["tiny"]["cpu_s"])
    result: dict[str, object] = {
        "shards_mb": shards["data"],
        "validate": spent["data"],
        "startup": spent["tiny"],
        "mb_per_cpu_s": shards["data"] / spent["data"]["cpu_s"],
        "mb_per_cpu_s_without_startup": rate,
        "floor_sha256_mb_per_cpu_s_without_startup": floor_rate,
        "share_of_floor": rate / floor_rate,
    }
    for name, flags in {"plain": [], "fast": ["--fast"]}.items():
        pair = [
            median(nspdata("validate", work / part, "--source", work / f"{part}.jsonl", *flags), turns=1)
            for part in ("small", "tiny")
        ]
        seconds = pair[0]["cpu_s"] - pair[1]["cpu_s"]
        result[f"source_{name}"] = {
            "text_mb": texts["small"],
            **pair[0],
            "text_mb_per_cpu_s_without_startup": (texts["small"] - texts["tiny"]) / seconds,
        }
    return result


def main() -> None:
    """Measures, prints, and saves the figures if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--source-megabytes", type=float, default=5)
    parser.add_argument("--set", nargs="*", default=["duplicate_factor=10"], metavar="KEY=VALUE")
    parser.add_argument("--record", metavar="NAME", help="keep the figures as benchmarks/results/NAME.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        result = run(arguments, Path(directory))
    machine = (
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    command = " ".join(["python", sys.argv[0], *(Path(part).name if "/" in part else part for part in sys.argv[1:])])
    told = {"date": str(dt.datetime.now(dt.UTC).date()), "machine": machine, "command": command, **result}
    text = json.dumps(told, indent=1)
    print(text)
    if arguments.record:
        (HERE / "results" / f"{arguments.record}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
