"""Shared by all commands: prints errors as one line on stderr and sets the exit code."""

from __future__ import annotations

import io
import sys
from typing import Any

import typer
import typer.core

from nspdata.boundary import one_line_errors


class Shell(typer.core.TyperGroup):
    """Runs a command. Exit code 2 for bad usage or configuration, 1 for other errors, 130 for Ctrl-C."""

    def invoke(self, ctx: Any) -> Any:
        """Prints errors as one line; does not handle the exceptions with which typer exits or reports bad usage."""
        passing: BaseException | None = None
        with one_line_errors():
            try:
                return super().invoke(ctx)
            except Exception as error:
                if not _is_of_typer(error):
                    raise
                passing = error
        raise passing


def _is_of_typer(error: Exception) -> bool:
    """Whether typer handles an exception (exit, abort, bad usage)."""
    return any(kind.__module__.partition(".")[0] in {"typer", "click"} for kind in type(error).__mro__)


def set_stdout(*, encoding: str | None = None, errors: str | None = None) -> None:
    """Sets `encoding` or `errors` of stdout; ignored if a program replaced stdout by a stream without them, such as `io.StringIO`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding, errors=errors)
