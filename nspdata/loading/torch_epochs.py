"""Epochs for torch's worker processes: an iteration knows its epoch in every worker, without a lock and without `set_epoch`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import torch
from torch.utils import data

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from types import FrameType

LOW = (1 << 31) - 1
"""Mask of 31 bits: a cell holds an iteration's seed above, then one flag, then its epoch."""


class EpochRecord:
    """Two integers in shared memory: the current iteration, and the last one that was exhausted.

    Workers of one iteration share torch's base seed. The first one to see a new seed derives the epoch of the iteration: the
    next one where the last iteration was exhausted, else the same. All workers that do so at once write the same value.
    """

    def __init__(self, epoch: int) -> None:
        """Starts at an epoch."""
        self._cells = torch.zeros(2, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._iterations = 0
        self.reset(epoch)

    @property
    def epoch(self) -> int:
        """The epoch of the next iteration."""
        current, ended = self._cells.tolist()
        return int(current & LOW) + int(current == ended)

    def reset(self, epoch: int) -> None:
        """Sets the epoch of the next iteration, which resumes."""
        self._cells[0], self._cells[1] = epoch, -1

    def claim(self) -> tuple[int, int, bool]:
        """Called in each worker when an iteration starts.

        Returns:
            The iteration, for `end`; its epoch; whether it is the first since `reset`.
        """
        seed, current = self._seed(), int(self._cells[0])
        if current >> 32 != seed:
            current = seed << 32 | int(current >> 32 == 0) << 31 | self.epoch
            self._cells[0] = current
        return current, current & LOW, bool(current >> 31 & 1)

    def force(self, epoch: int) -> tuple[int, int, bool]:
        """Like `claim`, in a worker that has loaded a state: the iteration is of this epoch, and resumes."""
        current = self._seed() << 32 | 1 << 31 | epoch
        self._cells[0] = current
        return current, epoch, True

    def end(self, iteration: int) -> None:
        """Records that an iteration is exhausted."""
        self._cells[1] = iteration

    def _seed(self) -> int:
        """A number that the workers of one iteration share; torch's seed stays the same if workers serve several."""
        self._iterations += 1
        worker = data.get_worker_info()
        base = 0 if worker is None else worker.seed - worker.id
        return (base + self._iterations) % LOW + 1


def check_not_split_again(world_size: int) -> None:
    """Rejects an iteration that accelerate would divide among processes a second time.

    Raises:
        ConfigError: the loader has its own ranks, and the iteration is inside a loader that `accelerate.prepare` made.
    """
    frame = sys._getframe(1) if world_size > 1 else None  # noqa: SLF001 - nothing else says who iterates
    while frame is not None:
        owner = frame.f_locals.get("self")
        divides = type(owner).__name__ in {"DataLoaderDispatcher", "IterableDatasetShard"}
        if divides and frame.f_globals.get("__name__", "").startswith("accelerate."):
            raise ConfigError(
                f"a Loader of {world_size} ranks gives each process its own rows, and accelerate.prepare divides them again, "
                "so rows are lost; iterate nspdata.torch.DataLoader(loader), which prepare() leaves as it is, or do not pass it"
            )
        frame = frame.f_back


def epoch_of_trainer() -> int | None:
    """The epoch of the Hugging Face Trainer that iterates; None if it is not a Trainer.

    A Trainer that resumes within an epoch wraps its loader by `accelerate.skip_first_batches`, whose result has no `set_epoch`.

    Raises:
        ConfigError: a Trainer iterates, and does not say in which epoch.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - nothing else says the epoch
    iterates = False
    while frame is not None:
        if frame.f_globals.get("__name__") == "transformers.trainer":
            iterates = True
            if isinstance(epoch := frame.f_locals.get("epoch"), int):
                return epoch
        frame = frame.f_back
    if iterates:
        raise ConfigError(
            "this version of transformers skips batches without saying in which epoch; pass ignore_data_skip=True and load the "
            "loader's state (docs/loading.md)"
        )
    return None
