"""Floating-point operations of the model, and the measured peak of the device."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import BertConfig


def training_flops(config: BertConfig, *, tokens: int, squares: int, masked: int, rows: int) -> float:
    """Floating-point operations of a forward and backward pass, matrix products only, nothing counted for padding.

    Args:
        config: the model.
        tokens: real tokens.
        squares: the sum of the squared lengths of the rows, for attention.
        masked: positions that the MLM head is computed at.
        rows: rows that the pooler is computed for.

    >>> from transformers import BertConfig
    >>> round(training_flops(BertConfig(), tokens=1, squares=128, masked=0, rows=0) / 1e6)
    524
    """
    layers, hidden = config.num_hidden_layers, config.hidden_size
    matrices = layers * (4 * hidden**2 + 2 * hidden * config.intermediate_size)
    attention = 2 * layers * hidden * squares
    head = masked * (hidden**2 + hidden * config.vocab_size) + rows * hidden**2
    return float(6 * (matrices * tokens + attention + head))


def measured_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations per second of a large product of random matrices, the best of a few within about a second."""
    size, rounds = (8192, 10) if device.type == "cuda" else (512, 40)
    generator = torch.Generator(device).manual_seed(0)
    a, b = (torch.randn(size, size, device=device, generator=generator).to(dtype) for _ in range(2))
    best, begin = 0.0, time.perf_counter()
    for _ in range(rounds):
        _wait(device)
        start = time.perf_counter()
        a @ b
        _wait(device)
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
        if time.perf_counter() - begin > 1:  # bf16 on a processor without such instructions: seconds a product
            break
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
