"""`nspdata stats`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nspdata.cli.shell import set_stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from nspdata.inspection import Overview
    from nspdata.statistics.figures import Figure

SHOWN_TOKENS = 12

LEAST_WIDTH_OF_NOTES = 80
"""Minimum width in columns for notes; a narrower terminal shows only the figures."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(stats)


def stats(
    output: Annotated[str, typer.Argument(metavar="OUT", help="A dataset directory, or its URL.")],
    compare: Annotated[str | None, typer.Option(metavar="OTHER", help="Another dataset to compare with.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report instead: one HTML file with plots.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    recomputed: Annotated[
        bool, typer.Option("--recompute", help="Recompute the statistics of the rows from the shards.")
    ] = False,
    shortcuts: Annotated[
        bool,
        typer.Option(
            "--shortcuts", help="Test how well the label can be guessed from lengths and words alone (some seconds)."
        ),
    ] = False,
) -> None:
    """Shows the statistics of a dataset as a table, as JSON, or as a report with plots; warnings come first."""
    from nspdata.api.datasets import open_dataset

    opened = [open_dataset(directory) for directory in (output, compare) if directory]
    datasets = [(dataset.recompute() if recomputed else dataset).overview(shortcuts=shortcuts) for dataset in opened]
    if html:
        from nspdata.inspection.report.page import write_report

        write_report(datasets, html)
        typer.echo(f"Wrote {html}: open it in a browser.", err=True)
    if as_json:
        described = [dataset.to_json() for dataset in datasets]
        print(json.dumps(described[0] if len(described) == 1 else {"datasets": described}))  # noqa: T201 - rich would fold it
    elif not html:
        _print(datasets)


def _print(datasets: Sequence[Overview]) -> None:
    from rich.console import Console

    from nspdata.cli.layout import print_warnings

    set_stdout(errors="backslashreplace")  # a terminal without Unicode
    console = Console(highlight=False, markup=False, emoji=False)
    for dataset in datasets:
        console.print(f"{dataset.directory}", style="bold", soft_wrap=True)
        print_warnings(console, dataset.warnings)
    console.print(_splits(datasets))
    sections = list(dict.fromkeys(figure.section for dataset in datasets for figure in dataset.figures))
    for section in sections:
        _print_section(console, section, datasets)
    if any(dataset.shortcuts for dataset in datasets):
        console.print(_guesses(datasets))
    for dataset in datasets:
        _print_tokens(console, dataset)


def _splits(datasets: Sequence[Overview]) -> Table:
    table = _table("Splits", ["split", "shards", "rows", "tokens", "MB"], several=len(datasets) > 1)
    for name, dataset in zip(_names(datasets), datasets, strict=True):
        for split in dataset.splits:
            numbers = [f"{split[key]:,}" for key in ("shards", "rows", "tokens")]
            table.add_row(*name, split["split"], *numbers, f"{split['bytes'] / 1e6:,.1f}")
    return table


def _print_section(console: Console, section: str, datasets: Sequence[Overview]) -> None:
    """Single figures in one table, distributions in another."""
    tables = [{figure.key: figure for figure in dataset.figures if figure.section == section} for dataset in datasets]
    titles = {key: figure for table in tables for key, figure in table.items()}
    if single := [figure for figure in titles.values() if not figure.of]:
        names = [name for several in _names(datasets) for name in several] or [""]
        notes = not console.is_terminal or console.width >= LEAST_WIDTH_OF_NOTES
        table = _table(section, ["", *names, *([""] if notes else [])])
        for figure in single:
            cells = [_cell(found.get(figure.key)) for found in tables]
            table.add_row(figure.title, *cells, *([figure.note] if notes else []))
        console.print(table)
    if spread := {figure.of: figure.title for figure in titles.values() if figure.of}:
        console.print(_distributions(spread, tables, datasets))


def _distributions(spread: dict[str, str], tables: Sequence[dict[str, Figure]], datasets: Sequence[Overview]) -> Table:
    from nspdata.statistics.figures import COLUMNS

    table = _table("", ["", *COLUMNS], several=len(datasets) > 1)
    for of, title in spread.items():
        for name, found in zip(_names(datasets), tables, strict=True):
            cells = [_cell(found.get(f"{of}_{column}")) for column in COLUMNS]
            table.add_row(*name, title, *cells)
    return table


def _guesses(datasets: Sequence[Overview]) -> Table:
    """Prints the shortcut test: the accuracy of each classifier with its interval, and that of the majority label."""
    table = _table(
        "Labels guessed from lengths and words alone",
        ["", "accuracy", "95% interval", "blind"],
        several=len(datasets) > 1,
    )
    for name, dataset in zip(_names(datasets), datasets, strict=True):
        if found := dataset.shortcuts:
            for guess in found.guesses:
                interval = f"{guess.low:.1%} to {guess.high:.1%}"
                table.add_row(*name, guess.title, f"{guess.accuracy:.1%}", interval, f"{found.majority:.1%}")
            table.caption = f"{found.how}; {found.learned:,} and {found.scored:,} pairs"
    return table


def _names(datasets: Sequence[Overview]) -> list[list[str]]:
    """Returns the cells, with the names of the datasets if there are several."""
    from nspdata.inspection import names

    return [[name] for name in names(datasets)] if len(datasets) > 1 else [[]]


def _cell(figure: Figure | None) -> str:
    return figure.text if figure else "-"


def _table(title: str, columns: Sequence[str], *, several: bool = False) -> Table:
    from rich import box
    from rich.table import Table

    plain = {0, len(columns) - 1} if len(columns) > 2 and columns[-1] == "" else {0}
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, show_header=any(columns))
    if several:
        table.add_column("dataset")
    for index, column in enumerate(columns):
        style = "dim" if index and index in plain else ""
        table.add_column(column, justify="left" if index in plain else "right", style=style)
    return table


def _print_tokens(console: Console, dataset: Overview) -> None:
    """Rejected records, scripts, frequent and absent tokens, each a line."""
    from nspdata.inspection.decoding import standing_alone

    total = sum(dataset.scripts.values())
    frequent = [f"{standing_alone(token)} {count:,}" for token, count in dataset.frequent[:SHOWN_TOKENS]]
    absent = [token for token in dataset.never_seen if not (token.startswith("[") and token.endswith("]"))]
    unseen = [standing_alone(token) for token in absent[:SHOWN_TOKENS]]
    lines = {
        "rejected": [f"{reason} {count:,}" for reason, count in dataset.rejected.items()],
        "scripts": [
            f"{script} {count / total:.1%}" for script, count in dataset.scripts.items() if count >= 0.0005 * total
        ],
        "most frequent tokens": frequent,
        "never seen": [*unseen, *(["..."] if len(absent) > SHOWN_TOKENS else [])],
    }
    for name, parts in lines.items():
        if parts:
            console.print(f"{name}: {', '.join(parts)}", soft_wrap=True)
