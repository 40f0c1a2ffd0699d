"""Prepares everything that a training needs before its first step."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from nspdata.arrays import random as seeding
from nspdata.config.train import SIZES
from nspdata.errors import ConfigError
from nspdata.training.data import phase_of, plan_phases, resolve_objective
from nspdata.training.layers import use_bf16_residual, use_fused_qkv
from nspdata.training.memory import fitted, free_bytes, token_bytes, token_limit
from nspdata.training.model import Pretraining, checkpoint_model, fresh_model, saved_model
from nspdata.training.optimizer import load_optimizer_tensors, make_optimizer
from nspdata.training.processes import set_device_options, spread
from nspdata.training.schedule import learning_rate
from nspdata.training.throughput import measured_peak

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor, nn
    from transformers import BertForPreTraining

    from nspdata.config.train import TrainConfig
    from nspdata.training.data import PlannedPhase
    from nspdata.training.processes import Processes

VOCAB_MULTIPLE = 64
"""On a GPU the logits are padded to a multiple of this: 30,522 is not even a multiple of 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Model, optimizer and plan.

    Attributes:
        config: the settings.
        processes: the ranks that train.
        objective: `mlm+nsp`, `mlm+sop`, `mlm`, `nsp` or `sop`.
        phases: in order.
        model: the plain model; its parameters are what is saved.
        module: the callable of the step: the model compiled, copied or sharded.
        optimizer: over the model's parameters.
        parameters: the trained parameters.
        bf16: whether products are computed in bf16.
        peak: the device's measured floating-point operations a second in that precision.
        notes: messages about weights that a checkpoint lacks and that were initialised.
    """

    config: TrainConfig
    processes: Processes
    objective: str
    phases: list[PlannedPhase]
    model: Pretraining
    module: nn.Module
    optimizer: torch.optim.Optimizer
    parameters: list[Tensor]
    bf16: bool
    peak: float
    notes: list[str]

    @property
    def num_steps(self) -> int:
        """Updates of all phases."""
        return self.phases[-1].end

    @property
    def fixed_shapes(self) -> bool:
        """Whether batches are padded to few shapes: packed sequences for a compiled step."""
        device = self.config.device
        cuda = self.processes.device.type == "cuda"
        return device.layout == "packed" and (cuda or device.compile in {"yes", "max"})

    def rate(self, step: int) -> float:
        """The learning rate of the update number `step`, from 0: the schedule's, with the highest rate of its phase."""
        config = self.config.optimizer
        own = phase_of(self.phases, step).phase.learning_rate or config.learning_rate
        return learning_rate(step, self.num_steps, dataclasses.replace(config, learning_rate=own))

    def autocast(self) -> AbstractContextManager[object]:
        """The precision of a forward pass."""
        return torch.autocast(self.processes.device.type, torch.bfloat16) if self.bf16 else contextlib.nullcontext()


def _unread(config: TrainConfig, directory: str) -> list[str]:
    """A message if each phase names other datasets than the one that was given."""
    read = {name for phase in config.stages for name in phase.mixture or [phase.dataset or directory]}
    return [] if directory in read else [f"{directory} is not read: each phase names its own datasets"]


def prepare_training(
    config: TrainConfig, directory: str, processes: Processes, *, checkpoint: Path | None = None
) -> Training:
    """Opens the datasets, makes or reads the model, and distributes it over the ranks.

    Args:
        config: the settings.
        directory: the dataset directory or URL of phases that name none.
        processes: the ranks that train.
        checkpoint: a checkpoint of this training to resume from.

    Raises:
        ConfigError: the settings, the model and the datasets do not fit together.
        ShardError: a dataset or the checkpoint is corrupt.
    """
    config = config.with_rate()
    set_device_options(config.device)
    if config.device.parallel == "fsdp" and config.optimizer.name != "adamw" and processes.world_size > 1:
        raise ConfigError(
            f"optimizer.name={config.optimizer.name} needs whole tensors; use device.parallel=ddp or adamw"
        )
    phases = plan_phases(config, directory, world_size=processes.world_size)
    objective = resolve_objective(config, phases[0].dataset)
    cuda = processes.device.type == "cuda"
    bert, notes = (saved_model(checkpoint), []) if checkpoint else _first_model(config, phases)
    bf16 = config.device.precision == "bf16" or (config.device.precision == "auto" and cuda)
    if config.device.residual == "bf16" and bf16:
        use_bf16_residual(bert)
    if config.device.fused_qkv:
        use_fused_qkv(bert)
    model = Pretraining(
        bert.to(processes.device),
        objective,
        vocab_multiple=VOCAB_MULTIPLE if cuda else 1,
        recompute=config.model.activation_checkpointing,
    )
    compiled = config.device.compile in {"yes", "max"} or (config.device.compile == "auto" and cuda)
    phases, fits = _fitted(phases, model, processes, bf16=bf16)
    module = spread(model.train(), processes, config.device, compiled=compiled, bf16=bf16)
    optimizer = make_optimizer(model, config.optimizer)
    if checkpoint:
        load_optimizer_tensors(bert, optimizer, checkpoint)
    return Training(
        config=config,
        processes=processes,
        objective=objective,
        phases=phases,
        model=model,
        module=module,
        optimizer=optimizer,
        parameters=[parameter for parameter in model.parameters() if parameter.requires_grad],
        bf16=bf16,
        peak=measured_peak(processes.device, torch.bfloat16 if bf16 else torch.float32),
        notes=[*notes, *fits, *_unread(config, directory)],
    )


def _fitted(
    phases: list[PlannedPhase], model: Pretraining, processes: Processes, *, bf16: bool
) -> tuple[list[PlannedPhase], list[str]]:
    """The phases with micro batches that fit into the memory of every rank, and messages for the user."""
    free = free_bytes(processes.device)
    if free is None:
        return phases, []
    per_token = token_bytes(model.bert.config, bf16=bf16, recompute=model.recompute)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    tokens = token_limit(free, parameters=parameters, per_token=per_token)
    return fitted(phases, -processes.highest(-tokens))


def _first_model(config: TrainConfig, phases: list[PlannedPhase]) -> tuple[BertForPreTraining, list[str]]:
    """The model that a training starts with, the same on every rank."""
    vocabulary = phases[0].dataset.directories[0].vocabulary
    longest = max(planned.dataset.metadata.max_seq_length for planned in phases)
    torch.manual_seed(int(seeding.stream(config.seed, "weights").random_raw()) >> 1)
    source = config.model.source
    if source in SIZES:
        return fresh_model(source, vocabulary, max_seq_length=longest, config=config.model), []
    return checkpoint_model(Path(source), vocabulary, max_seq_length=longest, config=config.model)
