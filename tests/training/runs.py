"""Small datasets and short trainings for the tests of the trainer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from nspdata.config.train import TrainConfig, train_config
from nspdata.tokenization.wordpiece import WordPiece
from nspdata.training.metrics import read_metrics
from nspdata.training.run import Outcome, train
from tests.datasets import write_dataset

ROOT = Path(__file__).parents[2]

FIGURES = ("loss", "mlm_loss", "mlm_accuracy", "nsp_loss", "nsp_accuracy", "gradient_norm")
"""What a training must give again when it is done again; the rest are times."""


def small_dataset(directory: Path, **options: Any) -> Path:
    """Short rows over 205 tokens, with all the files of a tokenizer."""
    options = {"rows": 160, "validation_rows": 24, "max_seq_length": 32, "vocab_size": 205} | options
    write_dataset(directory, **options)
    WordPiece.load(directory / "tokenizer", lowercase="yes").save(directory / "tokenizer")
    return directory


def small_config(**settings: Any) -> TrainConfig:
    """Settings of a short training on a processor: each step told, 8 rows a step, 4 steps."""
    plain = {
        "device": {"name": "cpu"},
        "log": {"every": 1, "to": [], "report": False},
        "batch_sequences": 8,
        "steps": 4,
    }
    if "phases" in settings:
        del plain["batch_sequences"], plain["steps"]
    for key, value in settings.items():
        plain[key] = plain[key] | value if isinstance(value, dict) and key in plain else value
    return train_config(plain)


def train_small(dataset: Path, run: Path, *, resume: bool = False, **settings: Any) -> Outcome:
    """A training in this process."""
    return train(dataset, run, small_config(**settings), resume=resume)


def figures(run: Path, kind: str = "train") -> dict[int, dict[str, float]]:
    """Figures of each step in a run's record: losses, accuracies, the gradient's norm."""
    return {
        line["step"]: {key: line[key] for key in FIGURES if key in line}
        for line in read_metrics(run)
        if line["kind"] == kind
    }


def command(dataset: Path, run: Path, *options: str, processes: int = 1) -> list[str]:
    """The command of a training in a process of its own, or in several by torchrun."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    settings = ["device.name=cpu", "log.every=1", "log.to=[]", "log.report=false"]
    start = torchrun if processes > 1 else []
    return [
        sys.executable,
        *start,
        "-m",
        "nspdata",
        "train",
        str(dataset),
        "-o",
        str(run),
        *_assigned(settings),
        *options,
    ]


def environment() -> dict[str, str]:
    """One thread a process, so that several share the machine; this repository's code."""
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def run_command(arguments: list[str], *, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, from the repository's root."""
    return subprocess.run(
        arguments, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=timeout
    )


def pretraining(directory: Path) -> list[list[str]]:
    """The commands of docs/training.md, section "Proof of learning": from the corpus of the package to a trained model."""
    corpus = sorted(str(path) for path in (ROOT / "nspdata" / "corpus").glob("*.jsonl"))
    tokenizer, data, run = (str(directory / name) for name in ("tokenizer", "data", "run"))
    built = ["output.validation_fraction=0.15", "duplicate_factor=10", "output.num_shards=1"]
    trained = ["model.dropout=0", "log.every=50", "log.to=[]", "device.name=cpu"]
    return [
        ["train-tokenizer", *corpus, "-o", tokenizer, "--vocab-size", "3000"],
        ["build", *corpus, "-o", data, "--tokenizer", tokenizer, *_assigned(built)],
        ["train", data, "-o", run, "--model", "tiny", "--steps", "800", *_assigned(trained)],
    ]


def _assigned(settings: list[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]
