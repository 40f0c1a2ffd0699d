r"""Kills builds with SIGKILL at random moments, runs the same command again, and compares the bytes with those of an undisturbed build.

    python benchmarks/kills.py CORPUS.jsonl --tokenizer vocab.txt [--moments 20] [--only local s3] [--record FILE.json]

`local`: the command or one of its two worker processes is killed, a moment in each phase of the build. `s3`: the output is on moto's S3;
the command, one of the two processes of Beam's workers, or the server is killed. A server that is killed loses its objects, so the build
must end with one line, and the next one begins with an empty bucket. After each series nothing may be left: no process, no temporary
file, no object of the staging area. The seeds are fixed. The moments are shares of the CPU time of the undisturbed build, so that
they do not depend on what else the machine does; a build that ends before its moment is killed again, earlier.
After each kill, `nspdata validate --source` reads the dataset too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = ("--set", "output.num_shards=4", "--set", "output.validation_fraction=0.2")

PATIENCE_S = 300.0
"""Seconds after which a command hangs."""


def processes() -> Iterator[tuple[int, list[str]]]:
    """The id of each process, and what `/proc/ID/stat` says of it: state, parent, group, ..."""
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - names
        try:
            text = Path("/proc", name, "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            continue
        yield int(name), text.rpartition(")")[2].split()


def descendants(pid: int) -> list[int]:
    """The processes below one that run, the nearest first."""
    children: dict[int, list[int]] = {}
    for number, fields in processes():
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(number)
    found = list(children.get(pid, []))
    for child in found:
        found += children.get(child, [])
    return found


def group(pid: int) -> list[int]:
    """The processes of a group that run."""
    found = []
    for number, fields in processes():
        if fields[0] != "Z" and int(fields[2]) == pid:
            found.append(number)
    return found


def cpu_s(pid: int) -> float:
    """CPU-seconds of the processes of a group, and of those that they waited for."""
    ticks = 0
    for _, fields in processes():
        if int(fields[2]) == pid:
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Place:
    """An output directory, and a directory for temporary files of its own.

    Args:
        directory: for both.
        arguments: of the command, without the output.
    """

    output = ""
    running: subprocess.Popen[bytes] | None = None

    def __init__(self, directory: Path, arguments: list[str]) -> None:
        self.temporary, self.complaints = directory / "tmp", directory / "stderr"
        self.temporary.mkdir()
        self.output = str(directory / "out[1] *")
        self.command = [sys.executable, "-m", "nspdata", "build", *arguments]

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the build in a process group of its own."""
        environment = {
            **os.environ,
            "NSPDATA_PROGRESS_SECONDS": "0",
            "TMPDIR": str(self.temporary),
            **self.environment(),
        }
        command = [*self.command, "-o", self.output, *self.options()]
        with self.complaints.open("w") as complaints:  # a full pipe would stop the build
            self.running = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=complaints, start_new_session=True, env=environment
            )
        return self.running

    def build(self) -> float:
        """Builds undisturbed; returns the CPU-seconds."""
        before, process = resource.getrusage(resource.RUSAGE_CHILDREN), self.start()
        if process.wait(timeout=PATIENCE_S):
            raise SystemExit(f"the build failed:\n{self.complaints.read_text()}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def validate(self) -> int:
        """The exit status of `nspdata validate --source`."""
        command = [sys.executable, "-m", "nspdata", "validate", self.output, "--source", self.command[4]]
        environment = {**os.environ, **self.environment()}
        return subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=environment).returncode

    def victims(self) -> list[str]:
        """What is killed, in turn."""
        return ["command", "worker"]

    def environment(self) -> dict[str, str]:
        """Variables of the command."""
        return {}

    def options(self) -> list[str]:
        """Last arguments of the command."""
        return ["--workers", "2"]

    def kill(self, victim: str, process: subprocess.Popen[bytes], draw: random.Random) -> bool:
        """Kills something; False if it is not there."""
        below = descendants(process.pid)
        if victim == "worker" and not below:
            return False
        os.kill(draw.choice(below) if victim == "worker" else process.pid, signal.SIGKILL)
        return True

    def files(self) -> dict[str, str]:
        """The sha256 of every file, by its path."""
        root = Path(self.output)
        found = [path for path in root.rglob("*") if path.is_file()]
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    def left(self) -> set[str]:
        """Kinds of temporary files, which are removed."""
        names = {re.sub(r"[a-z0-9_]{8}$", "*", path.name) for path in self.temporary.iterdir()}
        shutil.rmtree(self.temporary)
        self.temporary.mkdir()
        return names

    def clear(self) -> None:
        """Removes the output."""
        shutil.rmtree(self.output, ignore_errors=True)

    def close(self) -> None:
        """Kills a build that still runs."""
        if self.running and self.running.poll() is None:
            os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait()


