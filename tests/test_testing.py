"""`FaultyFiles` finds what it is made to find: writers that skip a synchronization, and none in a writer that does not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from nspdata.files.local import LocalFiles
from nspdata.testing import FAULTS, Fault, FaultyFiles, Stopped


def durable(path: Path, files: LocalFiles) -> None:
    """Writes a file as `LocalFiles.write` does."""
    files.write(str(path), b"new content")


def without_sync(path: Path, files: LocalFiles) -> None:
    """Renames a file before its bytes are synced to the disk."""
    files.disk.write(path.with_name("t"), b"new content")
    files.disk.replace(path.with_name("t"), path)
    files.disk.sync(path.parent)


def in_place(path: Path, files: LocalFiles) -> None:
    """Overwrites the file in place."""
    files.disk.write(path, b"new content")
    files.disk.sync(path)


def contents_after(program: Callable[[Path, LocalFiles], None], directory: Path) -> dict[Fault, set[bytes | None]]:
    """What the file holds after each fault at each step; it held `old content` before."""
    path = directory / "f"
    steps = FaultyFiles.count(lambda files: program(path, files))
    found: dict[Fault, set[bytes | None]] = {fault: set() for fault in FAULTS}
    for fault in FAULTS:
        for step in range(steps):
            path.write_bytes(b"old content")
            files = FaultyFiles(fail_at=step, fault=fault)
            with contextlib.suppress(Stopped, OSError):
                program(path, files)
            assert files.steps >= step + 1
            found[fault].add(path.read_bytes() if path.exists() else None)
    return found


def test_a_durable_write_leaves_old_or_new(tmp_path: Path) -> None:
    """A crash at any step leaves the old or the new content."""
    assert all(found <= {b"old content", b"new content"} for found in contents_after(durable, tmp_path).values())


def test_a_missing_sync_is_found(tmp_path: Path) -> None:
    """Without fsync a crash can leave an empty file, and the check finds it."""
    found = contents_after(without_sync, tmp_path)
    assert b"" in found["hollow"]
    assert found["stop"] == {b"old content", b"new content"}


def test_a_write_in_place_is_found(tmp_path: Path) -> None:
    """Overwriting in place can leave half of the bytes, and the check finds it."""
    assert b"new c" in contents_after(in_place, tmp_path)["torn"]


def test_nothing_is_done_after_the_end(tmp_path: Path) -> None:
    """After the crash nothing is written, even in a `finally` block."""
    files = FaultyFiles(fail_at=1, fault="stop")
    with pytest.raises(Stopped):
        files.write(str(tmp_path / "a"), b"abc")
    assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"]
    with pytest.raises(Stopped):
        files.delete(str(next(tmp_path.iterdir())))
    assert files.log[0].startswith("write ")
    assert files.steps == 2


def test_an_error_goes_on(tmp_path: Path) -> None:
    """A full disk is an OSError; the temporary file is removed and the next write succeeds."""
    files = FaultyFiles(fail_at=1, fault="full")
    with pytest.raises(OSError, match="No space left"):
        files.write(str(tmp_path / "a"), b"abc")
    assert not list(tmp_path.iterdir())
    files.write(str(tmp_path / "a"), b"abc")
    assert (tmp_path / "a").read_bytes() == b"abc"
