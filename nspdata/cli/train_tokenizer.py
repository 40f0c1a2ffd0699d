"""`nspdata train-tokenizer`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nspdata.cli.beam_options import WithBeamOptions

if TYPE_CHECKING:
    from nspdata.config.build import Config


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
    from nspdata.files.options import configure
    from nspdata.pipelines.options import check, local

    configure(context.obj)
    check(context.obj, own=[name for param in context.command.params for name in param.opts])
    if not local(context.obj):
        _on_a_runner(inputs, output, settings, context.obj)
        return
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


def _on_a_runner(inputs: list[str], output: str, settings: Config, beam_options: list[str]) -> None:
    """Trains on a worker of the engine that Beam's options name."""
    from nspdata.pipelines.run import run_pipeline
    from nspdata.pipelines.tokenizer import tokenizer_pipeline

    if submitted := run_pipeline(lambda pipeline: tokenizer_pipeline(pipeline, inputs, output, settings), beam_options):
        typer.echo(f"Submitted: {submitted.place}. The job writes {output}.")
