"""A whole training: from a dataset directory to a directory with a model, its metrics and its report."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nspdata.errors import ConfigError, InputError, ShardError
from nspdata.files.checked_json import COUNT, OBJECT, TEXT, list_of, parse, record
from nspdata.files.local import LocalFiles
from nspdata.training.checkpoint import Progress, checkpoints, load_progress, replace_directory
from nspdata.training.data import check_states
from nspdata.training.evaluation import guessing
from nspdata.training.loop import CHECKPOINTS, Loop
from nspdata.training.metrics import Metrics, keep_metrics, read_metrics
from nspdata.training.prepare import prepare_training
from nspdata.training.processes import joined, reported
from nspdata.training.proof import proof
from nspdata.training.report import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nspdata.config.train import TrainConfig
    from nspdata.dataset.directory import Directory
    from nspdata.training.metrics import Line
    from nspdata.training.prepare import Training

SETTINGS = "train.json"
"""The settings of a run and the datasets that it reads, in its directory."""

MODEL = "model"
"""The finished model, in the directory of a run: loads with `transformers`."""

UNDECISIVE = ("steps", "dataset", "mixture", "micro_batch_sequences")
"""Settings of a phase that a resumed run may change, or that are compared separately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a training.

    Attributes:
        step: number of updates done.
        num_steps: updates of the whole training.
        lines: of `metrics.jsonl`; on rank 0.
        signal: the signal that stopped it; 0 if its last step was reached.
    """

    step: int
    num_steps: int
    lines: list[Line]
    signal: int = 0

    @property
    def finished(self) -> bool:
        """Whether the last step was reached."""
        return not self.signal

    @property
    def exit_code(self) -> int:
        """The exit code of a command: 0, or as in shells, 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.signal if self.signal else 0


def train(directory: str | Path, run: Path, config: TrainConfig, *, resume: bool = False) -> Outcome:
    """Trains, on every rank that torchrun started.

    Args:
        directory: the dataset directory or URL.
        run: the directory of the run.
        config: the settings.
        resume: resume from the run's last checkpoint; start from the beginning if there is none, with a message.

    Raises:
        ConfigError: settings, model, datasets and run do not fit together.
        ShardError: a dataset or a checkpoint is corrupt.
        TrainingError: the training diverged.
        ModuleNotFoundError: `log.report` is set and matplotlib is not installed.
    """
    if config.log.report and not find_spec("matplotlib"):
        raise ModuleNotFoundError("log.report needs matplotlib", name="matplotlib")  # now, not after the last step
    return reported(_train)(directory, run, config, resume=resume)


def _train(directory: str | Path, run: Path, config: TrainConfig, *, resume: bool) -> Outcome:
    with joined(config.device) as processes:
        checkpoint = _checkpoint(run, resume=resume)
        processes.wait()
        training = prepare_training(config, str(directory), processes, checkpoint=checkpoint)
        progress = load_progress(checkpoint) if checkpoint else Progress()
        settings = run_settings(training)
        notes = check_resumed(run / SETTINGS, settings, step=progress.step) if resume else []
        if checkpoint:
            check_states(progress.loaders, training.phases, step=progress.step, name=f"{checkpoint}/progress.json")
        if processes.rank == 0:
            run.mkdir(parents=True, exist_ok=True)
            write_json(run / SETTINGS, settings)
        with _record(training, run, progress) as metrics:
            if metrics:
                _introduce(training, metrics, progress, notes)
            stopped = Loop(training, run, metrics, progress).train()
            step = load_progress(checkpoints(run / CHECKPOINTS)[-1]).step if stopped else training.num_steps
            if metrics and not stopped:
                _finish(training, run, metrics)
        if processes.rank == 0 and config.log.report:
            write_report(run)
        processes.wait()
    return Outcome(step=step, num_steps=training.num_steps, lines=read_metrics(run), signal=stopped)


def _finish(training: Training, run: Path, metrics: Metrics) -> None:
    """Writes the model and prints whether it learned."""
    dataset = training.phases[-1].dataset
    export(run, checkpoints(run / CHECKPOINTS)[-1], dataset.directories[0])
    with contextlib.suppress(InputError):  # needs both objectives and a validation split
        metrics.say(f"{proof(read_metrics(run), passes=dataset.passes)}")
    metrics.say(f"wrote {run / MODEL}")


def _introduce(training: Training, metrics: Metrics, progress: Progress, notes: list[str]) -> None:
    for note in (*training.notes, *notes):
        metrics.say(note)
    size, config = sum(parameter.numel() for parameter in training.model.bert.parameters()), training.model.bert.config
    metrics.say(
        f"{training.objective}, {size / 1e6:,.1f} M parameters ({config.num_hidden_layers} layers of {config.hidden_size}), "
        f"{training.num_steps:,} steps from step {progress.step:,} on {training.processes.world_size} x {training.processes.device.type}"
    )
    guessed = {} if progress.step else guessing(training.phases[-1].dataset)
    guessed = {
        key: value
        for key, value in guessed.items()
        if key[:3] in training.objective.replace("sop", "nsp") or key == "rows"
    }
    if guessed:
        metrics.write({"kind": "baseline", "step": 0} | guessed)


