"""The same bytes on every engine of Beam that needs no other software."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from beam_jobs import build_shards
from tests.building.corpus import INAUGURAL, digests, nspdata_command, write_vocabulary
from tests.processes import gone, read, running, start, wait_for
from tests.servers import SERVERS, free_port

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a vocabulary, and the build `out` that the command made."""
    directory = tmp_path_factory.mktemp("local")
    vocabulary = write_vocabulary(directory / "vocab.txt")
    nspdata_command(
        "build", INAUGURAL, "-o", directory / "out", "--tokenizer", vocabulary, "--set", "output.num_shards=3"
    )
    return directory


@contextlib.contextmanager
def serving(*module: str, port: int) -> Iterator[str]:
    """Starts a server of Beam in another process, with this environment first on PATH; returns the address when it is listening."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        env={**os.environ, "PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.2)
        yield f"localhost:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


@pytest.fixture(scope="module")
def job_service() -> Iterator[str]:
    """Beam's job service for portable runners, in a process of its own."""
    port = free_port()
    with serving("apache_beam.runners.portability.local_job_service_main", f"--port={port}", port=port) as address:
        yield address


@pytest.fixture(scope="module")
def worker_pool() -> Iterator[str]:
    """A pool of SDK workers in processes of their own."""
    port = free_port()
    with serving("apache_beam.runners.worker.worker_pool_main", f"--service_port={port}", port=port) as address:
        yield address


def build(local: Path, output: object, *options: str, source: object = INAUGURAL) -> None:
    """The job, in this process as far as the engine lets it."""
    arguments = ["--input", source, "--output", output, "--tokenizer", local / "vocab.txt"]
    build_shards.main([*map(str, arguments), "--set", "output.num_shards=3", *options])


def portable(job_service: str) -> list[str]:
    """The options of a portable runner."""
    return ["--runner=PortableRunner", f"--job_endpoint={job_service}"]


def test_processes_of_the_local_engine(local: Path, tmp_path: Path) -> None:
    """`--direct_running_mode=multi_processing` without `--runner` uses Beam's processes and none of nspdata's."""
    build(local, tmp_path / "out", "--direct_running_mode=multi_processing", "--direct_num_workers=2")
    assert digests(tmp_path / "out") == digests(local / "out")


@pytest.mark.parametrize("victim", ["command", "worker"])
def test_a_killed_process_of_the_local_engine(local: Path, tmp_path: Path, victim: str) -> None:
    """With the command its workers end, and a lost worker is one line; the same command ends in the same bytes."""
    output = tmp_path / "out"
    arguments = ["build", INAUGURAL, "-o", output, "--tokenizer", local / "vocab.txt", "--set", "output.num_shards=3"]
    arguments += ["--", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    process = start(*arguments)
    assert wait_for(process, lambda: (output / ".build").exists() and len(workers(process.pid)) == 2)
    os.kill(process.pid if victim == "command" else workers(process.pid)[0], signal.SIGKILL)
    _, complained = process.communicate(timeout=120)
    assert gone(process.pid, 10)
    lines = [line for line in complained.splitlines() if line.startswith("nspdata: ")]
    if victim == "worker":
        assert process.returncode == 1
        assert len(lines) == 1
        assert "a worker process of Beam ended before its work" in lines[0]
    nspdata_command(*arguments[: arguments.index("--")])
    assert digests(output) == digests(local / "out")


def workers(pid: int) -> list[int]:
    """The worker processes of a command that have started."""
    return [worker for worker in running(pid) if "nspdata.pipelines.worker" in read(f"/proc/{worker}/cmdline")]


def test_bundles_that_are_repeated(local: Path, tmp_path: Path) -> None:
    """An engine may run a bundle again after its results were used: the second run changes nothing."""
    build(local, tmp_path / "out", "--direct_runner_bundle_repeat=1")
    assert digests(tmp_path / "out") == digests(local / "out")


def test_workers_in_other_processes(local: Path, tmp_path: Path, job_service: str, worker_pool: str) -> None:
    """EXTERNAL: a worker pool over gRPC, as on Flink and Spark."""
    environment = ["--environment_type=EXTERNAL", f"--environment_config={worker_pool}"]
    build(local, tmp_path / "out", *portable(job_service), *environment)
    assert digests(tmp_path / "out") == digests(local / "out")


def test_workers_in_the_launcher(local: Path, tmp_path: Path, job_service: str) -> None:
    """LOOPBACK: the job service calls back."""
    build(local, tmp_path / "out", *portable(job_service), "--environment_type=LOOPBACK")
    assert digests(tmp_path / "out") == digests(local / "out")


def test_workers_get_the_options_of_the_store(local: Path, job_service: str) -> None:
    """EXTERNAL with S3: a worker that knows no variable has the endpoint and the keys from the options of the command."""
    from nspdata.files.any import remote_files

    remote_files.cache_clear()
    port = free_port()
    pool = serving("apache_beam.runners.worker.worker_pool_main", f"--service_port={port}", port=port)
    with pool as worker_pool, SERVERS["s3"]() as server:
        server.write("in/inaugural_addresses.jsonl", INAUGURAL.read_bytes())
        environment = ["--environment_type=EXTERNAL", f"--environment_config={worker_pool}"]
        options = [*portable(job_service), *environment, *server.options]
        build(local, f"{server.url}/out", *options, source=f"{server.url}/in/*.jsonl")
        found = {path: data for path, data in server.files("out").items() if path != "README.md"}
    remote_files.cache_clear()
    assert found == {path: (local / "out" / path).read_bytes() for path in digests(local / "out")}
