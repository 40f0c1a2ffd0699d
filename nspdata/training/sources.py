"""The loader's batches in the form that the trainer reads: flat, with the loader's state after each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.loading import Loader
from nspdata.loading.order import share
from nspdata.training.batches import Feeder, Read, Shape
from nspdata.training.data import stream_loader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from numpy.typing import NDArray

    from nspdata.training.batches import State
    from nspdata.training.data import PlannedPhase, TrainingData
    from nspdata.training.prepare import Training

    Arrays = Mapping[str, NDArray[Any]]


def train_feeder(training: Training, planned: PlannedPhase, states: Mapping[str, State]) -> Feeder:
    """Yields the batches of a phase on this rank, endlessly.

    Args:
        training: settings, processes.
        planned: the phase.
        states: of each stream after the last trained batch; none of a stream that has not begun.
    """
    processes = training.processes
    ranks = {"rank": processes.rank, "world_size": processes.world_size}
    loader = stream_loader(planned, training.phases, states, training.config, **ranks)
    longest = planned.dataset.metadata.max_seq_length
    shape = Shape.of(planned.rank_sequences, longest) if training.fixed_shapes else Shape()
    return Feeder(_reads(loader), processes.device, shape)


def _reads(loader: Loader) -> Iterator[Read]:
    for arrays in loader:
        yield Read(arrays, loader.state_dict())


def evaluation_feeder(training: Training, dataset: TrainingData, *, num_rows: int) -> Feeder:
    """This rank's share of the first rows of the validation split, with the stored masks.

    Rows without stored masks get dynamic ones, the same in each evaluation.
    """
    processes, size = training.processes, training.config.evaluation.batch_size
    loader = Loader(
        dataset.mixture,
        split="validation",
        batch_size=size,
        seed=training.config.seed,
        rank=processes.rank,
        world_size=processes.world_size,
        masking="static" if dataset.masked else "dynamic",
        masking_config=None if dataset.masked else dataset.masking({}),
        layout="flat",
    )
    return Feeder(_first(loader, num_rows), processes.device, Shape())


def _first(loader: Loader, num_rows: int) -> Iterator[Read]:
    """The batches of this rank, cut so that all ranks together have `num_rows` rows: the first ones of the epoch."""
    options, total = loader.options, loader.samples_per_epoch()
    step_rows = options.batch_size * options.world_size
    for step, arrays in enumerate(loader):
        rest = min(step_rows, total - step * step_rows)
        first = share(rest, options.rank, options.world_size)[0]
        kept = num_rows - step * step_rows - first
        if kept > 0:
            yield Read(first_rows(arrays, kept), {})
        if (step + 1) * step_rows >= num_rows:
            return


def first_rows(arrays: Arrays, num_rows: int) -> dict[str, NDArray[Any]]:
    """The first rows of a flat batch; all of it if it has no more.

    >>> first_rows({"input_ids": np.arange(5), "cu_seqlens": np.array([0, 2, 5]), "masked_lm_positions": np.array([1, 4]),
    ...             "masked_lm_ids": np.array([7, 8]), "next_sentence_label": np.array([0, 1])}, 1)["masked_lm_ids"]
    array([7])
    """
    starts = arrays["cu_seqlens"]
    num_rows = min(num_rows, len(starts) - 1)
    tokens = int(starts[num_rows])
    masked = int(np.searchsorted(arrays["masked_lm_positions"], tokens))
    ends = dict.fromkeys(("cls_positions", "next_sentence_label", "shard", "row"), num_rows)
    ends |= {"cu_seqlens": num_rows + 1, "masked_lm_positions": masked, "masked_lm_ids": masked}
    return {name: array[: ends.get(name, tokens)] for name, array in arrays.items()}
