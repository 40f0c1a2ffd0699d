"""`nspdata examples` lists and copies the example programs."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from nspdata.cli import app

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_examples_are_listed_and_copied(tmp_path: Path) -> None:
    """Each example is listed with its purpose; the copies are the files of the repository."""
    listed = CliRunner().invoke(app, ["examples"]).output
    names = sorted(path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*.py"))
    assert [line.split()[0] for line in listed.splitlines()[:-1]] == [str(name) for name in names]
    assert "A Beam pipeline with a cleaning step" in listed
    target = tmp_path / "copies"
    assert CliRunner().invoke(app, ["examples", str(target)]).exit_code == 0
    assert sorted(path.relative_to(target) for path in target.rglob("*.py")) == names
    assert (target / "beam_pipeline.py").read_bytes() == (EXAMPLES / "beam_pipeline.py").read_bytes()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A target directory that is not empty is refused."""
    (tmp_path / "mine.txt").write_text("mine")
    done = CliRunner().invoke(app, ["examples", str(tmp_path)])
    assert done.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
