"""The record of a training: lines of `metrics.jsonl`, other destinations, and a line or a bar on the terminal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Self

from nspdata.errors import NspdataError, ShardError
from nspdata.files.local import LocalFiles
from nspdata.training.destinations import DESTINATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

FILE = "metrics.jsonl"

Line = dict[str, Any]
"""`kind` (`train`, `evaluation` or `baseline`), `step`, and figures."""


class TrainingError(NspdataError):
    """A training cannot continue (exit code 1)."""


def read_metrics(run: Path) -> list[Line]:
    """The lines of a run's `metrics.jsonl`; empty without such a file. A truncated last line, left by a killed process, is ignored."""
    path = run / FILE
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        return [{"kind": line["kind"], "step": int(line["step"])} | line for line in map(json.loads, lines)]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ShardError(
            f"{path}: not a record of metrics ({error!r}); move it away, training does not need it"
        ) from error


def keep_metrics(run: Path, *, step: int) -> list[Line]:
    """Removes the lines of `metrics.jsonl` after this many updates; returns the lines that are left."""
    lines = [line for line in read_metrics(run) if line["step"] <= step]
    LocalFiles().write(str(run / FILE), "".join(json.dumps(line) + "\n" for line in lines).encode())
    return lines


class Metrics:
    """The record of a run; only rank 0 opens it."""

    def __init__(
        self,
        run: Path,
        *,
        num_steps: int,
        to: Sequence[str],
        done: int = 0,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Opens the files to append.

        Args:
            run: the directory of the run.
            num_steps: updates of the whole training.
            to: further destinations of the metrics: `tensorboard`, `wandb`, `mlflow`.
            done: number of updates done before.
            settings: of the training, for the destinations that show them.
        """
        self._destinations = [DESTINATIONS[name](run, settings or {}, done) for name in dict.fromkeys(to)]
        self._file = (run / FILE).open("a", encoding="utf-8")
        self._bar = Bar(num_steps, done) if sys.stdout.isatty() else None

    def __enter__(self) -> Self:
        """Returns the object itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the files and restores the terminal."""
        self._file.close()
        for destination in self._destinations:
            destination.close()
        if self._bar:
            self._bar.close()

    def write(self, line: Line) -> None:
        """Appends a line, so that it is in the file even if the process is killed."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        values = {
            f"{line['kind']}/{key}": value
            for key, value in line.items()
            if key not in {"kind", "step"} and isinstance(value, int | float)
        }
        for destination in self._destinations:
            destination.write(values, line["step"])
        self._show(line)

    def say(self, text: str) -> None:
        """Prints a line."""
        if self._bar:
            self._bar.say(text)
        else:
            print(text, flush=True)  # noqa: T201 - a log of a run is printed

    def _show(self, line: Line) -> None:
        if line["kind"] == "train" and self._bar:
            self._bar.update(line)
        else:
            self.say(described(line))


def described(line: Line) -> str:
    """Formats a line of the metrics as text.

    >>> described({"kind": "train", "step": 20, "mlm_loss": 7.25, "mlm_accuracy": 0.125, "tokens_per_s": 5120.0, "mfu": 0.55})
    'step 20  MLM 7.250 (12.5%)  5,120 tokens/s  MFU 55.0%'
    """
    parts = [f"{'evaluation, ' if line['kind'] == 'evaluation' else ''}step {line['step']}"]
    if line["kind"] == "baseline":
        parts = ["guessing, on the validation split:"]
    for key, name in (("mlm", "MLM"), ("nsp", "NSP")):
        if f"{key}_loss" in line:
            parts.append(f"{name} {line[f'{key}_loss']:.3f} ({line[f'{key}_accuracy']:.1%})")
    if "tokens_per_s" in line:
        parts.append(f"{line['tokens_per_s']:,.0f} tokens/s")
    if line.get("mfu") is not None:
        parts.append(f"MFU {line['mfu']:.1%}")
    return "  ".join(parts)


class Bar:
    """A progress bar of the steps, on a terminal."""

    def __init__(self, num_steps: int, done: int) -> None:
        """Starts it.

        Args:
            num_steps: updates of the whole training.
            done: number of updates done before.
        """
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            BarColumn(20), MofNCompleteColumn(), TextColumn("{task.fields[text]}"), TimeRemainingColumn()
        )
        self._task = self._progress.add_task("train", total=num_steps, completed=done, text="starting")
        self._progress.start()

    def update(self, line: Line) -> None:
        """Moves the progress bar to the line's step."""
        _, _, text = described(line).partition("  ")
        self._progress.update(self._task, completed=line["step"], text=text)

    def say(self, text: str) -> None:
        """Prints a line above it."""
        self._progress.console.print(text, highlight=False, markup=False)

    def close(self) -> None:
        """Stops it."""
        self._progress.stop()
