"""The `nspdata` command."""

from __future__ import annotations

import atexit
import gc
import sys

from nspdata.boundary import run_program

GARBAGE_THRESHOLDS = (100_000, 20, 100)
"""Beam, spaCy and torch make a million objects as they are imported, none of them garbage: the usual 700 cost a second."""


AGAIN = {
    "build": "the same command resumes the build",
    "train": "the same command with --resume continues from the last checkpoint",
    "train-tokenizer": "run the same command again",
    "export": "the same command resumes the export",
    "import": "run the same command again",
    "demo": "run the same command again",
    "stats": "run the same command again",
    "validate": "the dataset was not changed",
}
"""What the line of an interrupted command says, by command."""


TERMINAL = {"typer", "click", "rich"}
"""Packages of the command line itself; every extra with a command has them."""

NEEDED = {
    "build": "apache_beam",
    "check-tokenizer": "spacy",
    "demo": "spacy",
    "evaluate": "torch",
    "score": "torch",
    "sentences": "spacy",
    "train": "torch",
    "train-tokenizer": "spacy",
}
"""A package that a command needs, by command."""


def main() -> None:
    """Runs the command line; exit code 0, 1 = failed, 2 = bad usage or configuration, 130 or 143 = interrupted."""
    advice = next((AGAIN[word] for word in sys.argv[1:] if word in AGAIN), "")
    run_program(_run, advice=advice)


def _run() -> None:
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    atexit.register(gc.freeze)  # the garbage collector does not look through what the end of the process frees
    try:
        from nspdata.cli import app_for
    except ModuleNotFoundError as error:
        if error.name not in TERMINAL:
            raise
        _without_terminal(error)
        return
    app_for(sys.argv[1:])(prog_name="nspdata")


def _without_terminal(error: ModuleNotFoundError) -> None:
    """Prints the version, or names the extra of the command, where the packages of the command line are not installed.

    Raises:
        ModuleNotFoundError: named after a package that the extra of the command installs.
    """
    if sys.argv[1:] == ["--version"]:
        import nspdata

        print(f"nspdata {nspdata.__version__}")  # noqa: T201
        return
    needed = next((NEEDED[word] for word in sys.argv[1:] if word in NEEDED), error.name)
    raise ModuleNotFoundError(name=needed) from error


if __name__ == "__main__":
    main()
