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
    "demo": "run the same command again",
    "stats": "run the same command again",
    "validate": "the dataset was not changed",
}
"""What the line of an interrupted command says, by command."""


def main() -> None:
    """Runs the command line; exit code 0, 1 = failed, 2 = bad usage or configuration, 130 or 143 = interrupted."""
    advice = next((AGAIN[word] for word in sys.argv[1:] if word in AGAIN), "")
    run_program(_run, advice=advice)


def _run() -> None:
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    atexit.register(gc.freeze)  # the garbage collector does not look through what the end of the process frees
    from nspdata.cli import app

    app(prog_name="nspdata")


if __name__ == "__main__":
    main()
