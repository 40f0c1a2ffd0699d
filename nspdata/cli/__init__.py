"""The command line: one module per command; each imports what it needs only when it runs."""

from __future__ import annotations

import importlib
import shutil
from typing import Annotated

import typer

from nspdata.cli.shell import Shell

MIN_COLUMNS = 60
"""Columns that the tables of `--help` need; a narrower terminal gets plain text."""

app = typer.Typer(
    cls=Shell,
    name="nspdata",
    no_args_is_help=True,
    rich_markup_mode="rich" if shutil.get_terminal_size().columns >= MIN_COLUMNS else None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = (
    "demo",
    "build",
    "train_tokenizer",
    "check_tokenizer",
    "sentences",
    "stats",
    "show",
    "validate",
    "export",
    "import_rows",
    "train",
    "score",
    "evaluate",
    "examples",
)
"""Modules of this package, in the order that `--help` shows; each has a `register(app)`."""


def _print_version(*, wanted: bool) -> None:
    if wanted:
        import nspdata as package

        typer.echo(f"nspdata {package.__version__}")
        raise typer.Exit


@app.callback()
def nspdata(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and exit.",
            is_eager=True,
            callback=lambda wanted: _print_version(wanted=wanted),
        ),
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Print the traceback of an error too (or set NSPDATA_TRACEBACK=1).")
    ] = False,
) -> None:
    """Builds, checks and shows BERT pretraining data (NSP + MLM) from documents, and trains on it."""


for command in COMMANDS:
    importlib.import_module(f"nspdata.cli.{command}").register(app)
