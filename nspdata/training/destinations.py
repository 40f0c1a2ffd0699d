"""Where metrics go besides `metrics.jsonl`: TensorBoard, Weights & Biases, MLflow; each package is imported only if it is requested."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUN_ID = ".wandb_id"
"""File of the run's directory with its id at Weights & Biases, so that a resumed run continues its curves."""


class Destination(Protocol):
    """Takes the numbers of a line."""

    def write(self, values: dict[str, float], step: int) -> None:
        """Records numbers by name, such as `train/mlm_loss`."""
        ...

    def close(self) -> None:
        """Flushes and closes."""
        ...


class TensorBoard:
    """Files for `tensorboard --logdir RUN`."""

    def __init__(self, run: Path, _: dict[str, Any], done: int) -> None:
        """Opens the files; steps after `done` of an earlier run are hidden."""
        writer = _imported("torch.utils.tensorboard", "tensorboard").SummaryWriter
        self._writer = writer(str(run / "tensorboard"), purge_step=done + 1 if done else None)

    def write(self, values: dict[str, float], step: int) -> None:
        """See `Destination.write`."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """See `Destination.close`."""
        self._writer.close()


class Wandb:
    """A run of Weights & Biases; `WANDB_PROJECT`, `WANDB_MODE` and its other variables apply."""

    def __init__(self, run: Path, settings: dict[str, Any], _: int) -> None:
        """Starts the run, or continues it if it was started before."""
        wandb, path = _imported("wandb", "wandb"), run / RUN_ID
        known = path.read_text(encoding="utf-8").strip() if path.exists() else None
        self._run = wandb.init(dir=str(run), name=run.name, config=settings, id=known, resume="allow")
        path.write_text(f"{self._run.id}\n", encoding="utf-8")

    def write(self, values: dict[str, float], step: int) -> None:
        """See `Destination.write`."""
        self._run.log(values, step=step)

    def close(self) -> None:
        """See `Destination.close`."""
        self._run.finish()


class MLflow:
    """A run of MLflow; `MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME` apply."""

    def __init__(self, run: Path, settings: dict[str, Any], _: int) -> None:
        """Starts the run."""
        self._mlflow = _imported("mlflow", "mlflow")
        self._mlflow.start_run(run_name=run.name)
        flat = {
            f"{table}.{key}": value
            for table, part in settings.items()
            if isinstance(part, dict)
            for key, value in part.items()
        }
        self._mlflow.log_params({key: value for key, value in settings.items() if not isinstance(value, dict)} | flat)

    def write(self, values: dict[str, float], step: int) -> None:
        """See `Destination.write`."""
        self._mlflow.log_metrics({name: float(value) for name, value in values.items()}, step=step)

    def close(self) -> None:
        """See `Destination.close`."""
        self._mlflow.end_run()


DESTINATIONS: dict[str, Callable[[Path, dict[str, Any], int], Destination]] = {
    "tensorboard": TensorBoard,
    "wandb": Wandb,
    "mlflow": MLflow,
}
"""The destinations by their name in `log.to`."""


def _imported(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"log.to has {package!r}, and the package is not installed ({error}); pip install {package}, or leave it out of log.to"
        ) from error
