"""Checkpoints: directories that appear whole or not at all, without pickle, the last few kept.

A checkpoint holds the model (loads with `transformers`), the optimizer's tensors, the settings, and a few numbers: the step and the
loaders' states. Dropout is seeded at each step from (seed, step, rank), and the learning rate is a function of the step, so there is
no other state.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save_file

from nspdata.errors import ShardError
from nspdata.files.checked_json import LARGEST, OBJECT, parse
from nspdata.files.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor
    from transformers import BertConfig

CHECKPOINT_VERSION = 2
PREFIX = "step-"
REMEDY = "remove the checkpoint to resume from the one before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a training: everything that a resumed one needs besides the tensors.

    Attributes:
        step: number of updates done.
        loaders: state of each stream of samples that was read.
        tokens: real tokens trained on.
        rows: rows trained on.
        seconds: spent in training, without start-up and evaluation.
        best: the lowest `mlm_loss` and `nsp_loss` in any line of the metrics.
        version: format version of this file.
    """

    step: int = 0
    loaders: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: int = 0
    rows: int = 0
    seconds: float = 0.0
    best: dict[str, float] = field(default_factory=dict)
    version: int = CHECKPOINT_VERSION

    def __post_init__(self) -> None:
        for key in ("step", "tokens", "rows"):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
                raise ValueError(f"{key} must be an integer from 0 to {LARGEST}, not {value!r}")
        if not isinstance(self.best, dict):
            raise TypeError(f"best must be a table of numbers, not {self.best!r}")
        numbers = {"seconds": self.seconds, **self.best}
        for key, number in numbers.items():
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < float("inf"):
                raise ValueError(f"{key} must be a finite number, 0 or more, not {number!r}")
        if not isinstance(self.loaders, dict) or not all(isinstance(state, dict) for state in self.loaders.values()):
            raise ValueError(f"loaders must be a table of states, not {self.loaders!r}")


class Writer:
    """Writes checkpoints in a thread, one at a time; an error of the thread is raised by the next call."""

    def __init__(self, *, background: bool) -> None:
        """Starts no thread yet; without `background`, `submit` writes immediately."""
        self._background = background
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def submit(self, write: Callable[[], object]) -> None:
        """Waits for the previous checkpoint, and starts to write this one."""
        self.wait()
        if not self._background:
            write()
            return
        self._thread = threading.Thread(target=self._run, args=(write,), name="checkpoint")
        self._thread.start()

    def wait(self) -> None:
        """Waits until the submitted checkpoint is written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _run(self, write: Callable[[], object]) -> None:
        try:
            write()
        except BaseException as error:  # noqa: BLE001 - raised again in the training's thread
            self._error = error


def write_model(directory: Path, tensors: Mapping[str, Tensor], config: BertConfig, files: LocalFiles) -> None:
    """Writes `model.safetensors` and `config.json`."""
    files.make_directories(directory)
    kept = {name: tensor.contiguous() for name, tensor in tensors.items()}
    files.disk.write_by(directory / "model.safetensors", lambda path: save_file(kept, path, {"format": "pt"}))
    files.disk.write(directory / "config.json", config.to_json_string().encode())


def replace_directory(temporary: Path, final: Path, files: LocalFiles) -> None:
    """Renames a finished directory and deletes the one it replaces. Its files are synced to the disk first.

    At no moment is there a directory of the final name that lacks files.
    """
    for path in (*sorted(temporary.iterdir()), temporary):
        files.disk.sync(path)
    old = _hidden(final, "old")
    if final.exists():
        files.delete(str(old))
        files.disk.replace(final, old)
    files.disk.replace(temporary, final)
    files.disk.sync(final.parent)
    files.delete(str(old))


def _hidden(path: Path, suffix: str) -> Path:
    return path.with_name(f".{path.name}.{suffix}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Contents of a checkpoint besides the progress.

    Attributes:
        model: the model's tensors by name.
        config: of the model.
        optimizer: the optimizer's tensors by name.
        settings: of the training, for display.
    """

    model: Mapping[str, Tensor]
    config: BertConfig
    optimizer: Mapping[str, Tensor]
    settings: Mapping[str, Any]


def save_checkpoint(
    directory: Path, progress: Progress, content: Content, *, keep: int, files: LocalFiles | None = None
) -> Path:
    """Writes a checkpoint under a temporary name, renames it, and removes the oldest.

    Args:
        directory: where the checkpoints are.
        progress: how far the training is.
        content: tensors, config and settings.
        keep: how many checkpoints are kept.
        files: the disk.
    """
    files = files or LocalFiles()
    final = directory / f"{PREFIX}{progress.step:08d}"
    temporary = _hidden(final, "tmp")
    files.delete(*map(str, sorted(directory.glob(f".{PREFIX}*"))))  # of a killed process
    write_model(temporary, content.model, content.config, files)
    optimizer = dict(content.optimizer)
    files.disk.write_by(temporary / "optimizer.safetensors", lambda path: save_file(optimizer, path))
    for name, values in (("settings", content.settings), ("progress", asdict(progress))):
        files.disk.write(temporary / f"{name}.json", (json.dumps(values, indent=1) + "\n").encode())
    replace_directory(temporary, final, files)
    for old in checkpoints(directory)[:-keep]:
        files.disk.replace(old, _hidden(old, "old"))
        files.delete(str(_hidden(old, "old")))
    return final


def checkpoints(directory: Path) -> list[Path]:
    """The finished checkpoints of a run, oldest first."""
    return sorted(directory.glob(f"{PREFIX}*"))


def load_progress(checkpoint: Path) -> Progress:
    """Reads the progress of the training.

    Raises:
        ShardError: the checkpoint is corrupt or of another version.
    """
    path = checkpoint / "progress.json"
    try:
        values = parse(path.read_bytes(), name=path.name, schema=OBJECT)
    except (ShardError, OSError) as error:
        raise _not_progress(checkpoint, error) from error
    if values.get("version") != CHECKPOINT_VERSION:
        raise ShardError(f"{path}: version {values.get('version')!r}; this nspdata reads version {CHECKPOINT_VERSION}")
    try:
        progress = Progress(**values)
    except (ValueError, TypeError) as error:
        raise _not_progress(checkpoint, error) from error
    named = checkpoint.name.removeprefix(PREFIX)
    if named.isdigit() and int(named) != progress.step:
        raise _not_progress(checkpoint, f"step is {progress.step}, the directory is named {checkpoint.name}")
    return progress


def _not_progress(checkpoint: Path, why: object) -> ShardError:
    return ShardError(f"{checkpoint}/progress.json: not the progress of a checkpoint ({why}); {REMEDY} ({checkpoint})")


def load_tensors(checkpoint: Path, name: str) -> dict[str, Tensor]:
    """The tensors of `model` or `optimizer`, on the CPU.

    Raises:
        ShardError: the file is missing or corrupt.
    """
    path = checkpoint / f"{name}.safetensors"
    try:
        return load_file(path)
    except Exception as error:  # safetensors defines its own error class
        raise ShardError(f"{path}: cannot be read ({error}); {REMEDY} ({checkpoint})") from error
