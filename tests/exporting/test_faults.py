"""Every write, fsync, rename, link and removal of an export fails, one after the other; the same command ends in the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

import nspdata
from nspdata.exporting.options import FORMATS, ExportOptions
from nspdata.exporting.plan import make_plan
from nspdata.exporting.run import run_export
from nspdata.files.local import LocalFiles
from nspdata.testing import FAULTS, Fault
from tests.datasets import write_dataset
from tests.faults import digests, memory, points, replaced

__all__ = ["memory"]


SHORT = [("csv", False), ("hf", True), ("mds", False), ("parquet", True), ("tfrecord", True)]

LONG = [(to, over) for to in FORMATS for over in (False, True)]


@pytest.mark.parametrize(
    ("to", "over", "every"),
    [(*case, len(FAULTS)) for case in SHORT] + [pytest.param(*case, 1, marks=pytest.mark.slow) for case in LONG],
)
def test_every_fault_at_every_step(memory: Path, to: str, every: int, *, over: bool) -> None:
    """A reader sees the old export, the new one, or none where there was none.

    The short run attacks each step with one of the faults.
    """
    data = nspdata.open_dataset(write_dataset(memory / "data", rows=12, num_shards=2, max_seq_length=16))
    other = nspdata.open_dataset(write_dataset(memory / "other", rows=12, num_shards=3, max_seq_length=16, seed=1))
    other.export(memory / "old", to=to, workers=1)
    plan = make_plan(data.directory, str(memory / "out"), ExportOptions.of(to))
    old = digests(memory / "old")

    def export(files: LocalFiles) -> None:
        run_export(plan, num_workers=1, overwrite=over, files=files)

    export(LocalFiles())
    whole, tried = digests(memory / "out"), 0
    for number, fault in enumerate(FAULTS):
        for step in points(
            export,
            lambda: replaced(memory / "out", memory / "old" if over else None),
            fault,
            every=every,
            first=number % every,
        ):
            seen = {name: digest for name, digest in digests(memory / "out").items() if not name.startswith(".build/")}
            if not (memory / "out" / ".build" / "swap.json").exists():
                finished = {name: digest for name, digest in seen.items() if not _is_temporary(name)}
                assert finished in ([old, whole] if over else [{}, whole]), (fault, step)
            export(LocalFiles())
            assert digests(memory / "out") == whole, (fault, step)
            tried += 1
    assert tried >= LEAST_STEPS * len(FAULTS) // every


LEAST_STEPS = 60
"""Steps of the smallest export, one of Parquet files."""


def _is_temporary(name: str) -> bool:
    return name.endswith(".tmp")


def test_a_large_part_is_written_in_pieces(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the second piece of a file leaves no part of it."""
    from nspdata.files import growing

    monkeypatch.setattr(growing, "PIECE_BYTES", 1000)
    data = nspdata.open_dataset(write_dataset(memory / "data", rows=30, num_shards=1, max_seq_length=32))
    plan = make_plan(data.directory, str(memory / "out"), ExportOptions.of("csv"))
    run_export(plan, num_workers=1, files=LocalFiles())
    whole: dict[str, str] = digests(memory / "out")
    faults: tuple[Fault, ...] = ("full", "torn", "lost", "hollow")
    for fault in faults:
        for _ in points(
            lambda files: run_export(plan, num_workers=1, files=files),
            lambda: replaced(memory / "out", None),
            fault,
            every=5,
        ):
            run_export(plan, num_workers=1, files=LocalFiles())
            assert digests(memory / "out") == whole
