"""A whole training: from a dataset directory to a directory with a model, its record and its report."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nspdata.errors import ConfigError, InputError
from nspdata.training.checkpoint import Progress, checkpoints, load_progress, replace_directory
from nspdata.training.data import open_dataset
from nspdata.training.evaluation import guessing
from nspdata.training.loop import CHECKPOINTS, Loop
from nspdata.training.metrics import Metrics, keep_metrics, read_metrics
from nspdata.training.prepare import prepare_training
from nspdata.training.processes import joined
from nspdata.training.proof import proof
from nspdata.training.report import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nspdata.config.train import TrainConfig
    from nspdata.training.metrics import Line
    from nspdata.training.prepare import Training

SETTINGS = "train.json"
"""The settings of a run and the datasets that it reads, in its directory."""

MODEL = "model"
"""The finished model, in the directory of a run: loads with `transformers`."""

TOKENIZER_FILES = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a training ended.

    Attributes:
        finished: whether its last step was reached; else SIGTERM came.
        step: updates made.
        num_steps: updates of the whole training.
        lines: of `metrics.jsonl`; on rank 0.
    """

    finished: bool
    step: int
    num_steps: int
    lines: list[Line]


def train(directory: Path, run: Path, config: TrainConfig, *, resume: bool = False) -> Outcome:
    """Trains, on every rank that torchrun started.

    Args:
        directory: the dataset directory.
        run: the directory of the run.
        config: the settings.
        resume: go on from the run's last checkpoint; begin where there is none.

    Raises:
        ConfigError: settings, model, datasets and run do not fit together.
        ShardError: a dataset or a checkpoint is damaged.
        TrainingError: the training diverged.
    """
    with joined(config.device) as processes:
        checkpoint = _opened(run, directory, config, resume=resume)
        processes.wait()
        training = prepare_training(config, directory, processes, checkpoint=checkpoint)
        progress = load_progress(checkpoint) if checkpoint else Progress()
        if processes.rank == 0:
            _record_settings(run, directory, config)
        with _record(training, run, progress) as metrics:
            finished = _go(training, run, metrics, progress)
            step = training.num_steps if finished else load_progress(checkpoints(run / CHECKPOINTS)[-1]).step
        if processes.rank == 0:
            write_report(run)
        processes.wait()
    return Outcome(finished=finished, step=step, num_steps=training.num_steps, lines=read_metrics(run))


def _go(training: Training, run: Path, metrics: Metrics | None, progress: Progress) -> bool:
    """Says what is at hand, trains, and writes the model."""
    if metrics:
        _introduce(training, metrics, progress)
    if not Loop(training, run, metrics, progress).train():
        return False
    if metrics:
        export(run, checkpoints(run / CHECKPOINTS)[-1], training.phases[-1].dataset.directory)
        with contextlib.suppress(InputError):  # only what was trained and held out can be told
            metrics.say(f"{proof(read_metrics(run), passes=training.phases[-1].dataset.passes)}")
        metrics.say(f"wrote {run / MODEL}")
    return True


def _introduce(training: Training, metrics: Metrics, progress: Progress) -> None:
    for note in training.notes:
        metrics.say(note)
    size, config = sum(parameter.numel() for parameter in training.model.bert.parameters()), training.model.bert.config
    metrics.say(
        f"{training.objective}, {size / 1e6:,.1f} M parameters ({config.num_hidden_layers} layers of {config.hidden_size}), "
        f"{training.num_steps:,} steps from step {progress.step:,} on {training.processes.world_size} x {training.processes.device.type}"
    )
    figures = {} if progress.step else guessing(training.phases[-1].dataset)
    figures = {
        key: value
        for key, value in figures.items()
        if key[:3] in training.objective.replace("sop", "nsp") or key == "rows"
    }
    if figures:
        metrics.write({"kind": "baseline", "step": 0} | figures)


@contextlib.contextmanager
def _record(training: Training, run: Path, progress: Progress) -> Iterator[Metrics | None]:
    """The run's record on rank 0, and nothing on the others."""
    if training.processes.rank:
        yield None
        return
    keep_metrics(run, step=progress.step)
    log = training.config.log
    with Metrics(run, num_steps=training.num_steps, tensorboard=log.tensorboard, done=progress.step) as metrics:
        yield metrics


def _opened(run: Path, directory: Path, config: TrainConfig, *, resume: bool) -> Path | None:
    """The checkpoint to go on from, if any."""
    found = checkpoints(run / CHECKPOINTS)
    if not resume:
        if found or (run / MODEL).exists():
            raise ConfigError(
                f"{run} already holds a training; --resume goes on with it, or name another directory with -o"
            )
        return None
    if not (run / SETTINGS).exists():
        return None
    before = json.loads((run / SETTINGS).read_text(encoding="utf-8"))
    now = _settings(directory, config)
    changed = sorted(key for key in now["decisive"] if now["decisive"][key] != before["decisive"].get(key))
    if changed:
        raise ConfigError(
            f"--resume: {run} was begun with other settings ({', '.join(changed)}); give the same ones, or begin anew with another -o"
        )
    return found[-1] if found else None


def _settings(directory: Path, config: TrainConfig) -> dict[str, Any]:
    paths = sorted({phase.dataset or str(directory) for phase in config.stages})
    datasets = {f"dataset {number}": open_dataset(path).fingerprint for number, path in enumerate(paths)}
    return {"datasets": paths, "settings": config.to_dict(), "decisive": config.decisive() | datasets}


def _record_settings(run: Path, directory: Path, config: TrainConfig) -> None:
    run.mkdir(parents=True, exist_ok=True)
    (run / SETTINGS).write_text(json.dumps(_settings(directory, config), indent=1) + "\n", encoding="utf-8")


def export(run: Path, checkpoint: Path, dataset: Path) -> None:
    """Writes `RUN/model` from a checkpoint: weights, config and the dataset's tokenizer, for `transformers`."""
    temporary = run / f".{MODEL}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for path in (checkpoint / "model.safetensors", checkpoint / "config.json"):
        shutil.copyfile(path, temporary / path.name)
    for name in TOKENIZER_FILES:
        if (dataset / "tokenizer" / name).exists():
            shutil.copyfile(dataset / "tokenizer" / name, temporary / name)
    replace_directory(temporary, run / MODEL)
