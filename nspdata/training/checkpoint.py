"""Checkpoints: directories that appear whole or not at all, without pickle, the last few kept.

A checkpoint holds the model (loads with `transformers`), the optimizer's tensors, and a few numbers: the step and the loader's state.
Dropout is seeded at each step from (seed, step, rank), and the learning rate is a function of the step, so there is no other state.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save_file

from nspdata.errors import ShardError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor
    from transformers import BertConfig

VERSION = 1
PREFIX = "step-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a training is; all that a resumed one needs beside the tensors.

    Attributes:
        step: updates made.
        loader: state of the loader of the phase that the last update was in.
        tokens: real tokens trained on.
        rows: rows trained on.
        seconds: spent in training, start-up and evaluation not counted.
        best: the lowest `mlm_loss` and `nsp_loss` of a line of the metrics.
        version: of this file.
    """

    step: int = 0
    loader: dict[str, Any] | None = None
    tokens: int = 0
    rows: int = 0
    seconds: float = 0.0
    best: dict[str, float] = field(default_factory=dict)
    version: int = VERSION


def write_model(directory: Path, tensors: Mapping[str, Tensor], config: BertConfig) -> None:
    """Writes `model.safetensors` and `config.json`."""
    directory.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        directory / "model.safetensors",
        {"format": "pt"},
    )
    (directory / "config.json").write_text(config.to_json_string(), encoding="utf-8")


def replace_directory(temporary: Path, final: Path) -> None:
    """Gives a finished directory its name; what bore it goes. Its files are on the disk before."""
    for path in (*temporary.iterdir(), temporary):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    if final.exists():
        shutil.rmtree(final)
    temporary.rename(final)


def save_checkpoint(
    directory: Path,
    progress: Progress,
    *,
    model: tuple[Mapping[str, Tensor], BertConfig],
    optimizer: Mapping[str, Tensor],
    keep: int,
) -> Path:
    """Writes a checkpoint under a temporary name, gives it its own, and removes the oldest.

    Args:
        directory: where the checkpoints are.
        progress: how far the training is.
        model: tensors by name, and the config.
        optimizer: tensors by name.
        keep: how many checkpoints stay.
    """
    final = directory / f"{PREFIX}{progress.step:08d}"
    temporary = directory / f".{final.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    write_model(temporary, *model)
    save_file(dict(optimizer), temporary / "optimizer.safetensors")
    (temporary / "progress.json").write_text(json.dumps(asdict(progress), indent=1) + "\n", encoding="utf-8")
    replace_directory(temporary, final)
    for old in checkpoints(directory)[:-keep]:
        shutil.rmtree(old)
    return final


def checkpoints(directory: Path) -> list[Path]:
    """The finished checkpoints of a run, oldest first."""
    return sorted(directory.glob(f"{PREFIX}*"))


def load_progress(checkpoint: Path) -> Progress:
    """How far the training was.

    Raises:
        ShardError: the checkpoint is damaged or of another version.
    """
    path = checkpoint / "progress.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["version"] != VERSION:
            raise ShardError(f"{path}: version {values['version']!r}; this nspdata reads version {VERSION}")
        return Progress(**values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ShardError(
            f"{path}: not a checkpoint's progress ({error}); remove {checkpoint} to go on from the one before"
        ) from error


def load_tensors(checkpoint: Path, name: str) -> dict[str, Tensor]:
    """The tensors of `model` or `optimizer`, on the processor.

    Raises:
        ShardError: the file is missing or damaged.
    """
    path = checkpoint / f"{name}.safetensors"
    try:
        return load_file(path)
    except Exception as error:  # safetensors has an error class of its own
        raise ShardError(
            f"{path}: cannot be read ({error}); remove {checkpoint} to go on from the one before"
        ) from error
