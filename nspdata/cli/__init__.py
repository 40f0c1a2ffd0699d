"""The command line: one module per command; each imports what it needs only when it runs."""

from __future__ import annotations

import importlib
import shutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nspdata.cli.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    app: typer.Typer

MIN_COLUMNS = 60
"""Columns that the tables of `--help` need; a narrower terminal gets plain text."""

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


def __getattr__(name: str) -> Any:
    """`app`, the application with all commands, is made when it is first used."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = _app(COMMANDS)
    return globals()[name]


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The application for these arguments: with the command that they begin with, which is much quicker to make than all."""
    name = arguments[0] if arguments else ""
    module = "import_rows" if name == "import" else name.replace("-", "_")
    return _app([module] if module in COMMANDS and "_" not in name else COMMANDS)


def _app(modules: Iterable[str]) -> typer.Typer:
    made = typer.Typer(
        cls=Shell,
        name="nspdata",
        no_args_is_help=True,
        rich_markup_mode="rich" if shutil.get_terminal_size().columns >= MIN_COLUMNS else None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(nspdata)
    for module in modules:
        importlib.import_module(f"nspdata.cli.{module}").register(made)
    return made


def _print_version(*, wanted: bool) -> None:
    if wanted:
        import nspdata as package

        typer.echo(f"nspdata {package.__version__}")
        raise typer.Exit


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
