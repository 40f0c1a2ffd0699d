"""`nspdata examples`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DIRECTORIES = (Path(__file__).parents[1] / "examples", Path(__file__).parents[2] / "examples")
"""Directories of the examples: in an installed package, and in a checkout."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(examples)


def examples(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Copy the examples to this directory.")
    ] = None,
) -> None:
    """Lists the example programs with their purpose, or copies them to a directory."""
    import ast
    import shutil

    source = next(path for path in DIRECTORIES if path.is_dir())
    if directory is None:
        for path in sorted(source.rglob("*.py")):
            doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            typer.echo(f"{path.relative_to(source)!s:36} {doc.splitlines()[0] if doc else ''}")
        typer.echo("nspdata examples DIR copies them.")
        return
    from nspdata.errors import ConfigError

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(f"{directory} is not an empty directory; name one that does not exist")
    shutil.copytree(source, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    typer.echo(f"Copied the examples to {directory}.")
