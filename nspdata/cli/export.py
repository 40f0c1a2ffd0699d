"""`nspdata export`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(export)


def export(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A dataset directory, or its URL.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="mds (mosaicml-streaming, ModernBERT), parquet, tfrecord (Google's BERT), hf (padded, for a plain Trainer) or csv.",
        ),
    ],
    output: Annotated[str, typer.Option("-o", "--output", metavar="DEST", help="Directory to write, or its URL.")],
    split: Annotated[list[str] | None, typer.Option(help="Only this split; may be repeated.")] = None,
    convention: Annotated[
        str, typer.Option(help="Labels of a CSV file: hf (0 = next), or ibm (1 = next; segment ids 1 and 2).")
    ] = "hf",
    masking: Annotated[
        str | None,
        typer.Option(
            help="static: the masks of the dataset; none: the original ids. Default: none for mds, static for the others.",
            show_default=False,
        ),
    ] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="Also write the documents and sentences that each row comes from.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes; 0: one per processor.", min=0)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another export in DEST.")] = False,
) -> None:
    """Writes the rows of a dataset in the format of another training loop, with a manifest of sizes and checksums.

    The same command resumes an interrupted export. See docs/export.md.
    """
    from nspdata.api.datasets import open_dataset

    with _showing() as show:
        exported = open_dataset(dataset).export(
            output,
            to=to,
            splits=split,
            convention=convention,
            masking=masking,
            trace=trace,
            workers=workers,
            overwrite=overwrite,
            on_part=show,
        )
    sizes = ", ".join(
        f"{sum(entry.rows for entry in entries):,} rows in {name}" for name, entries in exported.splits.items()
    )
    typer.echo(f"{output}: {sizes}; {exported.bytes / 1e6:,.1f} MB of {to}.")


@contextmanager
def _showing() -> Iterator[Callable[[int, int], None]]:
    """Returns a function that shows the number of finished shards on stderr, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console

    with Console(stderr=True).status("exporting") as status:
        yield lambda done, total: status.update(f"{done:,} of {total:,} shards exported")
