"""`nspdata sentences`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nspdata.cli.input_options import Exclude, IdField, InputFormat, TextField, input_flags

if TYPE_CHECKING:
    from nspdata.api.sentences import SampledSentence


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("sentences")(sentences)


def sentences(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, directories, globs or URLs, as for build.")
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Sentences to print.")] = 20,
    tokenizer: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="As for build: prints lengths in tokens, and what is cut and why."),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Language code (default: en).")] = None,
    exclude: Exclude = None,
    text_field: TextField = None,
    id_field: IdField = None,
    input_format: InputFormat = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as TOML.")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per sentence.")] = False,
) -> None:
    """Prints sentences of a sample as a build makes them; with --tokenizer also their tokens and where they are cut."""
    from nspdata.api.inputs import FileName
    from nspdata.api.sentences import sample_sentences
    from nspdata.config.build import load_config

    flags = input_flags(exclude=exclude, text_field=text_field, id_field=id_field, input_format=input_format)
    settings = load_config(config, assignments or [], {**flags, "sentences.language": language})
    files = [FileName(name) for name in inputs]
    for sentence in sample_sentences(files, count, tokenizer=tokenizer, config=settings):
        typer.echo(json.dumps(sentence.to_json(), ensure_ascii=True) if as_json else _line(sentence))


def _line(sentence: SampledSentence) -> str:
    """Formats one line: tokens, and the sentence with its cuts marked, such as ` |cut: clause_mark| `."""
    pieces = [" ".join(piece.split()) for piece in sentence.pieces]
    marked = pieces[0] + "".join(
        f" |cut: {reason}| {piece}" for (_, reason), piece in zip(sentence.cuts, pieces[1:], strict=True)
    )
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in marked)
    return shown if sentence.tokens is None else f"{sentence.tokens:5,}  {shown}"
