"""The largest micro batch that the free memory of a device holds, by an estimate.

An update does not depend on its micro batches (losses are divided by the predictions of the whole update), so only memory and speed
depend on this estimate, never the training.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import BertConfig

    from nspdata.training.data import PlannedPhase

FROM_MEMORY = -1
"""Value of `micro_batch_sequences` that asks for this estimate."""

USED_SHARE = 0.8
"""Share of the free memory that is planned for; the rest is for the allocator, the kernels' own buffers and other ranks' messages."""

LAYER_VALUES = 17
"""Values that a layer keeps per token and unit of the hidden size: 34 bytes in 16 bits (Korthikanti et al. 2022, equation 2, without the
attention scores, which flash attention does not keep)."""

RESIDUAL_BYTES = 8
"""Further bytes per token and unit under autocast: LayerNorm's inputs and outputs in fp32, twice per layer."""

LOGIT_BYTES = 12
"""Bytes per logit: as computed, as fp32, and the gradients of both."""

MASKED_SHARE = 0.3
"""Share of masked tokens that is planned for."""

PARAMETER_BYTES = 14
"""Bytes per parameter that are not allocated yet: gradient and two moments in fp32, and the copy in 16 bits."""


def token_bytes(config: BertConfig, *, bf16: bool, recompute: bool = False) -> float:
    """Bytes that one token takes in a forward and backward pass.

    Args:
        config: of the model.
        bf16: whether products are computed in bf16.
        recompute: whether layers are computed again in the backward pass; then only the input of each layer is kept.
    """
    layer = config.hidden_size * (LAYER_VALUES * (2 if bf16 else 4) + (RESIDUAL_BYTES if bf16 else 0))
    layers = config.num_hidden_layers
    encoder = layer + layers * 4 * config.hidden_size if recompute else layer * layers
    return float(encoder + MASKED_SHARE * config.vocab_size * LOGIT_BYTES)


def token_limit(free_bytes: int, *, parameters: int, per_token: float) -> int:
    """Tokens of the largest micro batch.

    Args:
        free_bytes: of the device, with the model's fp32 parameters on it already.
        parameters: number of parameters of the model.
        per_token: see `token_bytes`.

    >>> token_limit(80_000_000_000, parameters=110_000_000, per_token=500_000)
    124920
    """
    return max(0, int((USED_SHARE * free_bytes - PARAMETER_BYTES * parameters) / per_token))


def free_bytes(device: torch.device) -> int | None:
    """Free memory of a CUDA device; None for a CPU, where micro batches have no limit."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def fitted(phases: list[PlannedPhase], tokens: int) -> tuple[list[PlannedPhase], list[str]]:
    """The phases that ask for it, with micro batches of at most this many tokens.

    A micro batch is the largest equal part of the rank's share of an update that fits; at least one sequence.

    Args:
        phases: planned with one micro batch per update.
        tokens: see `token_limit`; the same on all ranks.

    Returns:
        The phases, and messages for the user.
    """
    found, notes = list(phases), []
    for number, planned in enumerate(phases):
        if planned.phase.micro_batch_sequences == FROM_MEMORY:
            share, length = planned.accumulation * planned.rank_sequences, planned.dataset.metadata.max_seq_length
            most = max(1, tokens // length)
            size = max(part for part in range(1, min(share, most) + 1) if share % part == 0)
            found[number] = dataclasses.replace(planned, accumulation=share // size, rank_sequences=size)
            notes.append(
                f"micro batches of {size} sequences of {length} tokens: the device's memory holds about {tokens:,} tokens"
            )
    return found, notes
