"""`nspdata stats` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nspdata.cli import app
from nspdata.dataset.manifest import MANIFEST, read_manifest
from nspdata.statistics import from_dict, to_dict, to_json
from nspdata.statistics.figures import figures, values
from nspdata.statistics.recompute import recompute
from tests.datasets import write_dataset


def stats(*arguments: object) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(app, ["stats", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with both splits and its statistics written."""
    directory = write_dataset(tmp_path_factory.mktemp("stats") / "data", rows=120, validation_rows=30)
    (directory / "statistics.json").write_text(to_json(to_dict(recompute(directory))))
    return directory


def test_the_table_shows_the_figures(directory: Path) -> None:
    """Every figure that is not of a distribution stands in the table with its title and its text."""
    found = stats(directory)
    assert found.exit_code == 0
    lines = [" ".join(line.split()) for line in found.output.splitlines()]
    for figure in figures(recompute(directory)):
        if not figure.of:
            assert any(line.startswith(f"{figure.title} {figure.text}") for line in lines), figure


def test_json_holds_statistics_and_figures(directory: Path) -> None:
    """`--json` prints statistics.json and the figures derived from it."""
    printed = json.loads(stats(directory, "--json").output)
    assert from_dict(printed) == recompute(directory)
    assert printed["figures"] == values(figures(recompute(directory)))
    assert printed["never_seen"]
    assert len(printed["never_seen"]) == printed["figures"]["vocabulary_never_seen"]


def test_statistics_are_had_without_their_file(tmp_path: Path) -> None:
    """Without statistics.json, statistics are computed from the shards."""
    bare = write_dataset(tmp_path / "data", rows=120)
    assert json.loads(stats(bare, "--json").output)["rows"] == to_dict(recompute(bare))["rows"]


def test_recompute_says_where_the_file_is_wrong(tmp_path: Path) -> None:
    """Statistics that differ from the rows give a warning; the values from the shards are used."""
    directory = write_dataset(tmp_path / "data", rows=50)
    other = write_dataset(tmp_path / "other", rows=51)
    right = to_dict(recompute(directory))["rows"]
    (directory / "statistics.json").write_text(to_json(to_dict(recompute(other))))
    assert "does not match the rows in the shards" in stats(directory, "--recompute").output
    assert "does not match the rows in the shards" not in stats(directory).output
    assert json.loads(stats(directory, "--recompute", "--json").output)["rows"] == right


def test_two_datasets_stand_side_by_side(directory: Path, tmp_path: Path) -> None:
    """`--compare` gives each figure twice in its line."""
    other = write_dataset(tmp_path / "other", rows=77)
    lines = [" ".join(line.split()) for line in stats(directory, "--compare", other).output.splitlines()]
    assert "Rows 150 77" in lines
    printed = json.loads(stats(directory, "--compare", other, "--json").output)
    assert [dataset["figures"]["rows"] for dataset in printed["datasets"]] == [150, 77]


def test_datasets_of_one_name_are_distinguished(directory: Path, tmp_path: Path) -> None:
    """Directories with equal names are shown with their full paths."""
    other = write_dataset(tmp_path / "data", rows=20)
    found = stats(directory, "--compare", other).output
    assert found.count(str(other)) > 1


def test_a_warning_stands_before_the_tables(tmp_path: Path) -> None:
    """Warnings come first: the rows of the tests are half as long as they may be."""
    lines = stats(write_dataset(tmp_path / "data", rows=300, max_seq_length=128)).output.splitlines()
    warned = [number for number, line in enumerate(lines) if "warning:" in line]
    assert warned
    assert warned[-1] < next(number for number, line in enumerate(lines) if "Splits" in line)


def test_an_unfinished_directory_is_refused(tmp_path: Path) -> None:
    """No manifest: exit code 1 and a line that says what to do."""
    directory = write_dataset(tmp_path / "data", rows=20)
    (directory / MANIFEST).unlink()
    found = stats(directory)
    assert found.exit_code == 1
    assert "not a finished dataset" in found.output


def test_every_split_is_in_the_table(directory: Path) -> None:
    """Splits are listed with their rows."""
    lines = [" ".join(line.split()) for line in stats(directory).output.splitlines()]
    for split, entries in read_manifest(directory).splits.items():
        rows = sum(entry.rows for entry in entries)
        assert any(line.startswith(f"{split} {len(entries)} {rows}") for line in lines)


def test_shortcuts_are_shown_with_their_interval(directory: Path) -> None:
    """`--shortcuts` adds the three guessers, in the table and in JSON."""
    printed = json.loads(stats(directory, "--shortcuts", "--json").output)
    guesses = printed["shortcuts"]["guesses"]
    assert [guess["key"] for guess in guesses] == ["lengths", "overlap", "bags"]
    shown = stats(directory, "--shortcuts").output
    for guess in guesses:
        assert f"{guess['low']:.1%} to {guess['high']:.1%}" in shown
