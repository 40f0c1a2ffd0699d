"""Every write, fsync, rename and removal of a small build fails, one after the other; nothing is lost and nothing mixed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from nspdata.dataset.manifest import read_manifest
from nspdata.errors import NspdataError
from nspdata.files.local import LocalFiles
from nspdata.testing import FAULTS, Fault
from nspdata.validation.run import validate
from tests.building.corpus import digests
from tests.building.plainly import build_plainly, settings
from tests.building.small import small_lines, write_small_vocabulary
from tests.faults import memory, points, replaced

__all__ = ["memory"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Forty documents, a record that is not a document, and a vocabulary of their words."""
    directory = tmp_path_factory.mktemp("small")
    (directory / "in.jsonl").write_text(small_lines(map(str, range(40)), random.Random(0)) + "{}\n")
    write_small_vocabulary(directory / "vocab.txt")
    return directory / "in.jsonl", directory / "vocab.txt"


class Trial:
    """A build of the small corpus into one directory, over an old dataset or none."""

    def __init__(self, small: tuple[Path, Path], directory: Path, *, over: bool, group_size: int = 1) -> None:
        self.corpus, self.vocabulary = small
        self.group_size = group_size
        self.output, self.directory, self.over = directory / "out", directory, over
        self.old_dataset = directory / "old"
        self._build(self.old_dataset, LocalFiles(), "seed=1", "output.num_shards=3", "output.validation_fraction=0.3")
        self._build(directory / "whole", LocalFiles())
        self.whole, self.old = digests(directory / "whole"), digests(self.old_dataset)

    def reset(self) -> None:
        """Restores the directory as it was before the build."""
        replaced(self.output, self.old_dataset if self.over else None)

    def run(self, files: LocalFiles) -> None:
        """The build."""
        self._build(self.output, files, overwrite=self.over)

    def _build(self, output: Path, files: LocalFiles, *assignments: str, overwrite: bool = False) -> None:
        build_plainly(
            [self.corpus],
            output,
            self.vocabulary,
            settings(*assignments),
            files,
            overwrite=overwrite,
            group_size=self.group_size,
        )

    def present(self) -> dict[str, str] | None:
        """The dataset that a reader sees in a copy of the directory, without what is hidden; None where there is none."""
        copy = self.directory / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        if self.output.exists():
            shutil.copytree(self.output, copy)
        try:
            read_manifest(copy)
        except NspdataError:
            return None
        return {name: digest for name, digest in digests(copy).items() if "/." not in f"/{name}"}


@pytest.mark.parametrize("over", [False, True], ids=["fresh", "overwrite"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("every", [len(FAULTS), pytest.param(1, marks=pytest.mark.slow)])
def test_every_fault_at_every_step(
    small: tuple[Path, Path], memory: Path, fault: Fault, every: int, *, over: bool
) -> None:
    """A reader sees the old dataset, the new one, or none where there was none; the same command ends in the same bytes.

    The short run attacks every step too, each with one fault.
    """
    trial = Trial(small, memory, over=over)
    tried = 0
    for step in points(trial.run, trial.reset, fault, every=every, first=FAULTS.index(fault) % every):
        seen = trial.present()
        assert seen in ([trial.old, trial.whole] if over else [None, trial.whole]), step
        trial.run(LocalFiles())
        assert digests(trial.output) == trial.whole, step
        tried += 1
    assert not validate(trial.output)
    assert tried > 100 // every


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_while_two_shards_are_written_together(
    small: tuple[Path, Path], memory: Path, fault: Fault
) -> None:
    """A group of shards has one result; with a fault at any step, the same command ends in the bytes of a build without groups."""
    trial, plain = Trial(small, memory, over=False, group_size=2), Trial(small, memory / "plain", over=False)
    assert trial.whole == plain.whole
    every = len(FAULTS)
    for step in points(trial.run, trial.reset, fault, every=every, first=FAULTS.index(fault)):
        assert trial.present() in (None, trial.whole), step
        trial.run(LocalFiles())
        assert digests(trial.output) == trial.whole, step
