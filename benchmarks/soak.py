r"""Long runs whose memory, temporary disk and open files must stay flat; each writes a record.

    python benchmarks/soak.py build CORPUS.jsonl --tokenizer vocab.txt [--workers 2] [--every 10] [--record soak_build]
    python benchmarks/soak.py load DATASET [--seconds 3600] [--record soak_load]

`build` builds the corpus and samples all processes of the command. `load` reads the dataset from an S3 server (moto) that fails in
one request of three (see `soak_server.py`), in two processes that share a cache which is too small. One of them is killed and started
again all the time. Each epoch must have the batches of the local dataset.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from scaling import resident

HERE = Path(__file__).parent

Sample = dict[str, float]


def group_files(group: int) -> int:
    """Open files of the processes of a group."""
    total = 0
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ProcessLookupError):
            if os.getpgid(int(place.name)) == group:
                total += sum(1 for _ in (place / "fd").iterdir())
    return total


def disk_mb(*directories: Path) -> float:
    """MB of the files below some directories."""
    total = 0
    for directory in directories:
        for parent, _, names in os.walk(directory):
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.lstat(os.path.join(parent, name)).st_blocks * 512  # noqa: PTH118 - many files
    return round(total / 1e6, 1)


def sample(process: int, start: float, *temporary: Path) -> Sample:
    """Figures of a process group now."""
    return {
        "s": round(time.monotonic() - start, 1),
        "memory_mb": round(resident(process) / 1e6, 1),
        "temporary_mb": disk_mb(*temporary),
        "open_files": group_files(process),
    }


def summary(samples: list[Sample]) -> dict[str, Any]:
    """The most and the median of each figure in the second and in the last quarter of the run, without its start and its end."""
    inner = samples[1:-1] or samples
    quarter = max(1, len(inner) // 4)
    parts = {"second_quarter": inner[quarter : 2 * quarter] or inner, "last_quarter": inner[-quarter:]}
    return {
        key: {
            name: {"median": sorted(values)[len(values) // 2], "most": max(values)}
            for name, part in parts.items()
            for values in [[one[key] for one in part]]
        }
        for key in ("memory_mb", "temporary_mb", "open_files")
    }


def soak_build(arguments: argparse.Namespace) -> dict[str, Any]:
    """Builds the corpus; samples of its processes."""
    with tempfile.TemporaryDirectory(dir=arguments.corpus.parent) as place:
        temporary, out = Path(place, "tmp"), Path(place, "out")
        temporary.mkdir()
        command = [sys.executable, "-m", "nspdata", "build", str(arguments.corpus), "-o", str(out)]
        command += ["--tokenizer", str(arguments.tokenizer), "--workers", str(arguments.workers)]
        start, samples = time.monotonic(), []
        with Path(place, "log").open("w+") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env={**os.environ, "TMPDIR": str(temporary)}
            )
            try:
                while process.poll() is None:
                    samples.append(sample(process.pid, start, temporary, out / ".build" / "spill"))
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(arguments.every)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            if process.returncode:
                log.seek(0)
                sys.exit(log.read()[-3000:])
        rows = sum(entry["rows"] for entry in json.loads((out / "manifest.json").read_text())["splits"]["train"])
        return {
            "corpus_mb": round(arguments.corpus.stat().st_size / 1e6),
            "workers": arguments.workers,
            "rows": rows,
            "dataset_mb": disk_mb(out),
            "left_in_temporary_mb": disk_mb(temporary),
            "wall_s": round(time.monotonic() - start, 1),
            "summary": summary(samples),
            "samples": samples,
        }


READ = """
import hashlib, json, sys, time
from pathlib import Path
from nspdata.loading import Cache, Loader
url, cache, most, epoch, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
kept = Cache(directory=Path(cache), max_bytes=most, range_bytes=200_000, tries=12, back_off_s=0.05, timeout_s=1.5, threads=2)
options = {} if "://" not in url else {"cache": kept}
loader = Loader(url, batch_size=64, window_rows=2048, seed=1, verify="always", **options)
while True:
    digest, number = hashlib.sha256(), 0
    loader.set_epoch(epoch)
    for batch in loader:
        number += 1
        for name in sorted(batch):
            digest.update(batch[name].tobytes())
        time.sleep(pause)
    print(json.dumps([epoch, number, digest.hexdigest()]), flush=True)
    if "://" not in url and epoch >= int(sys.argv[6]):
        break
    epoch = (epoch + 1) % 4
