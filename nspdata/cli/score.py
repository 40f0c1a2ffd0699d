"""`nspdata score`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(score)


def score(
    model: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="A model directory, such as RUN/model.")],
    first: Annotated[str | None, typer.Argument(metavar="A", help="The first text.")] = None,
    second: Annotated[str | None, typer.Argument(metavar="B", help="The text that may follow it.")] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--input", metavar="FILE", help='Pairs as JSON lines {"a": ..., "b": ...}; they come back with "score".'
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Pairs of one forward pass.", min=1)] = 64,
) -> None:
    """Prints P(B follows A), 0 to 1, for one pair or for each pair of a file."""
    from nspdata.api.trainings import Scorer
    from nspdata.errors import ConfigError, InputError

    if (inputs is None) == (second is None):
        raise ConfigError("give two texts A and B, or --input with a file of pairs")
    from transformers.utils import logging

    logging.disable_progress_bar()  # loading the weights takes less than a second
    scorer = Scorer(model)
    if inputs is None:
        probability = scorer.score(first or "", second or "")
        typer.echo(f"{probability:.4f}  P({scorer.meaning})")
        return
    try:
        with inputs.open(encoding="utf-8") as lines:
            for record in scorer.score_lines(lines, name=str(inputs), batch_size=batch_size):
                sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    except OSError as error:
        raise InputError(f"--input {inputs}: cannot be read ({error.strerror})") from error
