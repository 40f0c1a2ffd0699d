"""The command line: one line per mistake, no other output, exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import nspdata
from nspdata.cli import app, app_for
from tests.building.corpus import INAUGURAL, write_vocabulary
from tests.datasets import write_dataset
from tests.processes import lines_without_warnings


def run(*arguments: object, check: int = 0, **more: object) -> subprocess.CompletedProcess[str]:
    """Runs `nspdata`; its exit code must be `check`."""
    environment = {**os.environ, **more.pop("env", {})}  # type: ignore[dict-item]
    command = [sys.executable, *more.pop("python", []), "-m", "nspdata", *map(str, arguments)]  # type: ignore[misc]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=environment, **more)  # type: ignore[call-overload]
    assert done.returncode == check, done.stderr
    return done


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset directory."""
    return write_dataset(tmp_path_factory.mktemp("dataset") / "data")


def test_the_version_is_printed() -> None:
    """`--version` works without a command."""
    assert run("--version").stdout == f"nspdata {nspdata.__version__}\n"


def test_completion_is_offered() -> None:
    """Shell completion prints a script and completes the command names."""
    env = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    assert "_nspdata_completion" in run("--show-completion", "bash", env=env).stdout
    assert "--install-completion" in run("--help").stdout
    words = {"_NSPDATA_COMPLETE": "complete_bash", "COMP_WORDS": "nspdata va", "COMP_CWORD": "1"}
    assert run(env=words).stdout.split() == ["validate"]


def test_each_command_is_made_alone() -> None:
    """Under the name that the help shows; all are made for any other word."""
    every = list(get_command(app).commands)  # type: ignore[attr-defined]
    assert every[:4] == ["demo", "build", "train-tokenizer", "check-tokenizer"]
    for name in every:
        assert list(get_command(app_for([name, "x"])).commands) == [name]  # type: ignore[attr-defined]
    for words in ([], ["biuld"], ["--help"], ["train_tokenizer"], ["import_rows"]):
        assert list(get_command(app_for(words)).commands) == every  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [(["biuld"], "'build'"), (["stats", "x", "--jsn"], "--json"), (["--versoin"], "--version")],
)
def test_a_misspelt_word_names_the_nearest(arguments: list[str], nearest: str) -> None:
    """A misspelt command or option gives an error with the nearest one."""
    assert nearest in run(*arguments, check=2).stderr


def test_without_arguments_the_help_is_printed() -> None:
    """Without a command, the help is printed and the exit code is 2."""
    done = run(check=2)
    assert "Usage: nspdata" in done.stdout + done.stderr


def test_warnings_as_errors_are_survived() -> None:
    """`--help` prints no warning."""
    assert "build" in run("--help", python=["-W", "error"]).stdout


@pytest.mark.parametrize("command", ["", "build", "show", "validate", "train-tokenizer"])
def test_help_fits_a_narrow_terminal(command: str) -> None:
    """At 40 columns no option is cut off, and no line is longer than the terminal is wide."""
    printed = run(*command.split(), "--help", env={"COLUMNS": "40", "NO_COLOR": "1"}).stdout
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed
    assert "\x1b" not in printed
    assert "--help" in printed
    assert max(map(len, printed.splitlines())) <= 60


def test_a_closed_pipe_is_no_error(dataset: Path) -> None:
    """A closed pipe (`| head`) ends the command without a message."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "nspdata", "show", str(dataset), "-n", "3", "--json"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_stdout_is_one_line(dataset: Path) -> None:
    """Output that cannot be printed is one error."""
    command = [sys.executable, "-m", "nspdata", "stats", str(dataset), "--json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "nspdata: no space left on device; free disk space, then run the same command again\n"


def test_json_is_utf_8_in_every_locale(dataset: Path) -> None:
    """JSON output is UTF-8 in every locale, ASCII included."""
    env = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    printed = run("show", dataset, "--json", env=env).stdout
    assert printed == run("show", dataset, "--json").stdout
    assert all(json.loads(line) for line in printed.splitlines())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, workers: int) -> None:
    """A disk that is full in the middle of a build (here: a limit on files) gives one line with the path, no traceback."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    command = ["build", INAUGURAL, "-o", tmp_path / "out", "--tokenizer", vocabulary, "--workers", workers]
    limit = (150_000, 150_000)
    done = run(*command, check=1, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert len(lines_without_warnings(done.stderr)) == 1, done.stderr
    assert str(tmp_path / "out") in done.stderr
    assert "file too large; raise the limit" in done.stderr


@pytest.mark.parametrize(
    "command", [["stats"], ["stats", "--json"], ["show", "-n", "1"], ["show", "--json"], ["validate"]]
)
def test_commands_print_to_any_stream(command: list[str], dataset: Path) -> None:
    """A program that runs a command with stdout replaced by a `StringIO`, as a notebook does, gets the text."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        assert app([command[0], str(dataset), *command[1:]], standalone_mode=False) in {None, 0, 1}
    assert len(text.getvalue()) > 10
