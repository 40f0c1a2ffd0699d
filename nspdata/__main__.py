"""The `nspdata` command."""

from __future__ import annotations

import atexit
import gc
import sys

GARBAGE_THRESHOLDS = (100_000, 20, 100)
"""Beam, spaCy and torch make a million objects as they are imported, none of them garbage: the usual 700 cost a second."""


def main() -> None:
    """Runs the command line; exit code 0, 1 = failed, 2 = bad usage or configuration."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    atexit.register(gc.freeze)  # what the end of the process frees is not looked through for garbage
    try:
        from nspdata.cli import app
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich", "click"}:
            raise
        sys.exit(
            f"nspdata: the command line needs {error.name}: pip install 'nspdata[cli]' (or [build], [train], [all])"
        )
    app()


if __name__ == "__main__":
    main()
