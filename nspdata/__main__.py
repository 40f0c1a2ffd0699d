"""The `nspdata` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; exit code 0, 1 = failed, 2 = bad usage or configuration."""
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
