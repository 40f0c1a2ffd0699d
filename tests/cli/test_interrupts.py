"""Ctrl-C and SIGTERM in the commands that do not build: one line, no child left, the promised exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.building.corpus import INAUGURAL, write_jsonl
from tests.datasets import write_dataset
from tests.processes import catches_sigterm, gone, lines_without_warnings, maps, running, start, wait_for

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in Linux's /proc")


@pytest.mark.parametrize(
    ("name", "number", "line"),
    [
        ("train-tokenizer", signal.SIGINT, "nspdata: interrupted; run the same command again\n"),
        ("validate", signal.SIGTERM, "nspdata: interrupted; the dataset was not changed\n"),
    ],
)
def test_a_command_is_interrupted(name: str, number: signal.Signals, line: str, tmp_path: Path) -> None:
    """A signal stops a command, also while it runs C or Rust code."""
    if name == "validate":
        process = start("validate", write_dataset(tmp_path / "data"))
    else:
        words = " ".join(f"word{n} " for n in range(400_000))
        source = write_jsonl(tmp_path / "in.jsonl", [{"id": "1", "text": words}])
        process = start("train-tokenizer", source, "-o", tmp_path / "out", "--vocab-size", 30000)
    assert wait_for(process, lambda: catches_sigterm(process.pid) and maps(process.pid, "libarrow"))
    process.send_signal(number)
    assert gone(process.pid)
    _, complained = process.communicate()
    assert process.returncode == 128 + number
    assert complained == line


@pytest.mark.parametrize(("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_the_demo_is_interrupted_with_its_command(tmp_path: Path, number: signal.Signals, *, whole_group: bool) -> None:
    """The command that the demo runs ends with it, and one line is printed for both."""
    process = start("demo", tmp_path / "demo", "--no-training")
    children = lambda: [pid for pid in running(process.pid) if pid != process.pid]  # noqa: E731
    assert wait_for(process, lambda: any(map(catches_sigterm, children())))
    (os.killpg if whole_group else os.kill)(process.pid, number)
    assert gone(process.pid)
    _, complained = process.communicate()
    assert process.returncode == 128 + number
    assert complained == "nspdata: interrupted; run the same command again\n"


def test_the_command_of_a_killed_demo_ends(tmp_path: Path) -> None:
    """After a kill -9 of the demo, its child processes end."""
    process = start("demo", tmp_path / "demo", "--no-training")
    assert wait_for(process, lambda: any(catches_sigterm(pid) for pid in running(process.pid) if pid != process.pid))
    process.kill()
    process.communicate()
    assert gone(process.pid)


def test_a_build_says_nothing_of_its_libraries(tmp_path: Path) -> None:
    """stderr of a build has no warning or log line of a library, only nspdata's warnings about the corpus."""
    from tests.building.corpus import nspdata_command, write_vocabulary

    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    done = nspdata_command("build", INAUGURAL, "-o", tmp_path / "out", "--tokenizer", vocabulary)
    assert lines_without_warnings(done.stderr) == []


PROGRAM = """
import signal
import subprocess
import sys
from nspdata import interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for its background jobs
interrupts.install()
with interrupts.temporary_directory("nspdata-test-") as directory:
    open(f"{directory}/file", "w").close()
    print(directory, flush=True)
    signal.raise_signal(signal.%s)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_temporary_directory_is_removed(number: signal.Signals, tmp_path: Path) -> None:
    """An interrupted command leaves no temporary files, though it does not unwind."""
    program = [sys.executable, "-c", PROGRAM % number.name]
    done = subprocess.run(
        program, env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 128 + number
    assert Path(done.stdout.strip()).parent == tmp_path
    assert list(tmp_path.iterdir()) == []
