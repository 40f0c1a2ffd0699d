"""`nspdata validate`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from nspdata.cli.shell import set_stdout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nspdata.validation import Finding


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(validate)


def validate(
    output: Annotated[str, typer.Argument(metavar="OUT", help="A dataset directory, or its URL.")],
    more: Annotated[list[str] | None, typer.Argument(metavar="[INPUT...]", help="More inputs, after --source.")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="INPUT",
            help="All inputs that OUT was built from, as given to build: every row is looked up in its documents.",
        ),
    ] = None,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="For --source, use the fast encoder of build; the plain one encodes a sample of 1% of the documents.",
        ),
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes; 0: one per processor.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with all findings.")] = False,
) -> None:
    """Checks a dataset: files, checksums, rows, labels and masks; with --source, every row against its documents.

    Exit code 1 if anything is wrong. Each finding names the rule, the file, the rows and their number.
    """
    from nspdata.api import validations
    from nspdata.api.inputs import FileName
    from nspdata.errors import ConfigError

    if more and not source:
        raise ConfigError(f"validate takes one dataset directory; to check against inputs: --source {' '.join(more)}")
    inputs = [*(source or []), *(more or [])]
    with _showing() as show:
        files = [FileName(name) for name in inputs] or None
        findings = validations.validate(output, source=files, fast=fast, workers=workers, on_progress=show)
    (_print_json if as_json else _print)(findings, output, inputs)
    if not as_json:
        _print_skipped(output)
    if findings:
        raise typer.Exit(1)


@contextmanager
def _showing() -> Iterator[Callable[[str], None]]:
    """Returns a function that shows the current file on stderr, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("reading") as status:
        yield lambda text: status.update(escape(text))


def _print_json(findings: list[Finding], output: str, inputs: list[str]) -> None:
    from nspdata.validation import report

    print(report(findings, output, inputs))  # noqa: T201 - rich would fold it


def _print(findings: list[Finding], output: str, inputs: list[str]) -> None:
    from rich.console import Console
    from rich.text import Text

    from nspdata.inspection.decoding import visible

    set_stdout(errors="backslashreplace")  # a terminal without Unicode
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for finding in findings:
        rows = ", ".join(f"{row:,}" for row in finding.rows) + (", ..." if finding.count > len(finding.rows) else "")
        where = visible(finding.file or output) + (f", row {rows}" if finding.rows else "")
        line = Text.assemble((finding.rule, "bold red"), f" × {finding.count:,}  ", (where, "dim"))
        console.print(line.append(f"\n    {visible(finding.message)}"))
    checked = "every checksum, row and rule" + (", and every row against its documents" if inputs else "")
    if findings:
        rules = len({finding.rule for finding in findings})
        console.print(
            f"{visible(output)} is not valid: {rules} rule{'s' * (rules > 1)} broken (checked: {checked}).",
            style="bold red",
        )
    else:
        console.print(f"{visible(output)} is valid: {checked}.", style="bold green")


def _print_skipped(output: str) -> None:
    """Says which rules do not apply to imported rows."""
    from nspdata.dataset.stores import open_store
    from nspdata.errors import ShardError
    from nspdata.validation import skipped_rules

    try:
        skipped = skipped_rules(open_store(output).manifest())
    except ShardError:
        return  # reported as a finding
    if skipped:
        typer.echo("Another program made the rows. Not checked:")
    for rule, reason in skipped.items():
        typer.echo(f"  {rule}: {reason}")
