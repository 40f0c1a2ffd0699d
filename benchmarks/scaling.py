r"""Cost of a build by size of the corpus: CPU-seconds and peak memory from 10 MB on, as figures and as a plot.

    python benchmarks/scaling.py CORPUS.jsonl[.gz] --tokenizer vocab.txt [--megabytes 10 30 100 300 1000] [--workers 1] \
        [--record NAME]

A corpus larger than the file repeats the file with new ids, with a word in front of each text so that none is a duplicate.
The peak is that of all the processes of the build together, sampled (proportional set size, if Linux reports it).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from build import build_command

HERE = Path(__file__).parent


def write_corpus(corpus: Path, megabytes: float, target: Path) -> float:
    """Copies whole documents, repeated if necessary, until their text is this large; returns MB of text."""
    size, turn = 0, 0
    with target.open("w", encoding="utf-8") as out:
        while size < megabytes * 1e6:
            opened = (
                gzip.open(corpus, "rt", encoding="utf-8") if corpus.suffix == ".gz" else corpus.open(encoding="utf-8")
            )
            with opened as lines:
                for number, line in enumerate(lines):
                    record = json.loads(line)
                    if turn:
                        record = {"id": f"{turn}/{number}", "text": f"{turn} {record['text']}"}
                    out.write(json.dumps(record, ensure_ascii=False) + "\n")
                    size += len(record["text"].encode())
                    if size >= megabytes * 1e6:
                        break
            turn += 1
    return size / 1e6


def resident(group: int) -> int:
    """Memory of the processes of a group in bytes; shared pages are divided among them."""
    total = 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(place.name)) == group:
                lines = (place / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        except (OSError, ProcessLookupError):
            continue
    return total


def measure(command: list[str]) -> dict[str, float]:
    """CPU-seconds, wall seconds and peak MB of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(0.3)
        if process.returncode:
            log.seek(0)
            sys.exit(log.read().decode()[-3000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": round(cpu, 2), "wall_s": round(time.perf_counter() - start, 2), "peak_mb": round(peak / 1e6)}


def plot(points: list[dict[str, float]], target: Path) -> None:
    """CPU-seconds and memory against MB of text, both axes linear."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "nspdata"
    from matplotlib import pyplot as plt

    sizes = [point["text_mb"] for point in points]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for axis, key, label in zip(axes, ("cpu_s", "peak_mb"), ("CPU-seconds", "peak memory, MB"), strict=True):
        axis.plot(sizes, [point[key] for point in points], marker="o")
        axis.set(xlabel="text, MB", ylabel=label, ylim=0)
        axis.grid(alpha=0.3)
    figure.savefig(target, metadata={"Date": None})


def main() -> None:
    """Measures, prints, and saves figures and plot if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, nargs="+", default=[10, 30, 100, 300, 1000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--record", metavar="NAME", help="keep results/NAME.json and results/NAME.svg")
    arguments = parser.parse_args()
    points = []
    for megabytes in arguments.megabytes:
        with tempfile.TemporaryDirectory() as directory:
            corpus, output = Path(directory) / "corpus.jsonl", Path(directory) / "out"
            size = write_corpus(arguments.corpus, megabytes, corpus)
            found = measure(build_command(corpus, output, arguments, arguments.workers))
            shutil.rmtree(output)
        points.append({"text_mb": round(size, 1), **found, "mb_per_cpu_s": round(size / found["cpu_s"], 2)})
        print(json.dumps(points[-1]), flush=True)
    result = {
        "date": str(dt.datetime.now(dt.UTC).date()),
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "command": " ".join([sys.argv[0], arguments.corpus.name, *sys.argv[2:]]),
        "points": points,
    }
    if arguments.record:
        (HERE / "results" / f"{arguments.record}.json").write_text(
            json.dumps(result, indent=1) + "\n", encoding="utf-8"
        )
        plot(points, HERE / "results" / f"{arguments.record}.svg")


if __name__ == "__main__":
    main()
