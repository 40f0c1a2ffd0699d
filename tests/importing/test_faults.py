"""Every write, fsync, rename, link and removal of an import fails, one after the other; nothing is lost and nothing mixed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

import nspdata
from nspdata.dataset.manifest import read_manifest
from nspdata.errors import ConfigError, NspdataError
from nspdata.files.local import LocalFiles
from nspdata.importing.run import make_import, run_import
from nspdata.testing import FAULTS
from tests.datasets import write_dataset
from tests.faults import digests, first_move, memory, points, replaced

__all__ = ["memory"]


def visible(directory: Path, copy: Path) -> dict[str, str] | None:
    """The dataset that a reader sees in a copy of the directory; None where there is none."""
    replaced(copy, directory if directory.exists() else None)
    try:
        read_manifest(copy)
    except NspdataError:
        return None
    return {
        name: digest
        for name, digest in digests(copy).items()
        if not name.split("/")[-1].startswith(".") and not name.startswith(".build")
    }


@pytest.mark.parametrize("over", [False, True], ids=["fresh", "overwrite"])
@pytest.mark.parametrize("every", [len(FAULTS), pytest.param(1, marks=pytest.mark.slow)])
def test_every_fault_at_every_step(memory: Path, every: int, *, over: bool) -> None:
    """A reader sees the old dataset, the new one, or none where there was none; the same command ends in the same bytes."""
    data = write_dataset(memory / "data", rows=12, num_shards=2, max_seq_length=16)
    nspdata.open_dataset(data).export(memory / "csv", to="csv", workers=1)
    write_dataset(memory / "old", rows=9, num_shards=3, max_seq_length=16, seed=1)
    job = make_import([str(memory / "csv")], "csv", str(data / "tokenizer" / "vocab.txt"))
    out, old = memory / "out", digests(memory / "old")

    def run(files: LocalFiles) -> None:
        run_import(job, str(out), overwrite=over, files=files)

    run(LocalFiles())
    whole, tried = digests(out), 0
    for number, fault in enumerate(FAULTS):
        for step in points(
            run, lambda: replaced(out, memory / "old" if over else None), fault, every=every, first=number % every
        ):
            assert visible(out, memory / "copy") in ([old, whole] if over else [None, whole]), (fault, step)
            with contextlib.suppress(ConfigError):  # it was finished, and is refused as a dataset that is there
                run(LocalFiles())
            assert digests(out) == whole, (fault, step)
            tried += 1
    assert tried >= 60 * len(FAULTS) // every


def test_an_import_that_was_interrupted_in_the_swap_is_completed(memory: Path) -> None:
    """The same command returns the finished dataset; another import does not discard it."""
    from nspdata.testing import FaultyFiles, Stopped

    data = write_dataset(memory / "data", rows=12, num_shards=2, max_seq_length=16)
    vocabulary = str(data / "tokenizer" / "vocab.txt")
    nspdata.open_dataset(data).export(memory / "csv", to="csv", workers=1)
    job, out = make_import([str(memory / "csv")], "csv", vocabulary), str(memory / "out")
    steps = FaultyFiles()
    run_import(job, str(memory / "whole"), files=steps)
    with pytest.raises(Stopped):
        run_import(job, out, files=FaultyFiles(fail_at=first_move(steps.log) + 2))
    other = make_import([str(memory / "csv" / "train" / "data-00000-of-00002.csv")], "csv", vocabulary)
    with pytest.raises(ConfigError, match="already holds a dataset"):
        run_import(other, out)
    assert digests(memory / "out") == digests(memory / "whole")
