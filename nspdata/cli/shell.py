"""What every command shares: errors become one line on stderr and an exit code."""

from __future__ import annotations

import sys
from typing import Any

import typer.core

from nspdata.errors import ConfigError, NspdataError


class Shell(typer.core.TyperGroup):
    """Runs a command; an error that a user can mend is printed without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Exit code 2 for bad usage or configuration, 1 for what failed, 130 for Ctrl-C."""
        try:
            return super().invoke(ctx)
        except NspdataError as error:
            self._fail(str(error), 2 if isinstance(error, ConfigError) else 1)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("nspdata"):
                raise
            self._fail(f"this command needs the package {error.name!r}: pip install 'nspdata[all]'", 1)
        except KeyboardInterrupt:
            self._fail("interrupted", 130)

    @staticmethod
    def _fail(message: str, code: int) -> None:
        print(f"nspdata: {message}", file=sys.stderr)  # noqa: T201 - rich would break the lines
        raise SystemExit(code)
