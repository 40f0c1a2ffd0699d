"""Every command that reads inputs excludes files and takes a field by file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nspdata.cli import app
from tests.building.corpus import write_vocabulary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files with different text fields, and one file to exclude."""
    place = tmp_path / "in"
    place.mkdir()
    for name, field, text in (
        ("a", "text", "He left. She stayed."),
        ("b", "body", "It rained. It poured."),
        ("old", "text", "Stale. Gone."),
    ):
        (place / f"{name}.jsonl").write_text(json.dumps({"id": name, field: text}) + "\n", encoding="utf-8")
    return place


OPTIONS = ["--exclude", "old*", "--text-field", "b.*=body", "--text-field", "text"]


def test_sentences(folder: Path) -> None:
    """`sentences` prints the sentences of the selected files, from the selected field."""
    done = CliRunner().invoke(app, ["sentences", str(folder), *OPTIONS])
    assert done.output.splitlines() == ["He left.", "She stayed.", "It rained.", "It poured."]


def test_check_tokenizer(folder: Path, tmp_path: Path) -> None:
    """`check-tokenizer` reads the two texts of the selected files."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    done = CliRunner().invoke(app, ["check-tokenizer", str(vocabulary), str(folder), *OPTIONS, "--json"])
    assert json.loads(done.output)["texts"] == 2


def test_train_tokenizer(folder: Path, tmp_path: Path) -> None:
    """Words of the fields that are named are learnt, those of other files are not."""
    command = ["train-tokenizer", str(folder), "-o", str(tmp_path / "out"), *OPTIONS, "--min-frequency", "1"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    learnt = (tmp_path / "out/vocab.txt").read_text(encoding="utf-8").splitlines()
    assert {"rained", "stayed"} <= {*learnt}
    assert "stale" not in learnt
