"""One process or many: the rank of this one, collective operations, and how the model is distributed."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from nspdata.config.train import DeviceConfig
    from nspdata.training.model import Pretraining

Function = TypeVar("Function", bound="Callable[..., object]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """This process among the ranks of a training.

    Attributes:
        rank: its number, from 0; rank 0 writes.
        world_size: number of ranks.
        device: its device.
    """

    rank: int
    world_size: int
    device: torch.device

    def summed(self, values: Tensor) -> Tensor:
        """Returns the sum of all ranks' tensors; does not wait for a GPU."""
        if self.world_size > 1:
            distributed.all_reduce(values)
        return values

    def highest(self, value: int) -> int:
        """Returns the largest of all ranks' numbers; waits for all of them."""
        if self.world_size == 1:
            return value
        tensor = torch.tensor(value, device=self.device)
        distributed.all_reduce(tensor, op=distributed.ReduceOp.MAX)
        return int(tensor)

    def wait(self) -> None:
        """Waits until all ranks have called it."""
        if self.world_size > 1:
            distributed.barrier()


def reported(function: Function) -> Function:
    """Under torchrun, a function whose error torchrun reports if its rank fails first; else the function."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return function
    from torch.distributed.elastic.multiprocessing.errors import record

    return cast("Function", record(function))


@contextlib.contextmanager
def joined(config: DeviceConfig) -> Iterator[Processes]:
    """Joins the processes that torchrun started, if it did.

    Raises:
        ConfigError: CUDA is requested but not available.
    """
    if config.name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device.name is 'cuda', but torch sees no CUDA device here; use device.name=auto or cpu")
    cuda = config.name != "cpu" and torch.cuda.is_available()
    rank, world_size, local = (int(os.environ.get(key, default)) for key, default in _TORCHRUN)
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if world_size > 1:
        distributed.init_process_group("nccl" if cuda else "gloo", device_id=device if cuda else None)
    try:
        yield Processes(rank=rank, world_size=world_size, device=device)
    finally:
        if world_size > 1:
            distributed.destroy_process_group()


_TORCHRUN = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))


def spread(model: Pretraining, processes: Processes, config: DeviceConfig, *, compiled: bool, bf16: bool) -> nn.Module:
    """Wraps the model for the training step: compiled, and with several ranks copied (DDP) or sharded (FSDP2)."""
    if config.parallel == "fsdp" and processes.world_size > 1:
        _shard(model, processes, compiled=compiled, bf16=bf16)
        return model
    module: nn.Module = model
    if processes.world_size > 1:
        module = nn.parallel.DistributedDataParallel(
            model,
            device_ids=[processes.device] if processes.device.type == "cuda" else None,
            broadcast_buffers=False,
            gradient_as_bucket_view=True,
        )
    mode = "max-autotune-no-cudagraphs" if config.compile == "max" else None
    return cast("nn.Module", torch.compile(module, mode=mode)) if compiled else module


def set_device_options(config: DeviceConfig) -> None:
    """Sets torch's process-wide options: TF32, and the implementation of flash attention.

    Raises:
        ConfigError: this torch has no FlashAttention 3, or its package is missing.
    """
    torch.backends.cuda.matmul.allow_tf32 = config.tf32
    if config.flash_attention == "fa3":
        activate = getattr(torch.nn.attention, "activate_flash_attention_impl", None)
        if activate is None:
            raise ConfigError(f"device.flash_attention=fa3 needs a newer torch than {torch.__version__}; use auto")
        try:
            activate("FA3")
        except (ImportError, ModuleNotFoundError, RuntimeError, ValueError) as error:
            raise ConfigError(f"device.flash_attention=fa3: {error}; install flash_attn_3, or use auto") from error


def _shard(model: Pretraining, processes: Processes, *, compiled: bool, bf16: bool) -> None:
    mesh = init_device_mesh(processes.device.type, (processes.world_size,))
    policy = (
        MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32) if bf16 else MixedPrecisionPolicy()
    )
    if compiled:
        model.predict = torch.compile(model.predict)
    for layer in model.bert.bert.encoder.layer:
        if compiled:
            layer.compile()
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)


def synchronize_gradients(module: nn.Module, *, now: bool) -> None:
    """Whether the next backward pass exchanges gradients between ranks: only the last one of an update does."""
    inner = getattr(module, "_orig_mod", module)
    if isinstance(inner, nn.parallel.DistributedDataParallel):
        inner.require_backward_grad_sync = now
    elif isinstance(inner, FSDPModule):
        inner.set_requires_gradient_sync(now)


def whole(tensor: Tensor) -> Tensor:
    """Returns the full tensor of one that may be sharded; if it is, every rank must call it."""
    full = getattr(tensor, "full_tensor", None)
    return cast("Tensor", full()) if full else tensor
