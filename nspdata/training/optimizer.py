"""AdamW, its parts that decay and those that do not, and its state as plain tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nspdata.training.checkpoint import load_tensors
from nspdata.training.processes import whole

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from nspdata.config.train import OptimizerConfig


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """Fused AdamW over what the objective trains; vectors (biases, LayerNorm) do not decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), eps=config.epsilon, fused=True
    )


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state by `parameter/quantity`, whole, on the processor; every rank must call it."""
    return {
        f"{name}/{key}": whole(value).detach().cpu()
        for name, parameter in model.named_parameters()
        for key, value in sorted(optimizer.state.get(parameter, {}).items())
    }


def load_optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Path) -> None:
    """Puts `optimizer_tensors` of a checkpoint back, sharded as the parameters are.

    Raises:
        ShardError: the checkpoint is damaged.
    """
    parameters = dict(model.named_parameters())
    for key, value in load_tensors(checkpoint, "optimizer").items():
        name, _, quantity = key.partition("/")
        parameter = parameters[name]
        # the fused optimizer counts its steps where the parameter is, in a number that is never sharded
        placed = value.to(parameter.device) if quantity == "step" else like(parameter, value)
        optimizer.state[parameter][quantity] = placed


def like(parameter: Tensor, value: Tensor) -> Tensor:
    """A whole tensor where the parameter is, sharded as it is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    moved = value.to(parameter.device)
    if isinstance(parameter, DTensor):
        return distribute_tensor(moved, parameter.device_mesh, parameter.placements)
    return moved
