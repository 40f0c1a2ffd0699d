"""The loader's batches as the trainer takes them: flat, with the loader's state after each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.errors import ConfigError
from nspdata.loading import Loader
from nspdata.train.batches import Feeder, Read, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.train.batches import State
    from nspdata.train.data import Dataset, PlannedPhase
    from nspdata.train.prepare import Training


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
        layout="packed" if training.packed else "flat",
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
    length = planned.dataset.metadata.max_seq_length
    return Feeder(_endless(loader), training.processes.device, max_seqlen=length, shape=shape)


def _endless(loader: Loader) -> Iterator[Read]:
    while True:
        for arrays in loader:
            state = loader.state_dict()
            yield Read(arrays, state, f"epoch {state['epoch']}, batch {state['position']}")
        loader.set_epoch(loader.epoch + 1)


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
        masking="static",
        layout="flat",
    )
    together = config.batch_size * processes.world_size
    batches = max(1, config.rows // together) if config.rows else -(-dataset.rows["validation"] // together)
    return Feeder(_once(loader, batches), processes.device, max_seqlen=dataset.metadata.max_seq_length, shape=Shape())


def _once(loader: Loader, num_batches: int) -> Iterator[Read]:
    for _, arrays in zip(range(num_batches), loader, strict=False):
        yield Read(arrays, {}, "validation")
