"""`nspdata demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

CORPUS = Path(__file__).parents[1] / "corpus"

TOKENIZER = ("--vocab-size", "3000")

BUILD = (
    "output.validation_fraction=0.15",
    "duplicate_factor=10",
    "output.num_shards=1",
    "output.license=public domain",
)

QUESTION = (
    "My fellow citizens, I thank you for the trust you have placed in me.",
    "I will do my best to be worthy of it.",
)

TRAINING = ("model.dropout=0", "log.every=50", "device.name=cpu")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The directory to write; created if missing.")
    ] = Path("nspdata-demo"),
    training: Annotated[
        bool, typer.Option(help="Train a tiny model at the end (about two minutes on two processors; needs torch).")
    ] = True,
) -> None:
    """Runs every command on a small public-domain corpus in the package: tokenizer, build, report, training.

    Each command is printed as you would type it.
    """
    for command in commands(directory, training=training and _has("torch") and _has("transformers")):
        _run(command)
    typer.echo(f"\nMade from {CORPUS} (public domain, see README.md there):\n")
    for path, what in {
        "data": "the dataset: README.md says what it is; `nspdata show` prints rows",
        "data/report.html": "is the data right? open it in a browser",
        "run/report.html": "how the training went",
        "run/model": "the trained model, for transformers; docs/training.md says what it learned",
    }.items():
        if (directory / path).exists():
            typer.echo(f"  {directory / path!s:24} {what}")


def commands(directory: Path, *, training: bool) -> list[list[str]]:
    """Returns the commands of the demonstration, without the program's name."""
    tokenizer, data, run = (str(directory / name) for name in ("tokenizer", "data", "run"))
    corpus = sorted(str(path) for path in CORPUS.glob("*.jsonl"))
    result = [
        ["train-tokenizer", *corpus, "-o", tokenizer, "--overwrite", *TOKENIZER],
        ["build", *corpus, "-o", data, "--tokenizer", tokenizer, *_assigned(BUILD)],
        ["validate", data, "--source", *corpus],
        ["stats", data, "--html", f"{data}/report.html", "--shortcuts"],
        ["show", data, "-n", "2"],
    ]
    if training:
        goes_on = ["--resume"] if (directory / "run").exists() else []
        result.append(["train", data, "-o", run, "--model", "tiny", "--steps", "800", *_assigned(TRAINING), *goes_on])
        result.append(["score", f"{run}/model", *QUESTION])
    return result


def _assigned(settings: Sequence[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def _run(command: list[str]) -> None:
    import os
    import shlex
    import subprocess
    import sys

    from nspdata.interrupts import PARENT

    typer.secho(f"\n$ nspdata {shlex.join(command)}", bold=True)
    sys.stdout.flush()
    environment = {
        **os.environ,
        PARENT: str(os.getpid()),
    }  # the command ends with this one, and leaves the last line to it
    done = subprocess.run([sys.executable, "-m", "nspdata", *command], check=False, env=environment)  # noqa: S603
    if done.returncode:
        raise typer.Exit(done.returncode)
