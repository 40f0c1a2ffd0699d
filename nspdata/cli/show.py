"""`nspdata show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nspdata.cli.shell import set_stdout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Group
    from rich.text import Text

    from nspdata.inspection.examples import Segment, Shown
    from nspdata.tokenization.vocabulary import Vocabulary

STYLES = {"mask": "bold yellow", "random": "bold magenta", "kept": "bold cyan"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(show)


def show(
    output: Annotated[str, typer.Argument(metavar="OUT", help="A dataset directory, or its URL.")],
    num_rows: Annotated[
        int | None, typer.Option("-n", help="Number of rows (default: 5, or 1 with --row).", min=1, show_default=False)
    ] = None,
    split: Annotated[str | None, typer.Option(help="Name of the split (default: the first by name).")] = None,
    row: Annotated[int | None, typer.Option(help="Number of the first row, counted from 0 over the split.")] = None,
    label: Annotated[
        int | None, typer.Option(help="Only rows with this label: 0 (B follows A) or 1 (it does not).", min=0, max=1)
    ] = None,
    document: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only rows with text of this document: its id, or its hash as printed here."),
    ] = None,
    contains: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="Only rows with this token, masked or not.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line, as UTF-8.")] = False,
) -> None:
    """Prints rows as text: segments A and B, their documents, the label, and each masked token with its replacement.

    Without a filter the rows are spread over the split. With --label, --document or --contains they are the first
    that match.
    """
    from nspdata.api.datasets import open_dataset, select_rows

    dataset = open_dataset(output)
    found = select_rows(dataset, num_rows, split=split, row=row, label=label, document=document, contains=contains)
    if as_json:
        _print_json(found, dataset.vocabulary)
    else:
        _print(found, dataset.vocabulary)


def _print_json(found: Iterable[Shown], vocabulary: Vocabulary) -> None:
    import json

    set_stdout(encoding="utf-8")  # in any locale
    for shown in found:
        text = json.dumps(shown.to_json(vocabulary), ensure_ascii=False)
        escaped = (
            c if c == " " or c.isprintable() else json.dumps(c)[1:-1] for c in text
        )  # nothing that a terminal obeys
        print("".join(escaped))  # noqa: T201 - one line per object; rich would fold it


def _print(found: Iterable[Shown], vocabulary: Vocabulary) -> None:
    from rich.console import Console

    set_stdout(errors="backslashreplace")  # a terminal without Unicode
    console = Console(highlight=False, markup=False, emoji=False)
    count = 0
    for count, shown in enumerate(found, start=1):  # noqa: B007
        console.print(rendered(shown, vocabulary))
    if not count:
        console.print("No row matches.")


def rendered(shown: Shown, vocabulary: Vocabulary) -> Group:
    """Formats a row in colour: its position, label, segments and masks."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[Text | Padding] = [
        Text.assemble((f"{shown.split} row {shown.row:,}", "bold"), (f"  {shown.shard}", "dim"))
    ]
    if shown.meaning:
        style = "bold green" if shown.label == 0 else "bold red"
        parts.append(Text.assemble((f"  label {shown.label}: ", "dim"), (shown.meaning, style)))
    kinds = {mask.position: mask.kind for mask in shown.masks}
    for name, segment in zip("AB", shown.segments, strict=False):
        place = f"document {segment.document:016x}, sentence {segment.sentence:,}"
        parts.append(Text.assemble((f"  {name}  ", "bold"), (place, "dim")))
        parts.append(Padding(_segment(segment, kinds, vocabulary), (0, 0, 0, 5)))
    if shown.masks:
        parts += [Text("  masked", style="bold"), Padding(_masks(shown, vocabulary), (0, 0, 0, 5))]
    return Group(*parts, Text())


def _segment(segment: Segment, kinds: dict[int, str], vocabulary: Vocabulary) -> Text:
    from rich.text import Text

    from nspdata.inspection.decoding import END_OF_ISOLATE, isolate, spell

    pieces = spell(segment.ids, vocabulary)
    whole = "".join(piece.text for piece in pieces)
    isolated = isolate(whole)
    text = Text(isolated[0] if isolated != whole else "")
    for position, piece in enumerate(pieces, start=segment.first):
        text.append(" " * piece.spaced)
        text.append(piece.text, style=STYLES.get(kinds.get(position, ""), ""))
    return text.append(END_OF_ISOLATE if isolated != whole else "")


def _masks(shown: Shown, vocabulary: Vocabulary) -> Text:
    from rich.text import Text

    from nspdata.inspection.decoding import standing_alone
    from nspdata.inspection.examples import token_of

    lines = []
    for mask in shown.masks:
        original = standing_alone(token_of(mask.original, vocabulary))
        replacement = standing_alone(token_of(mask.replacement, vocabulary))
        now = "kept" if mask.kind == "kept" else f"→\N{NO-BREAK SPACE}{replacement}"
        line = Text.assemble((f"{mask.position}", "dim"), "\N{NO-BREAK SPACE}", original, "\N{NO-BREAK SPACE}")
        lines.append(line.append(now, style=STYLES[mask.kind]))
    return Text("   ").join(lines)
