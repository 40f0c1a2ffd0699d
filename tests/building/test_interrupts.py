"""An interrupted build ends at once, prints one line, and resumes to the same bytes; so does one that loses a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.building.corpus import digests, nspdata_command, records, write_jsonl, write_vocabulary
from tests.processes import (
    catches_sigterm,
    files,
    gone,
    heed_interrupts,
    lines_without_warnings,
    maps,
    running,
    start,
    wait_for,
)

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in Linux's /proc")

SETTINGS = ("--set", "output.num_shards=3", "--set", "output.validation_fraction=0.2", "--workers", "2")


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """A build of several files, without its output."""
    place = tmp_path_factory.mktemp("interrupted")
    for part in range(4):
        documents = [{"id": f"{part}/{r['id']}", "text": f"{part} {r['text']}"} for r in records()]
        write_jsonl(place / "in" / f"{part}.jsonl", documents)
    return ["build", place / "in", "--tokenizer", write_vocabulary(place / "vocab.txt"), *SETTINGS]


@pytest.fixture(scope="module")
def expected(command: list[object], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The bytes of an uninterrupted build."""
    output = tmp_path_factory.mktemp("whole") / "out"
    nspdata_command(*command, "-o", output)
    return digests(output)


def moments(pid: int, output: Path) -> dict[str, Callable[[], object]]:
    """The moments of a build, in their order, each as a function that says whether it has come."""
    above = output.parent
    return {
        "start": lambda: catches_sigterm(pid),
        "imports": lambda: maps(pid, "libarrow"),
        "planned": lambda: files(above, "plan.json"),
        "fork": lambda: len(running(pid)) > 1,
        "tokenizing": lambda: files(above, ".spill"),
        "building": lambda: files(above, ".arrow"),
        "built": lambda: files(above, "shards/"),
        "finishing": lambda: files(above, "vocab.txt"),
    }


@pytest.mark.parametrize(("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_an_interrupted_build_ends_and_resumes(
    command: list[object],
    expected: dict[str, str],
    tmp_path: Path,
    number: signal.Signals,
    every: int,
    *,
    whole_group: bool,
) -> None:
    """Interrupted at one moment after the other, the command always ends in 5 seconds and at last gives the same bytes.

    The short run interrupts every other moment by each of the two signals.
    """
    output = tmp_path / "place" / "out"
    output.parent.mkdir()
    for name in list(moments(0, output))[every - 1 if whole_group else 0 :: every]:
        process = start(*command, "-o", output)
        there = wait_for(process, lambda: catches_sigterm(process.pid))  # noqa: B023
        if not there or not wait_for(process, moments(process.pid, output)[name]):
            _, complained = process.communicate()
            assert process.returncode == 0, complained
            break
        (os.killpg if whole_group else os.kill)(process.pid, number)
        assert gone(process.pid), f"{name}: {running(process.pid)} left"
        printed, complained = process.communicate()
        assert process.returncode == 128 + number or "nothing to do" in printed or "Built" in printed, (
            name,
            complained,
        )
        if process.returncode:
            line = "nspdata: interrupted; the same command resumes the build"
            assert lines_without_warnings(complained) == [line], (name, complained)
        assert not files(tmp_path, ".spill")
    nspdata_command(*command, "-o", output)
    assert digests(output) == expected


def test_spawned_workers_end_with_an_interrupted_command(command: list[object], tmp_path: Path) -> None:
    """As forked ones do: where `fork` is not the default, and while the workers still import."""
    output = tmp_path / "out"
    process = start(*command, "-o", output, NSPDATA_START_METHOD="spawn")
    assert wait_for(process, lambda: len(running(process.pid)) >= 3)
    process.send_signal(signal.SIGTERM)
    assert gone(process.pid)
    _, complained = process.communicate()
    assert process.returncode == 143
    line = "nspdata: interrupted; the same command resumes the build"
    assert lines_without_warnings(complained) == [line]


@pytest.mark.parametrize(
    "method", ["fork", *(pytest.param(method, marks=pytest.mark.slow) for method in ("spawn", "forkserver"))]
)
def test_workers_end_with_a_killed_parent(
    command: list[object], expected: dict[str, str], tmp_path: Path, method: str
) -> None:
    """After kill -9 of the command no worker is left, however it was started; the same command resumes."""
    output = tmp_path / "out"
    process = start(*command, "-o", output, NSPDATA_START_METHOD=method)
    wait_for(process, lambda: files(output, ".spill"))
    assert len(running(process.pid)) >= 3
    process.kill()
    process.communicate()
    assert gone(process.pid)
    nspdata_command(*command, "-o", output, NSPDATA_START_METHOD=method)
    assert digests(output) == expected


def test_a_killed_worker_is_named(command: list[object], tmp_path: Path) -> None:
    """A worker killed by the system gives one line: its task, its memory, the remedy."""
    output = tmp_path / "out"
    process = start(*command, "-o", output)
    wait_for(process, lambda: files(output, ".spill"))
    worker = next(pid for pid in running(process.pid) if pid != process.pid)
    os.kill(worker, signal.SIGKILL)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(lines_without_warnings(complained)) == 1, complained
    assert "a worker process was ended by signal 9 (SIGKILL)" in complained
    assert "MB" in complained
    assert "--workers" in complained
    assert gone(process.pid)


def test_an_unknown_start_method_is_refused(command: list[object], tmp_path: Path) -> None:
    """The environment variable is checked."""
    done = nspdata_command(*command, "-o", tmp_path / "out", check=False, NSPDATA_START_METHOD="teleport")
    assert done.returncode == 2
    assert "NSPDATA_START_METHOD must be one of fork, spawn, forkserver, not 'teleport'" in done.stderr


STUCK = """
import hashlib
from nspdata import interrupts
interrupts.install("run it again")
print("ready", flush=True)
hashlib.pbkdf2_hmac("sha256", b"a", b"b", 10**9)  # minutes in C code, without a look at signals
"""


def test_a_main_thread_in_c_code_is_ended_too() -> None:
    """The process ends within 5 seconds even if the main thread is in C code, where no handler can run."""
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - it only sets a signal
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert gone(process.pid)
    _, complained = process.communicate()
    assert process.returncode == 130
    assert complained == "nspdata: interrupted; run it again\n"
