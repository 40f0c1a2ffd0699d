"""The local disk: complete files or none, literal names, and unique temporary names."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from nspdata.files.disk import Disk
from nspdata.files.local import TEMPORARY, LocalFiles


class Recorded(Disk):
    """A disk that records its steps."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []

    def write(self, path: Path, data: bytes) -> None:
        self.steps.append(("write", path.name))
        super().write(path, data)

    def sync(self, path: Path) -> None:
        self.steps.append(("sync", path.name))
        super().sync(path)

    def replace(self, source: Path, target: Path) -> None:
        self.steps.append(("replace", target.name))
        super().replace(source, target)


def names(directory: Path) -> list[str]:
    """What the directory holds."""
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_synchronized_before_it_is_renamed(tmp_path: Path) -> None:
    """Write, fsync of the file, rename, fsync of the directory, in this order."""
    disk = Recorded()
    LocalFiles(disk).write(str(tmp_path / "a.bin"), b"abc")
    (_, temporary), *rest = disk.steps
    assert TEMPORARY.fullmatch(temporary)
    assert rest == [("sync", temporary), ("replace", "a.bin"), ("sync", tmp_path.name)]
    assert (tmp_path / "a.bin").read_bytes() == b"abc"


def test_two_threads_write_one_file(tmp_path: Path) -> None:
    """Both succeed, the file is one of the two, and no temporary file stays."""
    path, errors = tmp_path / "x", []

    def write(data: bytes) -> None:
        try:
            for _ in range(50):
                LocalFiles().write(str(path), data)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(letter * 100_000,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert path.read_bytes() in {b"a" * 100_000, b"b" * 100_000}
    assert names(tmp_path) == ["x"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    """A directory of the same name cannot be replaced: the error is raised, the temporary file is removed."""
    (tmp_path / "taken" / "x").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        LocalFiles().write(str(tmp_path / "taken"), b"abc")
    assert names(tmp_path) == ["taken"]


def test_a_listing_takes_its_directory_literally(tmp_path: Path) -> None:
    """A directory called `os[1]` is not used as a glob pattern, which would match `os1`."""
    for name in ("os[1]", "os1"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "f").write_text(name)
    files = LocalFiles()
    assert [(file.path, file.size) for file in files.listing(str(tmp_path / "os[1]"))] == [
        (str(tmp_path / "os[1]" / "deep" / "f"), 5)
    ]
    assert files.listing(str(tmp_path / "missing[1]")) == []
    assert files.stat(str(tmp_path / "os[1]" / "deep" / "f")).size == 5  # type: ignore[union-attr]
    assert files.stat(str(tmp_path / "os[1]")) is None


def test_a_listing_reads_links_to_files_and_skips_links_to_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to a file is listed with the size of the file; a broken link and a link back to the directory are not."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "f").write_text("12345")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "a" / "b" / "f")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "broken").symlink_to(tmp_path / "missing")
    monkeypatch.chdir(tmp_path)
    for directory, prefix in (("a//", "a/"), ("./a", "a/"), (str(tmp_path / "a"), f"{tmp_path}/a/")):
        found = [(file.path, file.size) for file in LocalFiles().listing(directory)]
        assert found == [(f"{prefix}b/f", 5), (f"{prefix}link", 5)]
    monkeypatch.chdir("a")
    assert [file.path for file in LocalFiles().listing(".")] == ["b/f", "link"]


def test_the_version_changes_with_the_file(tmp_path: Path) -> None:
    """Also for a file of the same size and modification time that was put in its place."""
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_text("one")
    (before,) = LocalFiles().find(str(path))
    other.write_text("two")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    (after,) = LocalFiles().find(str(path))
    assert before.size == after.size == 3
    assert before.version != after.version


def test_placed_files_replace_what_is_there(tmp_path: Path) -> None:
    """A file is renamed, and the file of its new name is replaced."""
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    files = LocalFiles(Recorded())
    files.place([(str(tmp_path / "new"), str(tmp_path / "old"))])
    assert (tmp_path / "old").read_text() == "new"
    assert names(tmp_path) == ["old"]


def test_a_link_is_deleted_and_not_what_it_points_to(tmp_path: Path) -> None:
    """Deleting a directory deletes the links in it, not their targets."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "f").write_text("x")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "link").symlink_to(tmp_path / "kept", target_is_directory=True)
    LocalFiles().delete(str(tmp_path / "gone"))
    assert names(tmp_path) == ["kept"]
    assert (tmp_path / "kept" / "f").read_text() == "x"
