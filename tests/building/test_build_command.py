"""`nspdata build`: checks before and after its work, exit codes, and the last screen."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from nspdata.cli import app
from nspdata.cli.layout import print_pairs, print_warnings
from nspdata.cli.summary import summary_pairs
from nspdata.dataset.manifest import MANIFEST, read_manifest
from nspdata.statistics.checks import DataWarning
from nspdata.statistics.recompute import read_statistics
from tests.building.corpus import records, write_jsonl, write_vocabulary


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocabulary, and corpora with and without punctuation."""
    place = tmp_path_factory.mktemp("command")
    write_vocabulary(place / "vocab.txt")
    some = [{"id": str(n), "text": record["text"][:4000]} for n, record in enumerate(records()[:25])]
    write_jsonl(place / "sound.jsonl", some)
    letters = str.maketrans(dict.fromkeys(".!?\n", " "))
    write_jsonl(place / "plain.jsonl", [{**record, "text": record["text"].translate(letters)} for record in some])
    return place


def build(place: Path, corpus: str, output: str, *arguments: str) -> Result:
    """Runs the command in this process, with one worker."""
    own = [
        "build",
        place / corpus,
        "-o",
        place / output,
        "--tokenizer",
        place / "vocab.txt",
        "--workers",
        "1",
        *arguments,
    ]
    return CliRunner().invoke(app, list(map(str, own)))


WITHOUT_CUTTING = ("--set", "pairing.fill=overshoot", "--set", "sentences.max_tokens=100000")


def test_text_without_punctuation_stops_before_the_work(place: Path) -> None:
    """Exit code 1, the share of lost tokens or the labels, the way to raise the limit, and nothing written."""
    done = build(place, "plain.jsonl", "stopped", *WITHOUT_CUTTING)
    assert done.exit_code == 1
    assert "the build stops before its work (over a hard limit)" in done.output
    assert "raise the limit limits.max_unused_tokens = 0.5 with --set limits.max_unused_tokens=0.9" in done.output
    assert not (place / "stopped").exists()


def test_a_limit_raised_by_name_lets_the_build_go(place: Path) -> None:
    """With the limit raised by its setting the same corpus builds, and the warnings are printed last."""
    raised = ("--set", "limits.max_unused_tokens=1", "--set", "limits.max_label_error=1")
    done = build(place, "plain.jsonl", "raised", *WITHOUT_CUTTING, *raised)
    assert done.exit_code == 0, done.output
    assert (place / "raised" / MANIFEST).exists()


def test_strict_fails_before_the_work_on_any_warning(place: Path) -> None:
    """A corpus with one empty text in five: a warning, and with --strict a failure."""
    some = [{"id": str(n), "text": "" if n % 5 == 0 else record["text"]} for n, record in enumerate(records()[:20])]
    write_jsonl(place / "empty.jsonl", some)
    done = build(place, "empty.jsonl", "strict", "--strict")
    assert done.exit_code == 1
    assert "20.0% of the records have no text" in done.output
    assert not (place / "strict").exists()


def test_the_last_screen_has_the_real_figures(place: Path) -> None:
    """Documents, tokens used, label share, time and memory; then the warnings; the card and `stats` have the same ones."""
    done = build(place, "empty.jsonl", "screen", "--set", "pairing.max_seq_length=64")
    assert done.exit_code == 0, done.output
    output = place / "screen"
    built = read_manifest(output).counts["built"]
    assert f"{built['used_tokens'] / built['tokens']:.1%} of them in a row of their own document" in done.stdout
    for text in ("4 of 20 records without text", "of text per second", "peak memory of all processes", "wanted: 50.0%"):
        assert text in done.stdout
    assert "made" + " up for" not in done.output
    lines = done.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("warning: "))
    assert all(line.startswith("warning: ") for line in lines[first:])
    assert "`empty_share`: 20.0% of the records have no text" in (output / "README.md").read_text(encoding="utf-8")
    shown = CliRunner().invoke(app, ["stats", str(output)]).output
    assert "20.0% of the records have no text" in " ".join(shown.split())


def test_strict_at_the_end_keeps_the_dataset(place: Path) -> None:
    """A finished dataset with a warning: exit code 1 with --strict, and the dataset stays."""
    done = build(place, "empty.jsonl", "screen", "--set", "pairing.max_seq_length=64", "--strict")
    assert done.exit_code == 1
    assert "is complete and is kept" in done.output
    assert (place / "screen" / MANIFEST).exists()


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_the_screen_fits_a_terminal(width: int, place: Path) -> None:
    """No line is wider than the terminal, whatever its width; a file has one line per figure."""
    output = place / "screen"
    pairs = summary_pairs(read_manifest(output), read_statistics(output))
    warning = DataWarning(key="a", message="a figure is out of range and a long remedy follows it " * 4)
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, no_color=True, width=width, highlight=False, markup=False)
    print_pairs(terminal, pairs, title="Built")
    print_warnings(terminal, [warning])
    lines = shown.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    assert max(map(len, lines)) <= width
    filed = io.StringIO()
    print_pairs(Console(file=filed, width=width), pairs)
    assert len(filed.getvalue().splitlines()) == len(pairs)
