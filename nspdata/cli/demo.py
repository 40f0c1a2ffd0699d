"""`nspdata demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CORPUS = Path(__file__).parents[1] / "corpus" / "inaugural_addresses.jsonl"

TOKENIZER = ("--vocab-size", "6000")

BUILD = (
    *("--set", "output.validation_fraction=0.15", "--set", "output.license=cc0-1.0"),
    *("--set", "pairing.max_seq_length=64", "--set", "duplicate_factor=10"),
)

TRAINING = ("--model", "tiny", "--steps", "600", "--set", "optimizer.learning_rate=2e-3", "--set", "batch_size=64")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write.")] = Path("nspdata-demo"),
    training: Annotated[bool, typer.Option(help="Train a tiny model at the end: two minutes, needs torch.")] = True,
) -> None:
    """The whole way on a small public-domain corpus inside the package: every command as you would type it."""
    for command in commands(directory, training=training and _has("torch") and _has("transformers")):
        _run(command)
    typer.echo(f"\nMade from {CORPUS.name} (public domain, see README.md beside it):\n")
    for path, what in {
        "data": "the dataset: README.md says what it is; `nspdata show` prints rows",
        "data/report.html": "is the data right? open it in a browser",
        "run/model": "the trained model, for transformers; curves in run/report.html",
    }.items():
        if (directory / path).exists():
            typer.echo(f"  {directory / path!s:24} {what}")


def commands(directory: Path, *, training: bool) -> list[list[str]]:
    """The commands of the demonstration, without the program's name."""
    tokenizer, data, run = (str(directory / name) for name in ("tokenizer", "data", "run"))
    result = [
        ["train-tokenizer", str(CORPUS), "-o", tokenizer, *TOKENIZER],
        ["build", str(CORPUS), "-o", data, "--tokenizer", tokenizer, *BUILD],
        ["validate", data, "--source", str(CORPUS)],
        ["stats", data, "--html", f"{data}/report.html"],
        ["show", data, "-n", "2"],
    ]
    if training:
        goes_on = ["--resume"] if (directory / "run").exists() else []
        result.append(["train", data, "-o", run, *TRAINING, *goes_on])
        question = [
            "My fellow citizens, I thank you for the trust you have placed in me.",
            "I will do my best to be worthy of it.",
        ]
        result.append(["score", f"{run}/model", *question])
    return result


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def _run(command: list[str]) -> None:
    import shlex
    import subprocess
    import sys

    typer.secho(f"\n$ nspdata {shlex.join(command)}", bold=True)
    done = subprocess.run([sys.executable, "-m", "nspdata", *command], check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise typer.Exit(done.returncode)
