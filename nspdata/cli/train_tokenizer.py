"""`nspdata train-tokenizer`."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nspdata.cli.beam_options import WithBeamOptions

if TYPE_CHECKING:
    from nspdata.config.build import Config
    from nspdata.tokenization.marks import Accents


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("train-tokenizer", cls=WithBeamOptions, options_metavar="[OPTIONS] [-- BEAM OPTIONS]")(train_tokenizer)


def train_tokenizer(
    context: typer.Context,
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
            help="Strip accents and other combining marks (default: if lower-casing and they are no letters of the text's scripts).",
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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the tokenizer in DIR.")] = False,
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
    from nspdata.files.options import configure
    from nspdata.pipelines.options import check, local

    configure(context.obj)
    check(context.obj, own=[name for param in context.command.params for name in param.opts])
    from nspdata.building.train_tokenizer import check_tokenizer_directory, train_from_inputs
    from nspdata.files.any import AnyFiles

    check_tokenizer_directory(output, AnyFiles(), overwrite=overwrite)
    if not local(context.obj):
        _on_a_runner(inputs, output, settings, context.obj)
        return
    trained = train_from_inputs(
        inputs, output, settings, AnyFiles(), overwrite=overwrite, show_progress=sys.stderr.isatty()
    )
    size = len(trained.wordpiece.vocabulary)
    if trained.accents is not None:
        typer.echo(_chosen(trained.accents))
    text_size = f"{trained.text_bytes / 1e6:,.1f} MB of text"
    typer.echo(f"{output}: {size:,} tokens from {text_size}; `nspdata build ... --tokenizer {output}`")
    if size < settings.tokenizer.vocab_size:
        typer.echo(
            f"The text has no more tokens; {settings.tokenizer.vocab_size:,} were requested: give more text, or a lower --min-frequency.",
            err=True,
        )


def _on_a_runner(inputs: list[str], output: str, settings: Config, beam_options: list[str]) -> None:
    """Trains on a worker of the engine in Beam's options."""
    from nspdata.pipelines.run import run_pipeline
    from nspdata.pipelines.tokenizer import tokenizer_pipeline

    if submitted := run_pipeline(lambda pipeline: tokenizer_pipeline(pipeline, inputs, output, settings), beam_options):
        typer.echo(f"Submitted: {submitted.location}. The job writes {output}.")


def _chosen(accents: Accents) -> str:
    """Describes the choice for accents and its reason."""
    if accents.strip:
        return (
            f"Accents are stripped: {accents.share:.2%} of the letters and marks have one; --keep-accents keeps them."
        )
    shown = " ".join(f"\u25cc{mark}" if unicodedata.combining(mark) else mark for mark in accents.examples)
    return (
        f"Accents and marks are kept: stripping would delete or change {accents.share:.1%} of the letters and marks of the script "
        f"{accents.script.capitalize()} ({shown}); --strip-accents strips them."
    )