class S3Place(Place):
    """An output on moto's S3, in a process of its own that can be killed."""

    def __init__(self, directory: Path, arguments: list[str]) -> None:
        super().__init__(directory, arguments)
        self.output, self.port = "s3://corpus/out", 0
        try:
            self.serve()
        except BaseException:
            self.close()
            raise

    def serve(self) -> None:
        """Starts the server, with an empty bucket."""
        command = [
            sys.executable,
            "-m",
            "moto.server",
            "-H",
            "127.0.0.1",
            "-p",
            str(self.port or 15_000 + os.getpid() % 9000),
        ]
        self.port = int(command[-1])
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                self.client().create_bucket(Bucket="corpus")
            except Exception:  # noqa: BLE001 - until it serves
                time.sleep(0.1)
            else:
                return
        raise SystemExit("the S3 server does not start")

    def client(self) -> Any:
        """Of the server."""
        import boto3
        from botocore.config import Config

        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        settings = Config(retries={"total_max_attempts": 1})
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", config=settings, **keys)

    def environment(self) -> dict[str, str]:
        """Keys, and the endpoint."""
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
        return {**keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def options(self) -> list[str]:
        """Two processes of Beam's direct runner."""
        return ["--", "--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"]

    def victims(self) -> list[str]:
        """What is killed, in turn."""
        return ["command", "worker", "server"]

    def kill(self, victim: str, process: subprocess.Popen[bytes], draw: random.Random) -> bool:
        """See `Place.kill`."""
        if victim != "server":
            return super().kill(victim, process, draw)
        self.server.kill()
        self.server.wait()
        return True

    def _keys(self) -> Iterator[str]:
        for page in self.client().get_paginator("list_objects_v2").paginate(Bucket="corpus"):
            yield from (found["Key"] for found in page.get("Contents", []))

    def files(self) -> dict[str, str]:
        """See `Place.files`."""
        client = self.client()
        read = {key: client.get_object(Bucket="corpus", Key=key)["Body"].read() for key in self._keys()}
        return {key.removeprefix("out/"): hashlib.sha256(data).hexdigest() for key, data in read.items()}

    def clear(self) -> None:
        """See `Place.clear`."""
        client = self.client()
        for key in list(self._keys()):
            client.delete_object(Bucket="corpus", Key=key)

    def close(self) -> None:
        """Kills the build and the server."""
        super().close()
        self.server.kill()
        self.server.wait()


def disturbed(place: Place, victim: str, moment_s: float, draw: random.Random) -> dict[str, Any]:
    """Kills one build when it has used so many CPU-seconds; returns what came of it."""
    process, killed = place.start(), False
    while process.poll() is None and not killed:
        killed = cpu_s(process.pid) >= moment_s and place.kill(victim, process, draw)
        time.sleep(0.01)
    try:
        process.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return {"victim": victim, "moment_cpu_s": round(moment_s, 2), "killed": killed, "end": "hangs", "line": ""}
    ended = time.monotonic()
    while (left := group(process.pid)) and time.monotonic() - ended < 10:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    if isinstance(place, S3Place) and place.server.poll() is not None:
        place.serve()
    lines = [
        line for line in place.complaints.read_text(errors="replace").splitlines() if line.startswith("nspdata: ")
    ]  # beside Beam's logs
    return {
        "victim": victim,
        "moment_cpu_s": round(moment_s, 2),
        "killed": killed,
        "end": process.returncode,
        "lines": len(lines),
        "line": lines[-1][:300] if lines else "",
        "processes_left": len(left),
    }


def series(kind: type[Place], directory: Path, arguments: list[str], moments: int, some: range) -> dict[str, Any]:
    """The builds of one place."""
    place = kind(directory, arguments)
    try:
        seconds = place.build()
        whole, found, usual = place.files(), [], place.left()  # Beam's worker processes leave files of every run
        for moment in some:
            draw = random.Random(moment)  # noqa: S311 - not for secrets
            victims = place.victims()
            share, one = (moment + draw.random()) / moments, {"killed": False}
            while not one["killed"]:
                place.clear()
                one = disturbed(place, victims[moment % len(victims)], share * seconds, draw)
                share *= 0.9
            place.build()
            after = place.files()
            one["different"] = sorted(name for name in {*whole, *after} if whole.get(name) != after.get(name))
            one["left"] = sorted(place.left() - usual)
            one["validate"] = place.validate()
            print(json.dumps(one), flush=True)
            found.append(one)
        return {
            "undisturbed_cpu_s": round(seconds, 1),
            "files": len(whole),
            "killed": len(found),
            "moments_cpu_s": [one["moment_cpu_s"] for one in found],
            "left_by_an_undisturbed_build": sorted(usual),
            "ends": Counter(f"{one['victim']}: {one['end']}" for one in found),
            "other_bytes": [one for one in found if one["different"]],
            "hangs": [one for one in found if one["end"] == "hangs"],
            "processes_left": [one for one in found if one.get("processes_left")],
            "temporary_files_left": [one for one in found if one["left"]],
            "not_one_line": [one for one in found if one["end"] == 1 and one["lines"] != 1],
            "not_valid": [one for one in found if one["validate"]],
        }
    finally:
        place.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--one", type=int, help="the number of one moment, which is repeated")
    parser.add_argument("--only", nargs="*", default=["local", "s3"])
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server and the build are stopped
    arguments = [options.corpus, "--tokenizer", options.tokenizer, *SETTINGS]
    some = range(options.moments) if options.one is None else range(options.one, options.one + 1)
    result: dict[str, Any] = {}
    for name in options.only:
        with tempfile.TemporaryDirectory() as directory:
            kind = {"local": Place, "s3": S3Place}[name]
            result[name] = series(kind, Path(directory), arguments, options.moments, some)
    print(json.dumps(result, indent=1))
    if options.record:
        options.record.write_text(json.dumps(result, indent=1) + "\n")
    wrong = ("other_bytes", "hangs", "processes_left", "temporary_files_left", "not_one_line", "not_valid")
    return int(any(one[key] for one in result.values() for key in wrong))


if __name__ == "__main__":
    sys.exit(main())
