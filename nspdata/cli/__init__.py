"""The command line: one module a command; each imports what it runs only when it runs."""

from __future__ import annotations

import importlib

import typer

from nspdata.cli.shell import Shell

app = typer.Typer(
    cls=Shell,
    name="nspdata",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = ("demo", "build", "train_tokenizer", "check_tokenizer", "stats", "show", "validate", "train", "score")
"""Modules of this package, in the order that `--help` shows; each has a `register(app)`."""


@app.callback()
def nspdata() -> None:
    """Documents in, BERT pretraining shards out: build, look at, check, load and train on NSP + MLM data."""


for command in COMMANDS:
    importlib.import_module(f"nspdata.cli.{command}").register(app)
