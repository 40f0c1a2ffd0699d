r"""Compares the builder with the plain way, LDDL and the lower bound, in one run: MB of text per CPU-second, on one core.

    python benchmarks/build.py CORPUS.jsonl[.gz] --tokenizer vocab.txt [--megabytes 100] [--plain-megabytes 5] \
        [--lddl-python PYTHON] [--record NAME]

Each stage is measured separately (stages.py), and the whole command from outside (user + system seconds of the process and its children), pinned to one processor;
its start-up is measured on the first 300 characters of ten documents and reported separately.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def cut(corpus: Path, megabytes: float, target: Path) -> float:
    """Copies whole documents until their text is this large; returns MB of text copied."""
    opened = gzip.open(corpus, "rt", encoding="utf-8") if corpus.suffix == ".gz" else corpus.open(encoding="utf-8")
    size = 0
    with opened as lines, target.open("w", encoding="utf-8") as out:
        for line in lines:
            out.write(line)
            size += len(json.loads(line)["text"].encode())
            if size >= megabytes * 1e6:
                break
    return size / 1e6


def beginnings(corpus: Path, target: Path) -> None:
    """A tiny corpus: about one sentence of each of ten documents."""
    opened = gzip.open(corpus, "rt", encoding="utf-8") if corpus.suffix == ".gz" else corpus.open(encoding="utf-8")
    with opened as lines, target.open("w", encoding="utf-8") as out:
        for number, line in zip(range(10), lines, strict=False):
            out.write(
                json.dumps({"id": str(number), "text": json.loads(line)["text"][:300]}, ensure_ascii=False) + "\n"
            )


def measure(command: list[str], *, cores: int = 1) -> dict[str, float]:
    """CPU-seconds, wall seconds and peak resident MB (of the largest process) of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    allowed = set(sorted(os.sched_getaffinity(0))[:cores])
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=lambda: os.sched_setaffinity(0, allowed))  # noqa: PLW1509
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            log.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{log.read().decode()[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": cpu, "wall_s": time.perf_counter() - start, "peak_mb": usage.ru_maxrss / 1024}


def floors(corpus: Path) -> dict[str, float]:
    """MB per CPU-second of copying the bytes, and of reading each once."""
    data = np.fromfile(corpus, np.uint8)
    result = {}
    for name, work in {"copy": data.copy, "scan": lambda: np.count_nonzero(data == 0x20)}.items():
        start = time.process_time()
        work()
        result[name] = data.nbytes / 1e6 / (time.process_time() - start)
    return result


def build_command(corpus: Path, output: Path, arguments: argparse.Namespace, workers: int) -> list[str]:
    """The command that a user runs."""
    settings = [part for setting in arguments.set for part in ("--set", setting)]
    place = ["-o", str(output), "--tokenizer", str(arguments.tokenizer), "--workers", str(workers)]
    return [sys.executable, "-m", "nspdata", "build", str(corpus), *place, *settings]


def stages(arguments: argparse.Namespace, language: str) -> dict[str, object]:
    """Each step separately, see stages.py, on the first 20 MB."""
    command = [sys.executable, str(HERE / "stages.py"), str(arguments.corpus), "--tokenizer", str(arguments.tokenizer)]
    sizes = ["--megabytes", "20", "--plain-megabytes", str(arguments.plain_megabytes)]
    done = subprocess.run([*command, *sizes, "--language", language], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return {key: value for key, value in found.items() if key not in {"date", "machine", "command"}}


def run(arguments: argparse.Namespace, work: Path) -> dict[str, object]:
    """Every measurement."""
    corpus, tiny, small = work / "corpus.jsonl", work / "tiny.jsonl", work / "small.jsonl"
    megabytes = cut(arguments.corpus, arguments.megabytes, corpus)
    beginnings(arguments.corpus, tiny)
    build_command_of = lambda source, name, workers: build_command(source, work / name, arguments, workers)  # noqa: E731
    measure(build_command_of(tiny, "warm", 1))
    startup = measure(build_command_of(tiny, "startup", 1))
    one = measure(build_command_of(corpus, "one", 1))
    two = measure(build_command_of(corpus, "two", 2), cores=2)
    result: dict[str, object] = {"text_mb": megabytes, "startup": startup, "one_core": one, "two_cores": two}
    result["mb_per_cpu_s"] = megabytes / one["cpu_s"]
    result["mb_per_cpu_s_without_startup"] = megabytes / (one["cpu_s"] - startup["cpu_s"])
    result["two_over_one_wall"] = two["wall_s"] / one["wall_s"]
    result["floors_mb_per_cpu_s"] = floors(corpus)
    if arguments.plain_megabytes:
        language = next((setting.partition("=")[2] for setting in arguments.set if "language=" in setting), "en")
        result["stages"] = stages(arguments, language)
        few = cut(arguments.corpus, arguments.plain_megabytes, small)
        vocabulary = arguments.tokenizer if arguments.tokenizer.is_file() else arguments.tokenizer / "vocab.txt"
        plain = [sys.executable, str(HERE / "plain_way.py")]
        base = measure([*plain, str(tiny), str(vocabulary), str(work / "base.arrow")])
        spent = measure([*plain, str(small), str(vocabulary), str(work / "plain.arrow")])
        result["plain_mb_per_cpu_s_without_startup"] = few / (spent["cpu_s"] - base["cpu_s"])
        result["times_the_plain_way"] = (
            result["mb_per_cpu_s_without_startup"] / result["plain_mb_per_cpu_s_without_startup"]  # type: ignore[operator]
        )
        if arguments.lddl_python:
            peer = [arguments.lddl_python, str(HERE / "lddl_way.py")]
            base = measure([*peer, str(tiny), str(vocabulary), str(work / "lddl_base")])
            spent = measure([*peer, str(small), str(vocabulary), str(work / "lddl")])
            result["lddl_mb_per_cpu_s_without_startup"] = few / (spent["cpu_s"] - base["cpu_s"])
            result["times_lddl"] = (
                result["mb_per_cpu_s_without_startup"] / result["lddl_mb_per_cpu_s_without_startup"]  # type: ignore[operator]
            )
    return result


def main() -> None:
    """Measures, prints, and saves the figures if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, default=1e9)
    parser.add_argument("--plain-megabytes", type=float, default=5)
    parser.add_argument("--lddl-python", help="the Python of an environment with LDDL, see lddl_way.py")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--record", metavar="NAME", help="keep the figures as benchmarks/results/NAME.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        result = run(arguments, Path(directory))
    machine = (
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    options = [sys.argv[0], arguments.corpus.name, *sys.argv[2:]]
    result = {
        "date": str(dt.datetime.now(dt.UTC).date()),
        "machine": machine,
        "command": " ".join(options),
        **result,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.record:
        (HERE / "results" / f"{arguments.record}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
