"""The loader's batches as the trainer takes them: flat, with the loader's state after each."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from nspdata.errors import ConfigError
from nspdata.loading import Loader
from nspdata.training.batches import Feeder, Read, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.training.batches import State
    from nspdata.training.data import Dataset, PlannedPhase
    from nspdata.training.prepare import Training


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
        batch_size=planned.rank_rows,
        seed=training.config.seed,
        rank=training.processes.rank,
        world_size=training.processes.world_size,
        masking=training.config.masking,
        layout="packed" if training.packed else "flat",
        endless=True,
        trace=True,
    )
    if loader.samples_per_epoch() < planned.rank_rows * training.processes.world_size:
        raise ConfigError(
            f"{planned.dataset.directory}: {planned.dataset.rows['train']} rows to train on are less than one batch of "
            f"{planned.phase.batch_size}; take a smaller batch_size"
        )
    if state is not None:
        loader.load_state_dict(state)
    shape = Shape.of(planned.rank_rows, planned.dataset.metadata.max_seq_length) if training.packed else Shape()
    return Feeder(_endless(loader), training.processes.device, shape)


def _endless(loader: Loader) -> Iterator[Read]:
    for arrays in loader:
        yield Read(arrays, loader.state_dict())


def evaluation_feeder(training: Training, dataset: Dataset, *, num_steps: int) -> Feeder:
    """This rank's share of the first steps of the validation split, as its masks lie."""
    loader = Loader(
        dataset.directory,
        split="validation",
        batch_size=training.config.evaluation.batch_size,
        seed=training.config.seed,
        rank=training.processes.rank,
        world_size=training.processes.world_size,
        layout="flat",
    )
    reads = (Read(arrays, {}) for arrays in islice(loader, num_steps))
    return Feeder(reads, training.processes.device, Shape())
