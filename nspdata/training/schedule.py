"""The learning rate at a step: a pure function of the step, so that a resumed run has nothing to restore."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nspdata.config.train import OptimizerConfig


def learning_rate(step: int, num_steps: int, config: OptimizerConfig) -> float:
    """The learning rate of the update number `step`, from 0.

    >>> from nspdata.config.train import OptimizerConfig
    >>> config = OptimizerConfig(learning_rate=1.0, warmup_share=0.2)
    >>> [round(learning_rate(step, 10, config), 3) for step in range(10)]
    [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    """
    warmup = round(num_steps * config.warmup_share)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, num_steps - warmup)
    return config.learning_rate * (config.final_share + (1 - config.final_share) * _shape(done, num_steps, config))


def _shape(done: float, num_steps: int, config: OptimizerConfig) -> float:
    """The factor of the rate, 1 to 0, after this share of the steps that follow the warm-up."""
    if config.schedule == "linear":
        return 1 - done
    if config.schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if config.schedule == "wsd":
        after_warmup = max(1, num_steps - round(num_steps * config.warmup_share))
        decay = min(1.0, num_steps * config.decay_share / after_warmup)
        return min(1.0, (1 - done) / decay) if decay else 1.0
    return 1.0
