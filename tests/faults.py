"""Programs that are run with a fault at each step of the disk, for the tests of builds, exports, imports and checkpoints."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nspdata.errors import NspdataError
from nspdata.files.local import LocalFiles
from nspdata.testing import Fault, FaultyFiles, Stopped


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory if available, because a thousand runs would wait for every fsync of a disk."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as directory:
        yield Path(directory)


def digests(directory: Path) -> dict[str, str]:
    """The sha256 of every file."""
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def points(
    program: Callable[[LocalFiles], object],
    reset: Callable[[], object],
    fault: Fault,
    *,
    every: int = 1,
    first: int = 0,
) -> Iterator[int]:
    """Runs a program with this fault at each step, or at some; yields the step after each run."""
    reset()
    steps = FaultyFiles.count(program)
    for step in range(first, steps, every):
        reset()
        with contextlib.suppress(Stopped, OSError, NspdataError):
            program(FaultyFiles(fail_at=step, fault=fault))
        yield step


def replaced(directory: Path, source: Path | None) -> None:
    """Makes a directory equal to another one, or removes it."""
    shutil.rmtree(directory, ignore_errors=True)
    if source is not None:
        shutil.copytree(source, directory)


def first_move(log: list[str]) -> int:
    """The step that puts the first file of a finished dataset into its place: the one after that of the journal."""
    after = log.index("replace swap.json") + 1
    return next(number for number, name in enumerate(log[after:], after) if name.startswith("replace "))


def stopped_in_the_swap(program: Callable[[LocalFiles], object], output: Path, left: Path) -> None:
    """Stops a program before `first_move`, and moves what it leaves in its output.

    The program must write to `output`, which is removed.
    """
    steps = FaultyFiles()
    program(steps)
    shutil.rmtree(output)
    at = first_move(steps.log)
    with contextlib.suppress(Stopped):
        program(FaultyFiles(fail_at=at))
    output.rename(left)
