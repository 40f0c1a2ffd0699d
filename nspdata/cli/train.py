"""`nspdata train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(train)


def train(
    dataset: Annotated[
        str, typer.Argument(metavar="OUT", help="The dataset directory that `nspdata build` wrote, or its URL.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="The directory of the run to write.")],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE|HF_DIR",
            help="tiny, mini, small, base, large, or a Hugging Face BERT directory to continue from (default: tiny).",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as TOML.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as optimizer.learning_rate=1e-3."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Updates (default: one pass over the train split).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, order and dropout (default 12345).")] = None,
    extend_vocab: Annotated[
        bool | None,
        typer.Option("--extend-vocab", help="Add rows for the dataset's new tokens to a checkpoint's vocabulary."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the run's last checkpoint; more --steps extend the run.")
    ] = False,
) -> None:
    """Pretrains a BERT on a dataset; RUN/model loads with transformers.

    Several devices: torchrun --nproc-per-node N -m nspdata train, with the same options. Settings: docs/training.md.
    """
    from nspdata.config.parsing import read_text
    from nspdata.config.train import load_train_config

    flags = {"model.source": model, "model.extend_vocab": extend_vocab, "steps": steps, "seed": seed}
    settings = load_train_config(read_text(config), assignments or [], flags)
    from nspdata.api.trainings import train as run

    outcome = run(dataset, output, config=settings, resume=resume)
    if not outcome.finished:
        typer.echo(
            f"stopped at step {outcome.step:,} of {outcome.num_steps:,}; the same command with --resume continues",
            err=True,
        )
        raise typer.Exit(outcome.exit_code)
    if os.environ.get("RANK", "0") != "0":
        return
    report = f"{output / 'report.html'}   " if settings.log.report else ""
    typer.echo(f"Look at it:  {report}nspdata score {output / 'model'} 'First sentence.' 'Second sentence.'")
