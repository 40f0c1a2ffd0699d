"""What a training tells: lines of `metrics.jsonl`, TensorBoard's files, and a line or a bar on the terminal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Self

from nspdata.errors import NspdataError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from torch.utils.tensorboard import SummaryWriter

FILE = "metrics.jsonl"

Line = dict[str, Any]
"""`kind` (`train`, `evaluation` or `baseline`), `step`, and figures."""


class TrainingError(NspdataError):
    """A training cannot go on (exit code 1)."""


def read_metrics(run: Path) -> list[Line]:
    """The lines of a run's `metrics.jsonl`; none where there is no such file. A last line cut short by a kill is left out."""
    path = run / FILE
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def keep_metrics(run: Path, *, step: int) -> list[Line]:
    """Cuts `metrics.jsonl` back to what was known after this many updates, and hands back what is left."""
    lines = [line for line in read_metrics(run) if line["step"] <= step]
    temporary = run / f".{FILE}.tmp"
    temporary.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    temporary.replace(run / FILE)
    return lines


class Metrics:
    """The record of a run; opened by rank 0 alone."""

    def __init__(self, run: Path, *, num_steps: int, tensorboard: bool, done: int = 0) -> None:
        """Opens the files to append.

        Args:
            run: the directory of the run.
            num_steps: updates of the whole training.
            tensorboard: whether to write TensorBoard's files.
            done: updates made before.
        """
        self._file = (run / FILE).open("a", encoding="utf-8")
        self._tensorboard = _summary_writer(run / "tensorboard", done) if tensorboard else None
        self._bar = Bar(num_steps, done) if sys.stdout.isatty() else None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the files and leaves the terminal as it was."""
        self._file.close()
        if self._tensorboard:
            self._tensorboard.close()
        if self._bar:
            self._bar.close()

    def write(self, line: Line) -> None:
        """Appends a line, so that it is in the file even if the process is killed."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if self._tensorboard:
            for key, value in line.items():
                if key not in {"kind", "step"} and isinstance(value, int | float):
                    self._tensorboard.add_scalar(f"{line['kind']}/{key}", value, line["step"])
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


def _summary_writer(directory: Path, done: int) -> SummaryWriter:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(directory), purge_step=done + 1 if done else None)


def described(line: Line) -> str:
    """A line of the metrics for a person.

    >>> described({"kind": "train", "step": 20, "mlm_loss": 7.25, "mlm_accuracy": 0.125, "tokens_per_s": 5120.0, "mfu": 0.55})
    'step 20  MLM 7.250 (12.5%)  5,120 tokens/s  MFU 55.0%'
    """
    parts = [f"{'evaluation, ' if line['kind'] == 'evaluation' else ''}step {line['step']}"]
    if line["kind"] == "baseline":
        parts = ["to beat, on the validation split:"]
    for key, name in (("mlm", "MLM"), ("nsp", "NSP")):
        if f"{key}_loss" in line:
            parts.append(f"{name} {line[f'{key}_loss']:.3f} ({line[f'{key}_accuracy']:.1%})")
    if "tokens_per_s" in line:
        parts.append(f"{line['tokens_per_s']:,.0f} tokens/s")
    if line.get("mfu") is not None:
        parts.append(f"MFU {line['mfu']:.1%}")
    return "  ".join(parts)


class Bar:
    """A bar of the steps, on a terminal."""

    def __init__(self, num_steps: int, done: int) -> None:
        """Starts it.

        Args:
            num_steps: updates of the whole training.
            done: updates made before.
        """
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            BarColumn(20), MofNCompleteColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn()
        )
        self._task = self._progress.add_task("train", total=num_steps, completed=done, told="starting")
        self._progress.start()

    def update(self, line: Line) -> None:
        """Moves it to the line's step."""
        _, _, told = described(line).partition("  ")
        self._progress.update(self._task, completed=line["step"], told=told)

    def say(self, text: str) -> None:
        """Prints a line above it."""
        self._progress.console.print(text, highlight=False, markup=False)

    def close(self) -> None:
        """Leaves it as it stands."""
        self._progress.stop()
