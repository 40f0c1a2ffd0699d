"""A DatasetDict keeps its splits: no row of one comes from a document of another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nspdata.arrays.hashing import document_hashes
from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.shards import read_rows
from tests.building.corpus import nspdata_command, records, write_vocabulary

datasets = pytest.importorskip("datasets")


def save(directory: Path, **splits: list[dict[str, str]]) -> Path:
    """Writes a DatasetDict."""
    datasets.DatasetDict({name: datasets.Dataset.from_list(rows) for name, rows in splits.items()}).save_to_disk(
        directory
    )
    return directory


def test_splits_are_kept(tmp_path: Path) -> None:
    """Each split of the output has documents of the same split of the input only; the dataset validates against its source."""
    found = records()
    splits = {"train": found[:40], "validation": found[40:49], "test": found[49:]}
    source = save(tmp_path / "in", **splits)
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    options = ("--set", "output.num_shards=2", "--workers", "1")
    nspdata_command("build", source, "-o", tmp_path / "out", "--tokenizer", vocabulary, *options)
    manifest = read_manifest(tmp_path / "out")
    assert list(manifest.splits) == ["train", "validation", "test"]
    for split, documents in splits.items():
        allowed = document_hashes([record["id"] for record in documents])
        for entry in manifest.splits[split]:
            for rows in read_rows(tmp_path / "out", entry):
                assert np.isin(rows.document_a, allowed).all()
                assert np.isin(rows.document_b, allowed).all()
    nspdata_command("validate", tmp_path / "out", "--source", source)
    assert set(datasets.load_from_disk(tmp_path / "out")) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("splits", "options", "message"),
    [
        (("train", "held_out"), (), "split 'held_out'"),
        (("train", "validation"), ("--set", "output.validation_fraction=0.1"), "validation split of its own"),
    ],
)
def test_splits_that_cannot_be_kept_are_refused(
    tmp_path: Path, splits: tuple[str, ...], options: tuple[str, ...], message: str
) -> None:
    """A split of another name, and two validation splits: a sentence that says what to do, exit code 2."""
    source = save(tmp_path / "in", **{name: records()[number::4] for number, name in enumerate(splits)})
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    done = nspdata_command("build", source, "-o", tmp_path / "out", "--tokenizer", vocabulary, *options, check=False)
    assert done.returncode == 2
    assert message in done.stderr
