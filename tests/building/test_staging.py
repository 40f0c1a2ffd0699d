"""Changed inputs, two builds at once, damaged state files and unusual output paths: no data is lost or mixed."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from nspdata.dataset.manifest import read_manifest
from nspdata.errors import ConfigError, InputError, ShardError
from nspdata.files.local import LocalFiles
from nspdata.files.lock import locked
from nspdata.files.state import read_state, write_state
from nspdata.reading.content import content_of
from nspdata.testing import FaultyFiles, Stopped
from tests.building.corpus import digests
from tests.building.plainly import build_plainly, settings
from tests.building.small import small_lines, write_small_vocabulary


class Place:
    """A corpus of two files, a vocabulary, and a directory to build in."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.output, self.vocabulary = directory, directory / "out", directory / "vocab.txt"
        draw = random.Random(0)
        self.inputs = [directory / "in" / "a.jsonl", directory / "in" / "b.jsonl"]
        self.inputs[0].parent.mkdir()
        for path in self.inputs:
            path.write_text(small_lines((f"{path.stem}{number}" for number in range(20)), draw))
        write_small_vocabulary(self.vocabulary)

    def build(self, files: LocalFiles | None = None, *assignments: str, overwrite: bool = False) -> None:
        """Builds in `output`."""
        files = files or LocalFiles()
        build_plainly(self.inputs, self.output, self.vocabulary, settings(*assignments), files, overwrite=overwrite)

    def stop(self, before: str, *, after: str = "") -> None:
        """Builds until the first step whose name begins with `before`, or the first one after the step `after`."""
        steps = FaultyFiles()
        scratch, self.output = self.output, self.directory / "scratch"
        self.build(steps)
        self.output = scratch
        first = steps.log.index(after) + 1 if after else 0
        at = next(number for number, name in enumerate(steps.log[first:], first) if name.startswith(before))
        with pytest.raises(Stopped):
            self.build(FaultyFiles(fail_at=at))

    def edit(self, path: Path) -> None:
        """Writes other text of the same size; the modification time changes."""
        path.write_text(path.read_text().replace("red", "sea"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_manifest_names_the_content_of_the_inputs(place: Place) -> None:
    """The manifest has a hash of each input's bytes and no modification time."""
    place.build()
    assert read_manifest(place.output).inputs == [
        {"name": path.name, "bytes": path.stat().st_size, "content": content_of(str(path), LocalFiles())}
        for path in place.inputs
    ]


def test_a_finished_dataset_of_other_content_is_refused(place: Place) -> None:
    """A file of the same name and size with other text is named; the same text with another time is the same."""
    place.build()
    whole, kept = digests(place.output), place.inputs[1].read_bytes()
    place.edit(place.inputs[1])
    with pytest.raises(ConfigError, match=r"other content of the input files: b\.jsonl changed since"):
        place.build()
    place.inputs[1].write_bytes(kept)
    os.utime(place.inputs[1], ns=(0, 0))
    place.build()
    assert digests(place.output) == whole
    place.edit(place.inputs[1])
    place.build(overwrite=True)
    assert digests(place.output) != whole


def test_a_resumed_build_refuses_a_changed_input(place: Place) -> None:
    """With a finished shard of the old text; restored, the same command ends in the same bytes."""
    place.stop("write .00001.json")
    whole, kept = digests(place.directory / "scratch"), place.inputs[0].read_bytes()
    assert len(list(place.output.glob(".build/shards/*.json"))) == 1
    place.edit(place.inputs[0])
    with pytest.raises(InputError, match=r"input file a\.jsonl: its content changed since this build began"):
        place.build()
    place.inputs[0].write_bytes(kept)
    shard = next(place.output.glob(".build/new/train/*-00000-*.arrow"))
    before = shard.stat().st_ino
    place.build()
    assert digests(place.output) == whole
    assert (place.output / "train" / shard.name).stat().st_ino == before, "the finished shard was built again"


def test_a_file_that_changes_while_it_is_read_stops_the_build(place: Place) -> None:
    """The error names the file; finished shards are kept."""

    class Growing(LocalFiles):
        def stat(self, path: str):
            if path.endswith("b.jsonl"):
                with place.inputs[1].open("a") as file:
                    file.write("\n")
            return super().stat(path)

    with pytest.raises(InputError, match=r"b\.jsonl: changed while the build was running"):
        place.build(Growing())


def test_a_second_build_is_refused(place: Place) -> None:
    """The second build is refused in one line with the host, the process and the age of the first."""
    code = (
        "import sys, time\nfrom nspdata.files.local import LocalFiles\nfrom nspdata.files.lock import locked\n"
        "with locked(sys.argv[1], LocalFiles()):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place.output)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        expected = (
            rf"another build is writing to it \(host {socket.gethostname()}, process {process.pid}, started \d+ s ago\)"
        )
        with pytest.raises(InputError, match=expected):
            place.build()
        process.kill()
        process.wait()
    place.build()
    assert not (place.output / ".build").exists()


def test_a_lock_is_left_for_the_next(place: Place) -> None:
    """A lock can be taken, released and taken again; an empty directory stays empty."""
    for _ in range(2):
        with (
            locked(str(place.output), LocalFiles()),
            pytest.raises(InputError, match="another build"),
            locked(str(place.output), LocalFiles()),
        ):
            pass
    assert not list(place.output.iterdir())


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "altered": lambda data: data[:-10] + bytes([data[-10] ^ 1]) + data[-9:],
    "foreign": lambda _: b"\xff\x00{",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_state_is_made_again(place: Place, damage: str) -> None:
    """Every state file of an unfinished build, one after the other: the same command ends in the same bytes."""
    place.stop("write .swap.json")
    whole, left = digests(place.directory / "scratch"), place.directory / "left"
    shutil.copytree(place.output, left)
    states = sorted(path.relative_to(left) for path in (left / ".build").rglob("*.json") if "new" not in path.parts)
    assert [path.name for path in states] == ["contents.json", "plan.json", "00000.json", "00001.json"]
    for name in states:
        shutil.rmtree(place.output)
        shutil.copytree(left, place.output)
        (place.output / name).write_bytes(DAMAGES[damage]((left / name).read_bytes()))
        place.build()
        assert digests(place.output) == whole, name


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_made_again(place: Place, damage: str) -> None:
    """The new dataset is complete, and a reader and the same command find it."""
    place.stop("replace ", after="replace swap.json")
    whole = digests(place.directory / "scratch")
    journal = place.output / ".build" / "swap.json"
    journal.write_bytes(DAMAGES[damage](journal.read_bytes()))
    assert read_manifest(place.output).splits
    assert digests(place.output) == whole


@pytest.mark.parametrize("key", ["place", "delete", "last"])
@pytest.mark.parametrize(
    "name", ["../mine.txt", "/mine.txt", "a/../../mine.txt", "train/../..", "link/mine.txt", "", "."]
)
def test_a_journal_names_only_files_of_its_directory(place: Place, key: str, name: str) -> None:
    """A journal that came with a dataset cannot write or delete outside of it, also not through a link."""
    place.stop("replace ", after="replace swap.json")
    (place.directory / "mine.txt").write_text("mine")
    (place.output / "link").symlink_to(place.directory)
    journal = place.output / ".build" / "swap.json"
    values = read_state(LocalFiles(), str(journal))
    staged = place.output / ".build" / "new" / "link"
    staged.mkdir()
    (staged / "mine.txt").write_text("other")
    values[key] = name if key == "last" else [*values[key], [name, 5] if key == "place" else name]
    write_state(LocalFiles(), str(journal), values)
    with pytest.raises(ShardError, match=r"swap\.json names .*, outside of the directory; remove .*\.build"):
        read_manifest(place.output)
    assert (place.directory / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_plan_does_not_hide_other_settings(place: Place, damage: str) -> None:
    """Finished shards say which build they are of: with other settings they are kept, until --overwrite."""
    place.stop("write .00001.json")
    plan = place.output / ".build" / "plan.json"
    plan.write_bytes(DAMAGES[damage](plan.read_bytes()))
    shards = digests(place.output / ".build" / "new")
    with pytest.raises(ConfigError, match="unfinished build of other settings"):
        place.build(None, "seed=99")
    assert digests(place.output / ".build" / "new") == shards
    place.build(None, "seed=99", overwrite=True)
    assert not (place.output / ".build").exists()


def test_other_settings_never_mix(place: Place) -> None:
    """An unfinished build of other settings is refused; --overwrite removes it completely."""
    place.stop("write .00001.json")
    with pytest.raises(ConfigError, match="unfinished build of other settings"):
        place.build(None, "output.num_shards=1")
    place.build(None, "output.num_shards=1", overwrite=True)
    assert [path.name for path in sorted(place.output.rglob("*.arrow"))] == ["data-00000-of-00001.arrow"]
    assert not (place.output / ".build").exists()


def test_an_unfinished_overwrite_leaves_the_old_dataset(place: Place) -> None:
    """Up to the commit the directory holds what it held, but for the hidden staging place, and no file beside its shards."""
    place.build(None, "seed=1")
    old = digests(place.output)
    with suppress(Stopped):
        place.build(FaultyFiles(fail_at=60), overwrite=True)
    assert (place.output / ".build" / "new").exists()
    assert {name: digest for name, digest in digests(place.output).items() if not name.startswith(".build")} == old


@pytest.mark.parametrize("name", ["os[1]", "a*b", "what?", "[bold]x[/bold]", "deep/er", "ünï cödé"])
def test_any_name_can_be_built_in(place: Place, name: str) -> None:
    """Glob characters, markup, new parents: built, found finished, overwritten."""
    place.build()
    whole = digests(place.output)
    place.output = place.directory / name
    place.build(None, "seed=1")
    place.build(overwrite=True)
    place.build()
    assert digests(place.output) == whole


def test_the_present_directory_can_be_built_in(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-o .` works in an empty directory and over a dataset."""
    place.build()
    whole = digests(place.output)
    (place.directory / "here").mkdir()
    monkeypatch.chdir(place.directory / "here")
    place.output = Path()
    place.build(None, "seed=1")
    place.build(overwrite=True)
    assert digests(Path()) == whole


@pytest.mark.parametrize(("name", "message"), [("file", "is a file"), ("file/below/it", "is inside the file")])
def test_a_path_that_is_no_directory_is_one_line(place: Place, name: str, message: str) -> None:
    """An output path that is a file, or lies below one, is refused; the file is not changed."""
    (place.directory / "file").write_text("mine")
    place.output = place.directory / name
    with pytest.raises(ConfigError, match=message):
        place.build(overwrite=True)
    assert (place.directory / "file").read_text() == "mine"
