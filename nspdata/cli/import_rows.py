"""`nspdata import`."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("import")(import_rows)


def import_rows(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, directories or globs, or their URLs.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--from", help="tfrecord (files of Google's create_pretraining_data.py) or csv (ids as JSON lists)."
        ),
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="OUT", help="Dataset directory to write, or its URL.")
    ],
    tokenizer: Annotated[
        str, typer.Option(metavar="PATH", help="The tokenizer of the ids: vocab.txt, tokenizer.json, or a directory.")
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a dataset in OUT.")] = False,
) -> None:
    """Makes a dataset of rows that another program made, for stats, show, validate, train and export.

    A CSV file has the columns of `nspdata export --to csv`, of either convention; its header says which.
    """
    from nspdata.api.imports import import_rows as run

    command = shlex.join(["nspdata", *sys.argv[1:]])
    dataset = run(inputs, output, kind=kind, tokenizer=tokenizer, overwrite=overwrite, command=command)
    sizes = ", ".join(f"{size.rows:,} rows in {split}" for split, size in dataset.splits.items())
    typer.echo(f"{output}: {sizes}; at most {dataset.metadata.max_seq_length} tokens per row.")
