"""`nspdata train-tokenizer`."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nspdata.cli.beam_options import WithBeamOptions, beam_options_of
from nspdata.cli.input_options import Exclude, IdField, InputFormat, TextField, input_flags

if TYPE_CHECKING:
    from nspdata.building.train_tokenizer import Training
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
    exclude: Exclude = None,
    text_field: TextField = None,
    id_field: IdField = None,
    input_format: InputFormat = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the tokenizer in DIR.")] = False,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as TOML.")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")] = None,
) -> None:
    """Trains a WordPiece vocabulary; DIR loads with transformers.AutoTokenizer."""
    from nspdata.api.inputs import FileName
    from nspdata.api.runs import RunOptions, run_tokenizer_training
    from nspdata.config.build import load_config
    from nspdata.pipelines.run import Submitted

    flags: dict[str, Any] = {
        "tokenizer.vocab_size": vocab_size,
        "tokenizer.lowercase": "no" if cased else None,
        "tokenizer.strip_accents": None if strip_accents is None else "yes" if strip_accents else "no",
        "tokenizer.min_frequency": min_frequency,
        "tokenizer.limit_alphabet": limit_alphabet,
        "tokenizer.sample_bytes": sample_bytes,
        **input_flags(exclude=exclude, text_field=text_field, id_field=id_field, input_format=input_format),
    }
    settings = load_config(config, assignments or [], flags)
    options = RunOptions(overwrite=overwrite, beam_options=beam_options_of(context))
    files = [FileName(name) for name in inputs]
    done = run_tokenizer_training(files, output, settings, options, progress=sys.stderr.isatty())
    if isinstance(done, Submitted):
        title = done.title[:1].upper() + done.title[1:]
        typer.echo(f"{title}. The job writes {output}.")
    elif done is not None:
        _print(done, output, settings)


def _print(done: Training, output: str, settings: Config) -> None:
    size = len(done.wordpiece.vocabulary)
    if done.accents is not None:
        typer.echo(_chosen(done.accents))
    text_size = f"{done.text_bytes / 1e6:,.1f} MB of text"
    typer.echo(f"{output}: {size:,} tokens from {text_size}; `nspdata build ... --tokenizer {output}`")
    if size < settings.tokenizer.vocab_size:
        typer.echo(
            f"The text has no more tokens; {settings.tokenizer.vocab_size:,} were requested: give more text, or a lower --min-frequency.",
            err=True,
        )


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
