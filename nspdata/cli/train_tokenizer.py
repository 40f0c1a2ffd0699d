"""`nspdata train-tokenizer`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("train-tokenizer")(train_tokenizer)


def train_tokenizer(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, directories, globs or URLs, as for build.")
    ],
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="The directory to write.")],
    vocab_size: Annotated[int | None, typer.Option(help="Tokens in all (default 30522).")] = None,
    cased: Annotated[bool, typer.Option("--cased", help="Keep upper case (default: lower-case).")] = False,
    strip_accents: Annotated[
        bool | None,
        typer.Option(
            "--strip-accents/--keep-accents",
            help="Take combining marks off (default: where lower-casing).",
            show_default=False,
        ),
    ] = None,
    min_frequency: Annotated[int | None, typer.Option(help="A pair seen less often is not merged (default 2).")] = None,
    limit_alphabet: Annotated[int | None, typer.Option(help="Characters kept, the commonest (default 6000).")] = None,
    sample_bytes: Annotated[
        int | None, typer.Option(help="Bytes of text to train on at most, spread over the inputs (default 200000000).")
    ] = None,
    text_field: Annotated[str | None, typer.Option(help="Field of the text (default: text).")] = None,
    id_field: Annotated[str | None, typer.Option(help="Field of the id (default: id).")] = None,
    input_format: Annotated[str | None, typer.Option(help="As for build (default: by suffix).")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as TOML.")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")] = None,
) -> None:
    """Trains a WordPiece vocabulary; DIR loads with transformers.AutoTokenizer."""
    from nspdata.config.build import load_config

    flags: dict[str, Any] = {
        "tokenizer.vocab_size": vocab_size,
        "tokenizer.lowercase": "no" if cased else None,
        "tokenizer.strip_accents": None if strip_accents is None else "yes" if strip_accents else "no",
        "tokenizer.min_frequency": min_frequency,
        "tokenizer.limit_alphabet": limit_alphabet,
        "tokenizer.sample_bytes": sample_bytes,
        "input.text_field": text_field,
        "input.id_field": id_field,
        "input.format": input_format,
    }
    settings = load_config(config, assignments or [], flags)
    from nspdata.building.train_tokenizer import train_from_inputs
    from nspdata.files.any import Places

    wordpiece, text_bytes = train_from_inputs(inputs, output, settings, Places(), show_progress=sys.stderr.isatty())
    size = len(wordpiece.vocabulary)
    typer.echo(
        f"{output}: {size:,} tokens from {text_bytes / 1e6:,.1f} MB of text; `nspdata build ... --tokenizer {output}`"
    )
    if size < settings.tokenizer.vocab_size:
        typer.echo(
            f"The text gave no more: {settings.tokenizer.vocab_size:,} were asked for (more text, or a lower --min-frequency).",
            err=True,
        )
