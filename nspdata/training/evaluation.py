"""Held-out metrics, and the baseline metrics of guessing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nspdata.loading import Loader
from nspdata.training.batches import Batch, Shape, make_fed, moved
from nspdata.training.sources import evaluation_feeder
from nspdata.training.window import SUMS, figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.loading.options import Masking
    from nspdata.training.batches import Fed
    from nspdata.training.data import TrainingData
    from nspdata.training.metrics import Line
    from nspdata.training.prepare import Training

UNIGRAM_TOKENS = 20_000_000
"""Largest number of tokens of the train split that the unigram baseline is counted on."""

BATCH_ROWS = 4096
"""Number of rows counted at a time."""


def evaluate(training: Training, dataset: TrainingData) -> Line:
    """Losses and accuracies over the first `evaluation.rows` rows of the validation split; empty without such a split."""
    available = dataset.rows.get("validation", 0)
    if not available:
        return {}
    config, processes = training.config.evaluation, training.processes
    num_rows = min(config.rows or available, available)
    num_steps = -(-num_rows // (config.batch_size * processes.world_size))
    feeder = evaluation_feeder(training, dataset, num_rows=num_rows)
    module = training.model.eval()  # not the compiled copy: this runs a few times, in other shapes
    sums = torch.zeros(6, dtype=torch.float64, device=processes.device)
    nothing = _nothing(processes.device)
    with torch.inference_mode(), training.autocast():
        for _ in range(num_steps):  # the same number on every rank: a sharded model must run on all ranks
            fed = next(feeder, nothing)
            sums[:4] += torch.stack(module(fed.batch))
            sums[4:] += fed.counts
    feeder.close()
    module.train()
    sums = processes.summed(sums)
    line = figures(
        dict(zip(SUMS, sums.tolist(), strict=False)), masked=float(sums[4]), rows=float(sums[5]), model=module
    )
    return line | {"rows": int(sums[5]), "masked": int(sums[4])}


def _nothing(device: torch.device) -> Fed:
    """A batch without rows."""
    none: NDArray[np.int64] = np.zeros(0, np.int64)
    return moved(
        make_fed(dict.fromkeys(Batch._fields, none) | {"cu_seqlens": np.zeros(1, np.int64)}, {}, Shape()), device
    )


def guessing(dataset: TrainingData) -> dict[str, Any]:
    """The metrics of guessing on the validation split: MLM by the train split's token frequencies, pairs by the more frequent label.

    Returns:
        `mlm_loss` (nats; one is added to every count), `mlm_accuracy`, `nsp_loss`, `nsp_accuracy`, `rows`; empty without a
        validation split.
    """
    if not dataset.rows.get("validation"):
        return {}
    size = dataset.metadata.vocab_size
    counts = np.ones(size, np.int64)
    for batch in _batches(dataset, "train", masking="none"):
        counts += np.bincount(batch["input_ids"], minlength=size)
        if counts.sum() > UNIGRAM_TOKENS:
            break
    masked = np.zeros(size, np.int64)
    labels = np.zeros(2, np.int64)
    for batch in _batches(dataset, "validation", masking="static" if dataset.masked else "dynamic"):
        masked += np.bincount(batch["masked_lm_ids"], minlength=size)
        labels += np.bincount(batch["next_sentence_label"], minlength=2)
    counts[list(dataset.metadata.special_ids.values())] = 0  # never masked, so never predicted
    surprise = np.log(counts.sum()) - np.log(np.maximum(counts, 1))
    share = labels / labels.sum()
    return {
        "mlm_loss": float((masked * surprise).sum() / max(1, masked.sum())),
        "mlm_accuracy": float(masked[counts.argmax()] / max(1, masked.sum())),
        "nsp_loss": float(-(share[share > 0] * np.log(share[share > 0])).sum()),
        "nsp_accuracy": float(share.max()),
        "rows": int(labels.sum()),
    }


def _batches(dataset: TrainingData, split: str, *, masking: Masking) -> Loader:
    return Loader(dataset.mixture, split=split, batch_size=BATCH_ROWS, shuffle=False, masking=masking, layout="flat")