@contextlib.contextmanager
def _record(training: Training, run: Path, progress: Progress) -> Iterator[Metrics | None]:
    """The metrics of the run on rank 0, None on the others."""
    if training.processes.rank:
        yield None
        return
    keep_metrics(run, step=progress.step)
    log, settings = training.config.log, training.config.to_dict()
    with Metrics(run, num_steps=training.num_steps, to=log.to, done=progress.step, settings=settings) as metrics:
        yield metrics


def _checkpoint(run: Path, *, resume: bool) -> Path | None:
    """The checkpoint to resume from, if any."""
    found = checkpoints(run / CHECKPOINTS)
    if not resume and (found or (run / MODEL).exists()):
        raise ConfigError(f"{run} already holds a training; --resume continues it, or name another directory with -o")
    return found[-1] if found else None


SETTINGS_SCHEMA = record(
    {
        "decisive": OBJECT,
        "phases": list_of(record({"steps": COUNT, "settings": OBJECT, "fingerprint": TEXT}), max_items=10_000),
    }
)
"""What a resumed run reads of `train.json`."""


def run_settings(training: Training) -> dict[str, Any]:
    """What `train.json` holds: the settings, and the values that a resumed run must share with this one."""
    phases = [
        {
            "dataset": planned.dataset.name,
            "fingerprint": planned.dataset.fingerprint,
            "steps": planned.steps,
            "settings": {key: value for key, value in asdict(planned.phase).items() if key not in UNDECISIVE},
        }
        for planned in training.phases
    ]
    return {"settings": training.config.to_dict(), "decisive": training.config.decisive(), "phases": phases}


def check_resumed(path: Path, now: dict[str, Any], *, step: int) -> list[str]:
    """Checks that a resumed run is the one that was started; it may have more steps and more phases.

    Args:
        path: `train.json` of the run.
        now: `run_settings` of the resumed run.
        step: number of updates of the checkpoint; 0 without one.

    Returns:
        Messages for the user.

    Raises:
        ConfigError: other settings, or fewer steps than are done; each changed setting is named.
        ShardError: `train.json` is corrupt.
    """
    if not step:
        return [f"nothing is saved in {path.parent} yet: starting from step 0"]
    try:
        before = parse(path.read_bytes(), name=path.name, schema=SETTINGS_SCHEMA)
        changed = [key for key, value in now["decisive"].items() if value != before["decisive"].get(key)]
        last = len(before["phases"]) - 1
        planned = sum(phase["steps"] for phase in before["phases"])
        for number, (old, new) in enumerate(zip(before["phases"], now["phases"], strict=False)):
            changed += [
                f"phases[{number}].{key}" for key, value in new["settings"].items() if value != old["settings"].get(key)
            ]
            changed += [f"phases[{number}].dataset"] if old["fingerprint"] != new["fingerprint"] else []
            changed += [f"phases[{number}].steps"] if number < last and old["steps"] != new["steps"] else []
    except (OSError, ShardError) as error:
        raise ShardError(f"{path}: not the settings of a run ({error}); start again with another -o") from error
    if len(now["phases"]) <= last:
        changed.append("phases")
    if changed:
        raise ConfigError(
            f"--resume: {path.parent} was started with other settings ({', '.join(sorted(changed))}); give the same ones, or start "
            "again with another -o"
        )
    total = sum(phase["steps"] for phase in now["phases"])
    if total < step:
        raise ConfigError(f"--resume: {path.parent} has {step:,} updates already, steps are {total:,}; give more steps")
    return (
        [f"{planned:,} steps were planned, now {total:,}: the schedule is that of the new number"]
        if total != planned
        else []
    )


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Writes a JSON file atomically and durably."""
    LocalFiles().write(str(path), (json.dumps(values, indent=1) + "\n").encode())


def export(run: Path, checkpoint: Path, dataset: Directory, files: LocalFiles | None = None) -> None:
    """Writes `RUN/model` from a checkpoint: weights, config and the dataset's tokenizer, for `transformers`."""
    files = files or LocalFiles()
    temporary = run / f".{MODEL}.tmp"
    files.delete(str(temporary))
    files.make_directories(temporary)
    for name in ("model.safetensors", "config.json"):
        files.disk.write_by(temporary / name, partial(shutil.copyfile, checkpoint / name))
    for name, content in dataset.tokenizer_files().items():
        files.disk.write(temporary / name, content)
    replace_directory(temporary, run / MODEL, files)
