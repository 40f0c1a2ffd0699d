"""The optimizers, the tensors with weight decay, and the optimizer state as plain tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch

from nspdata.errors import ConfigError, ShardError
from nspdata.training.checkpoint import load_tensors
from nspdata.training.processes import whole

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from nspdata.config.train import OptimizerConfig


class Lamb(torch.optim.Optimizer):
    """LAMB (You et al. 2020, arXiv:1904.00962): Adam whose step on each tensor has the norm of that tensor."""

    def __init__(self, groups: list[dict[str, Any]], config: OptimizerConfig) -> None:
        """Starts without moments; a group without weight decay takes plain Adam steps, as in NVIDIA's recipe."""
        betas = (config.beta1, config.beta2)
        super().__init__(groups, {"lr": config.learning_rate, "betas": betas, "eps": config.epsilon})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Makes one update; does not wait for the device."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        assert parameter.grad is not None
        beta1, beta2 = group["betas"]
        state["step"] += 1
        mean = state["exp_avg"].lerp_(parameter.grad, 1 - beta1) / (1 - beta1 ** state["step"])
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
        update = mean / ((square / (1 - beta2 ** state["step"])).sqrt() + group["eps"])
        if group["weight_decay"]:
            update += group["weight_decay"] * parameter
            weight, size = parameter.norm(), update.norm()
            update *= torch.where((weight > 0) & (size > 0), weight / size, 1.0)
        parameter -= group["lr"] * update


class MuonAdamW:
    """torch's Muon for matrices of the encoder, AdamW for embeddings, heads and vectors, as one optimizer."""

    def __init__(self, matrices: list[Tensor], groups: list[dict[str, Any]], config: OptimizerConfig) -> None:
        """Both use one learning rate: Muon's updates are scaled to the size of AdamW's.

        Raises:
            ConfigError: this torch has no Muon.
        """
        if not hasattr(torch.optim, "Muon"):
            raise ConfigError(f"optimizer.name=muon needs torch 2.9 or newer, not {torch.__version__}; use adamw")
        muon = torch.optim.Muon(
            matrices, lr=config.learning_rate, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw"
        )
        self._inner: list[torch.optim.Optimizer] = [muon, adamw(groups, config)]
        self.state = self._inner[0].state = self._inner[1].state
        self.param_groups = [group for optimizer in self._inner for group in optimizer.param_groups]

    def step(self) -> None:
        """One update."""
        for optimizer in self._inner:
            optimizer.step()

    def zero_grad(self, *, set_to_none: bool = True) -> None:
        """Deletes the gradients."""
        for optimizer in self._inner:
            optimizer.zero_grad(set_to_none=set_to_none)


def adamw(groups: list[dict[str, Any]], config: OptimizerConfig) -> torch.optim.AdamW:
    """Fused AdamW."""
    betas = (config.beta1, config.beta2)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, eps=config.epsilon, fused=True)


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """The optimizer over the trained parameters; vectors (biases, LayerNorm) do not decay."""
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    muon = {name for name, value in trained.items() if config.name == "muon" and ".encoder." in name and value.ndim > 1}
    matrices = [value for name, value in trained.items() if value.ndim > 1 and name not in muon]
    vectors = [value for value in trained.values() if value.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if config.name == "lamb":
        return Lamb(groups, config)
    if muon:
        return cast("torch.optim.Optimizer", MuonAdamW([trained[name] for name in sorted(muon)], groups, config))
    return adamw(groups, config)


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state by `parameter/quantity`, whole, copied to the CPU; every rank must call it."""
    return {
        f"{name}/{key}": copied(value)
        for name, parameter in model.named_parameters()
        for key, value in sorted(optimizer.state.get(parameter, {}).items())
    }


def load_optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Path) -> None:
    """Loads the `optimizer_tensors` of a checkpoint, sharded as the parameters are.

    Raises:
        ShardError: the checkpoint is corrupt.
    """
    parameters = dict(model.named_parameters())
    for key, value in load_tensors(checkpoint, "optimizer").items():
        name, _, quantity = key.partition("/")
        if name not in parameters or (quantity != "step" and value.shape != parameters[name].shape):
            raise ShardError(
                f"{checkpoint}: optimizer tensor {key!r} of shape {tuple(value.shape)} does not fit the model; remove the "
                "checkpoint to resume from the one before"
            )
        parameter = parameters[name]
        # the fused optimizer counts its steps where the parameter is, in a number that is never sharded
        placed = value.to(parameter.device) if quantity == "step" else like(parameter, value)
        optimizer.state[parameter][quantity] = placed


def copied(tensor: Tensor) -> Tensor:
    """A tensor, whole, copied to the CPU, so that training can continue while the copy is written."""
    tensor = whole(tensor).detach()
    return tensor.clone() if tensor.device.type == "cpu" else tensor.cpu()


def like(parameter: Tensor, value: Tensor) -> Tensor:
    """A whole tensor on the parameter's device, sharded as the parameter is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    moved = value.to(parameter.device)
    if isinstance(parameter, DTensor):
        return distribute_tensor(moved, parameter.device_mesh, parameter.placements)
    return moved
