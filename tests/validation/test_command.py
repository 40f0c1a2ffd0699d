"""`nspdata validate` as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from nspdata.validation import RULES
from tests.building.corpus import nspdata_command
from tests.validation.damage import edit_rows
from tests.validation.test_damaged_rows import other_label


def test_a_sound_dataset(sound: Callable[[str], Path], corpus: Path) -> None:
    """Exit code 0, and a line that says what was checked."""
    done = nspdata_command("validate", sound("nsp"), "--source", corpus)
    assert "is valid: every checksum, row and rule, and every row against its documents" in done.stdout


def test_what_a_user_builds(place: Path, corpus: Path, tmp_path: Path) -> None:
    """A dataset that the whole command has built, on its engine and in two processes, is right."""
    settings = (
        "tokenizer.max_unknown=1.0",
        "input.max_rejected=0.5",
        "output.num_shards=2",
        "pairing.max_seq_length=64",
    )
    command = ("build", corpus, "-o", tmp_path / "data", "--tokenizer", place / "vocab.txt", "--workers", 2)
    nspdata_command(*command, *(part for setting in settings for part in ("--set", setting)))
    done = nspdata_command("validate", tmp_path / "data", "--source", corpus, "--fast")
    assert "is valid" in done.stdout


def test_without_compiled_loops(sound: Callable[[str], Path], corpus: Path) -> None:
    """A machine without numba finds the same."""
    done = nspdata_command("validate", sound("one shard"), "--source", corpus, NSPDATA_NUMBA="0")
    assert "is valid" in done.stdout


def test_a_damaged_dataset(copied: Callable[[str], Path], corpus: Path) -> None:
    """Exit code 1; each rule by name, with the file, the rows and how many; a rule that two checks break is reported once."""
    directory = copied("nsp")
    edit_rows(directory, lambda rows: [other_label(row) for row in rows[:7]])
    (directory / "notes.txt").write_text("mine")
    (directory / "tokenizer" / "tokenizer.json").write_text("{}")
    done = nspdata_command("validate", directory, "--source", corpus, check=False)
    assert done.returncode == 1
    assert "label_documents × " in done.stdout
    assert "train/data-00000-of-00002.arrow, row 0, 1" in done.stdout
    assert "stray_file × 1  notes.txt" in done.stdout
    assert done.stdout.count("tokenizer × 1") == 1
    assert "rules broken" in done.stdout
    assert "Traceback" not in done.stderr


def test_findings_as_json(copied: Callable[[str], Path]) -> None:
    """`--json` prints one object; every finding has its rule, the rule in words, the place and the number."""
    directory = copied("nsp")
    (directory / "notes.txt").write_text("mine")
    done = nspdata_command("validate", directory, "--json", check=False)
    assert done.returncode == 1
    reported = json.loads(done.stdout)
    assert reported["valid"] is False
    assert reported["findings"] == [
        {
            "rule": "stray_file",
            "description": RULES["stray_file"],
            "file": "notes.txt",
            "count": 1,
            "rows": [],
            "message": "no build of this dataset wrote this file",
        }
    ]


def test_mistakes_of_usage(sound: Callable[[str], Path], corpus: Path, tmp_path: Path) -> None:
    """Two directories, a directory that is not a dataset and a missing input are reported in one line each."""
    for arguments, code, message in (
        ((sound("nsp"), corpus), 2, "--source"),
        ((tmp_path,), 1, "not a finished dataset"),
        ((sound("nsp"), "--source", tmp_path / "missing.jsonl"), 1, "matches no file"),
    ):
        done = nspdata_command("validate", *arguments, check=False)
        assert done.returncode == code
        assert message in done.stderr
        assert "Traceback" not in done.stderr