"""


class Reader:
    """A process that loads one epoch after the other.

    Args:
        name: of its log.
        place: directory of the cache and of the logs.
        arguments: of the program `READ`.
    """

    def __init__(self, name: str, place: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self.log = (place / f"{name}.log").open("w+")
        self.complaints = (place / f"{name}.err").open("a+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", READ, *arguments],
            stdout=self.log,
            stderr=self.complaints,
            start_new_session=True,
            env=environment,
        )

    def kill(self) -> list[list[Any]]:
        """Ends it by SIGKILL; the epochs that it has read."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.seek(0)
        return [json.loads(line) for line in self.log.read().split("\n")[:-1]]


def soak_load(arguments: argparse.Namespace) -> dict[str, Any]:
    """Loads under faults; the epochs that were right, the kills, the faults by kind, and samples of the process that lives."""
    shards = sorted(arguments.dataset.glob("train/*.arrow"))
    most = 10 * max(shard.stat().st_size for shard in shards)
    start, samples, kills, epochs, wrong = time.monotonic(), [], 0, Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        local = subprocess.run(
            [sys.executable, "-c", READ, str(arguments.dataset), "", "1", "0", "0", "3"],
            stdout=subprocess.PIPE,
            check=True,
        )
        expected = {line[0]: line[1:] for line in map(json.loads, local.stdout.decode().split("\n")[:-1])}
        server = subprocess.Popen(
            [sys.executable, str(HERE / "soak_server.py"), str(arguments.dataset), str(place / "faults.json")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout
        endpoint = server.stdout.readline().strip()
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
        environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": endpoint}
        options = ["s3://corpus/data", str(place / "cache"), str(most)]
        draw = random.Random(0)  # noqa: S311 - not for secrets

        def reader(kind: str, epoch: int) -> Reader:
            return Reader(kind, place, [*options, str(epoch), str(arguments.pause)], environment)

        def judged(kind: str, lines: list[list[Any]]) -> None:
            for epoch, *found in lines:
                epochs[kind] += 1
                if found != expected[epoch]:
                    wrong.append([kind, epoch, *found])

        steady, victim = reader("steady", 0), reader("victim", 1)
        due = sampled = time.monotonic()
        try:
            while time.monotonic() - start < arguments.seconds and steady.process.poll() is None:
                time.sleep(0.5)
                if time.monotonic() > due:
                    judged("victim", victim.kill())
                    kills += 1
                    victim = reader("victim", draw.randrange(4))
                    due = time.monotonic() + draw.uniform(5, 90)
                if time.monotonic() - sampled >= arguments.every:
                    sampled = time.monotonic()
                    one = sample(steady.process.pid, start, place / "cache")
                    samples.append({**one, "limit_mb": round(most / 1e6, 1)})
            failed = steady.process.poll() is not None
            judged("steady", steady.kill())
            judged("victim", victim.kill())
            steady.complaints.seek(0)
            complaints = steady.complaints.read()[-2000:]
        finally:
            for process in (steady.process, victim.process):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            server.terminate()
            server.wait()
        faults = json.loads((place / "faults.json").read_text())
        kept = disk_mb(place / "cache")
    return {
        "seconds": round(time.monotonic() - start),
        "epochs_right": dict(epochs),
        "epochs_wrong": wrong,
        "steady_process_failed": complaints if failed else "",
        "kills": kills,
        "requests": faults,
        "cache_limit_mb": round(most / 1e6, 2),
        "cache_mb": kept,
        "summary": summary(samples),
        "samples": samples,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    build = commands.add_parser("build")
    build.add_argument("corpus", type=Path)
    build.add_argument("--tokenizer", type=Path, required=True)
    build.add_argument("--workers", type=int, default=2)
    load = commands.add_parser("load")
    load.add_argument("dataset", type=Path)
    load.add_argument("--seconds", type=float, default=3600)
    load.add_argument("--pause", type=float, default=0.05, help="seconds between two batches")
    for command in (build, load):
        command.add_argument("--every", type=float, default=10, help="seconds between two samples")
        command.add_argument("--record", help="name of the file in benchmarks/results")
    arguments = parser.parse_args()
    figures = soak_build(arguments) if arguments.what == "build" else soak_load(arguments)
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    words = [Path(word).name if word.startswith("/") else word for word in sys.argv[1:]]
    result = {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "machine": machine,
        "command": f"benchmarks/soak.py {' '.join(words)}",
        **figures,
    }
    print(json.dumps({key: value for key, value in result.items() if key != "samples"}, indent=1))
    if arguments.record:
        text = json.dumps(result, indent=1)
        (HERE / "results" / f"{arguments.record}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
