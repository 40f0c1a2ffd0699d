"""The loader's batches as the trainer takes them: flat, with the loader's state after each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.errors import ConfigError
from nspdata.train.batches import Feeder, Read, Shape
from nspdata.train.interim import Loader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from nspdata.train.batches import State
    from nspdata.train.data import Dataset, PlannedPhase
    from nspdata.train.prepare import Training


def flat(batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The rows of a loader's batch one after another, padding left out: the arrays of `Batch`.

    Args:
        batch: of shape (num_rows, length), or (num_sequences, length) with `position_ids` where rows are packed.

    >>> ids = np.array([[2, 4, 3], [2, 3, 0]])
    >>> rows = flat({"input_ids": ids, "token_type_ids": ids * 0, "attention_mask": np.sign(ids),
    ...              "labels": np.where(ids == 4, 9, -100), "next_sentence_label": np.array([0, 1])})
    >>> rows["input_ids"].tolist(), rows["cu_seqlens"].tolist(), rows["masked_lm_positions"].tolist(), rows["masked_lm_ids"].tolist()
    ([2, 4, 3, 2, 3], [0, 3, 5], [1], [9])
    """
    seen = batch["attention_mask"].astype(bool)
    positions = batch.get("position_ids")
    if positions is None:
        positions = np.broadcast_to(np.arange(seen.shape[1]), seen.shape)
    position_ids, labels = positions[seen], batch["labels"][seen]
    starts, masked = np.flatnonzero(position_ids == 0), np.flatnonzero(labels != IGNORED)
    return {
        "input_ids": batch["input_ids"][seen],
        "token_type_ids": batch["token_type_ids"][seen],
        "position_ids": position_ids,
        "cu_seqlens": np.append(starts, len(position_ids)),
        "masked_lm_positions": masked,
        "masked_lm_ids": labels[masked],
        "cls_positions": starts,
        "next_sentence_label": batch["next_sentence_label"],
    }


IGNORED = -100
"""The label of a place where nothing is to be predicted."""


def train_feeder(training: Training, planned: PlannedPhase, state: State | None) -> Feeder:
    """The batches of a phase on this rank, epoch after epoch without end.

    Args:
        training: settings, processes.
        planned: the phase.
        state: of the loader after the last batch of this phase that was trained on; None at its beginning.

    Raises:
        ConfigError: the train split is smaller than one batch.
    """
    loader = Loader(
        planned.dataset.directory,
        split="train",
        batch_size=planned.rank_rows,
        seed=training.config.seed,
        rank=training.processes.rank,
        world_size=training.processes.world_size,
        masking=training.config.masking,
        packing=training.packed,
        drop_last=True,
    )
    if not len(loader):
        raise ConfigError(
            f"{planned.dataset.directory}: {planned.dataset.rows['train']} rows to train on are less than one batch of "
            f"{planned.phase.batch_size}; take a smaller batch_size"
        )
    if state is not None:
        loader.load_state_dict(state)
    shape = Shape.of(planned.rank_rows, planned.dataset.metadata.max_seq_length) if training.packed else Shape()
    return Feeder(_endless(loader), training.processes.device, shape)


def _endless(loader: Loader) -> Iterator[Read]:
    while True:
        for batch in loader:
            state = loader.state_dict()
            yield Read(flat(batch), state, f"epoch {state['epoch']}, batch {state['position']}")
        loader.set_epoch(loader.epoch)


def evaluation_feeder(training: Training, dataset: Dataset) -> Feeder:
    """This rank's share of the validation split, once, as its masks lie."""
    config, processes = training.config.evaluation, training.processes
    loader = Loader(
        dataset.directory,
        split="validation",
        batch_size=config.batch_size,
        seed=training.config.seed,
        rank=processes.rank,
        world_size=processes.world_size,
    )
    together = config.batch_size * processes.world_size
    batches = max(1, config.rows // together) if config.rows else -(-dataset.rows["validation"] // together)
    return Feeder(_once(loader, batches), processes.device, Shape())


def _once(loader: Loader, num_batches: int) -> Iterator[Read]:
    for _, batch in zip(range(num_batches), loader, strict=False):
        yield Read(flat(batch), {}, "validation")
