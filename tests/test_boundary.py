"""Errors that a user can cause are one line with a remedy and an exit code; others are said to be a bug."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nspdata
from nspdata.boundary import TRACEBACK, bug, explain, one_line_errors, take_traceback_option
from nspdata.errors import EXTRAS, ConfigError, InputError, UnsoundInputError, naming_extra


def decode_error() -> UnicodeDecodeError:
    try:
        b"ab\xff".decode()
    except UnicodeDecodeError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (ConfigError("a setting"), "a setting", 2),
        (InputError("an input"), "an input", 1),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/out"),
            "/data/out: no space left on device; free disk space, then run the same command again",
            1,
        ),
        (PermissionError(errno.EACCES, "Permission denied", "a\nb"), "a\\nb: permission denied; change the perm", 1),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "x"), "x: is a directory; this is a directory; give", 1),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "x/y"), "x/y: not a directory; a part of this path", 1),
        (ConnectionResetError("gone"), "gone; check the path and the connection", 1),
        (MemoryError(), "out of memory; use fewer --workers", 1),
        (decode_error(), "the text is not UTF-8 (0xff at byte 2); save it as UTF-8", 1),
        (ModuleNotFoundError(name="apache_beam.io"), "'apache_beam': pip install 'nspdata[build]'", 1),
        (ModuleNotFoundError(name="torch"), "'torch': pip install 'nspdata[train]'", 1),
        (ModuleNotFoundError(name="unheard_of"), "'unheard_of': pip install 'nspdata[all]'", 1),
    ],
)
def test_an_error_is_explained(error: Exception, line: str, code: int) -> None:
    """The path, the reason and the remedy; 2 only for bad usage and settings."""
    explained = explain(error)
    assert explained
    assert line in explained[0]
    assert explained[1] == code


def test_a_bug_is_said_to_be_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of an unexpected exception has its type, its location and the way to the traceback."""
    monkeypatch.delenv(TRACEBACK, raising=False)
    with pytest.raises(SystemExit) as ended, one_line_errors():
        {}["key"]
    assert ended.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith("nspdata: this is a bug in nspdata (KeyError: 'key'")
    assert "--traceback" in printed
    assert printed.count("\n") == 1


def test_a_traceback_is_printed_on_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--traceback` the traceback is printed before the error line."""
    monkeypatch.setenv(TRACEBACK, "1")
    with pytest.raises(SystemExit), one_line_errors():
        raise InputError("rule")
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback (most recent call last)")
    assert printed.endswith("\nnspdata: rule\n")


def test_the_option_is_taken_anywhere_before_two_dashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--traceback` works before or after the command, but not after `--` (Beam's options)."""
    monkeypatch.setenv(TRACEBACK, "")
    assert take_traceback_option(["build", "--", "--traceback"]) == ["build", "--", "--traceback"]
    assert not os.environ[TRACEBACK]
    assert take_traceback_option(["build", "x", "--traceback", "--", "y"]) == ["build", "x", "--", "y"]
    assert os.environ[TRACEBACK] == "1"


def test_a_bug_line_is_short() -> None:
    """The line for an unexpected error shortens a long message."""
    assert len(bug(ValueError("x\n" * 10_000))) < 500


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [(["build", "in", "-o", "out"], "build"), (["train", "data", "-o", "run"], "train"), (["stats", "out"], "cli")],
)
def test_without_the_packages_of_the_command_line_the_extra_of_the_command_is_named(
    arguments: list[str], extra: str
) -> None:
    """`pip install nspdata` without extras: one line that installs all that the command needs; `--version` works."""
    done = without_typer(*arguments)
    assert done.returncode == 1
    assert f"pip install 'nspdata[{extra}]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_version_needs_no_extra() -> None:
    """`--version` works without any extra and prints only the name and the version."""
    done = without_typer("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"nspdata {nspdata.__version__}\n", "")


def without_typer(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command where typer, click and rich cannot be imported."""
    hidden = "import sys; sys.modules.update(dict.fromkeys(('typer', 'click', 'rich')))"
    program = f"{hidden}; from nspdata.__main__ import main; main()"
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


def test_python_functions_name_the_extra() -> None:
    """The exception is still a `ModuleNotFoundError` of the package."""
    program = "import sys; sys.modules['tokenizers'] = None; import nspdata; nspdata.build('in', 'out', tokenizer='t')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: nspdata.build needs the package 'tokenizers': pip install 'nspdata[build]'"
    )


def test_a_module_of_nspdata_is_not_a_missing_package() -> None:
    """A missing package gets its extra; a wrong import of nspdata itself is raised unchanged."""
    with (
        pytest.raises(
            ModuleNotFoundError, match=r"^Dataset.report needs .*'sklearn': pip install 'nspdata\[report\]'$"
        ),
        naming_extra("Dataset.report"),
    ):
        raise ModuleNotFoundError(name="sklearn.ensemble")
    with pytest.raises(ModuleNotFoundError, match=r"^wrong$"), naming_extra("Dataset.report"):
        raise ModuleNotFoundError("wrong", name="nspdata.wrong")


def test_every_extra_exists() -> None:
    """The table names only extras that pyproject.toml declares."""
    import tomllib

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS.values()) <= set(project["optional-dependencies"])


def test_findings_are_a_list_and_other_errors_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Only an error with several findings keeps its lines."""
    for error, printed in (
        (UnsoundInputError("stops:\n  - a\n  - b"), "nspdata: stops:\n  - a\n  - b\n"),
        (InputError("a\nb"), "nspdata: a b\n"),
    ):
        with pytest.raises(SystemExit), one_line_errors():
            raise error
        assert capsys.readouterr().err == printed


PROGRAM = """
import sys, threading, time
from pathlib import Path

from nspdata.boundary import run_program

def list_inputs():
    from nspdata.config.input import InputConfig
    from nspdata.files.local import LocalFiles
    from nspdata.reading import expand_inputs

    expand_inputs([sys.argv[1]], LocalFiles(), InputConfig())

def fail_with_a_thread():
    threading.Thread(target=time.sleep, args=(600,)).start()
    raise MemoryError

run_program({0})
"""


def program(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a function of `PROGRAM` as the commands run theirs."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{0}", name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
        timeout=100,
    )


@pytest.mark.parametrize("traceback", ["0", "1"])
def test_a_program_prints_the_warnings_of_the_package(tmp_path: Path, traceback: str) -> None:
    """Skipped and empty files are named on stderr, once each, one line per warning whatever the names hold."""
    (tmp_path / "a.jsonl").write_text('{"id": "1", "text": "Kept."}\n')
    (tmp_path / "b.jsonl").write_text("")
    for stray in ("n.feather", "no_suffix", "two\nlines.doc"):
        (tmp_path / stray).write_text("stray")
    done = program("list_inputs", str(tmp_path), **{TRACEBACK: traceback})
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        r"warning: skipped, because they are not documents (3): n.feather, no_suffix, two\nlines.doc",
        "warning: empty files (1): b.jsonl",
    ]


def test_a_failed_rank_ends_at_once() -> None:
    """Under torchrun, a rank that failed does not wait for its threads: the other ranks would wait for it."""
    done = program("fail_with_a_thread", TORCHELASTIC_RUN_ID="none")
    assert done.returncode == 1
    assert done.stderr.startswith("nspdata: out of memory")
