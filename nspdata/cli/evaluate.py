"""`nspdata evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

NAMES = {
    "mlm_accuracy": "MLM accuracy",
    "mlm_loss": "MLM loss (nats per masked token)",
    "pseudo_perplexity": "pseudo-perplexity",
    "nsp_accuracy": "pair accuracy",
    "mean_reciprocal_rank": "mean reciprocal rank of B",
}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(evaluate)


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="A model directory, such as RUN/model.")],
    dataset: Annotated[str, typer.Argument(metavar="OUT", help="The dataset directory, or its URL.")],
    split: Annotated[str, typer.Option(help="The split to evaluate on.")] = "validation",
    rows: Annotated[int, typer.Option(help="Rows of the split, drawn at random; 0 for all.", min=0)] = 2000,
    candidates: Annotated[int, typer.Option(help="Texts that a true B is ranked among.", min=2)] = 10,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Rows of one forward pass.", min=1)] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Evaluates a model on held-out rows: MLM, pairs, pseudo-perplexity, ranking; with 95% confidence intervals."""
    from dataclasses import asdict

    from nspdata.api.trainings import evaluate as run

    found = run(model, dataset, split=split, rows=rows, candidates=candidates, seed=seed, batch_size=batch_size)
    if as_json:
        typer.echo(json.dumps({name: asdict(figure) for name, figure in found.items()}, indent=1))
        return
    for name, figure in found.items():
        label = f"{NAMES[name]}{f' among {candidates}' if name == 'mean_reciprocal_rank' else ''}"
        typer.echo(
            f"{label:38} {figure.value:10.3f}   95%: {figure.low:.3f} to {figure.high:.3f}   of {figure.count:,}"
        )
