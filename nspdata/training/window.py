"""The updates since the last line of the metrics: summed when the line is due, and checked to be finite and not diverging."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from nspdata.training.metrics import TrainingError
from nspdata.training.throughput import training_flops

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from nspdata.training.batches import Fed, Feeder
    from nspdata.training.metrics import Line
    from nspdata.training.model import Pretraining
    from nspdata.training.prepare import Training

NAMED_ROWS = 64
"""Largest number of rows in an error message."""

SUMS = ("mlm_loss", "mlm_correct", "nsp_loss", "nsp_correct")


class Update(NamedTuple):
    """What is kept of an update until the next line; the batch itself is not, so that its memory on the device is free.

    Attributes:
        step: its number, from 1.
        places: shape (num_rows, 2), int64: shard and row of each row on this rank.
        size: shape (4,): see `Fed.size`.
        sums: shape (7,): see `train_step`; may still be computed on the device.
    """

    step: int
    places: NDArray[np.int64]
    size: Tensor
    sums: Tensor


class MetricsWindow:
    """Results on the device, since the last line, that were not copied to the CPU yet."""

    def __init__(self, training: Training, best: dict[str, float]) -> None:
        """An empty window.

        Args:
            training: model, settings, processes.
            best: the lowest `mlm_loss` and `nsp_loss` of the earlier lines.
        """
        self.training, self.best = training, dict(best)
        self.pending: list[Update] = []
        self._since, self._waited = time.perf_counter(), 0.0

    def start(self) -> None:
        """Restarts the clock, to exclude the time before."""
        if not self.pending:
            self._since = time.perf_counter()

    def add(self, step: int, micro_batches: list[Fed], step_sums: Tensor) -> None:
        """Adds an update.

        Args:
            step: its number, from 1.
            micro_batches: the batches of the update.
            step_sums: see `train_step`; may still be computed on the device.
        """
        places = np.concatenate([fed.places for fed in micro_batches])
        self.pending.append(Update(step, places, torch.stack([fed.size for fed in micro_batches]).sum(0), step_sums))

    def close(self, feeder: Feeder, *, last_good: Callable[[], str]) -> Line:
        """Waits for the device and empties the window into a line.

        Raises:
            TrainingError: a loss or a gradient is not finite, or a loss is far above its best.
        """
        step_sums = torch.stack([update.sums for update in self.pending]).double().cpu()  # (num_steps, 7)
        seconds = time.perf_counter() - self._since
        size = torch.stack([update.size for update in self.pending]).sum(0)
        processes, step = self.training.processes, self.pending[-1].step
        mine = torch.cat([step_sums[:, :4].sum(0), size]).to(processes.device)
        sums = processes.summed(mine).tolist()
        self._check_finite(step_sums, last_good)
        line = figures(dict(zip(SUMS, sums, strict=False)), masked=sums[6], rows=sums[7], model=self.training.model)
        self._check_divergence(line, step, last_good)
        line |= {
            "gradient_norm": step_sums[:, 6].mean().item(),
            "learning_rate": self.training.rate(step - 1),
            "tokens_per_s": sums[4] / seconds,
            "mfu": self._utilization(sums[4:], seconds),
            "data_wait_share": (feeder.waited_s - self._waited) / seconds,
            "window_tokens": round(sums[4]),
            "window_rows": round(sums[7]),
            "window_seconds": seconds,
        } | _memory(processes.device)
        self.pending, self._since, self._waited = [], time.perf_counter(), feeder.waited_s
        return line

    def _utilization(self, sizes: list[float], seconds: float) -> float:
        """The share of the device's peak that the matrix products of real tokens take."""
        tokens, squares, masked, rows = (int(size) for size in sizes)
        objective, config = self.training.objective, self.training.model.bert.config
        flops = training_flops(
            config,
            tokens=tokens,
            squares=squares,
            masked=masked if "mlm" in objective else 0,
            rows=rows if objective != "mlm" else 0,
        )
        return flops / seconds / self.training.peak / self.training.processes.world_size

    def _check_finite(self, step_sums: Tensor, last_good: Callable[[], str]) -> None:
        wrong = (~step_sums.isfinite()).any(1).nonzero()
        if len(wrong):
            update = self.pending[int(wrong[0])]
            raise TrainingError(
                f"the loss or its gradient is not finite at step {update.step} ({described_rows(update.places)}); {last_good()}. "
                "A lower optimizer.learning_rate, a longer optimizer.warmup_share or optimizer.clip=1.0 are the usual remedies"
            )

    def _check_divergence(self, line: Line, step: int, last_good: Callable[[], str]) -> None:
        limit = self.training.config.log.divergence
        for key in ("mlm_loss", "nsp_loss"):
            if key not in line:
                continue
            best = self.best[key] = min(line[key], self.best.get(key, math.inf))
            if limit and line[key] > best + limit:
                raise TrainingError(
                    f"{key} is {line[key]:.3f} in the steps up to {step}, {line[key] - best:.1f} above its best ({best:.3f}; "
                    f"log.divergence is {limit}); {last_good()}. A lower optimizer.learning_rate is the usual remedy"
                )


def described_rows(places: NDArray[np.int64]) -> str:
    """The rows of an update on this rank, shard by shard; at most the first `NAMED_ROWS`."""
    kept = places[np.lexsort(places.T[::-1])][:NAMED_ROWS]
    parts = [f"shard {shard}: {', '.join(map(str, kept[kept[:, 0] == shard, 1]))}" for shard in np.unique(kept[:, 0])]
    more = f" and {len(places) - len(kept):,} more" if len(places) > len(kept) else ""
    return f"rows of the train split: {'; '.join(parts)}{more}"


def figures(sums: dict[str, float], *, masked: float, rows: float, model: Pretraining) -> Line:
    """Means of the losses that the objective has, and their sum."""
    line: dict[str, Any] = {"loss": 0.0}
    for key, count, there in (("mlm", masked, model.mlm), ("nsp", rows, model.pair)):
        if there:
            line[f"{key}_loss"] = sums[f"{key}_loss"] / max(1.0, count)
            line[f"{key}_accuracy"] = sums[f"{key}_correct"] / max(1.0, count)
            line["loss"] += line[f"{key}_loss"]
    return line


def _memory(device: torch.device) -> Line:
    return {"memory_gb": torch.cuda.max_memory_allocated(device) / 1e9} if device.type == "cuda" else {}
