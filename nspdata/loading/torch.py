"""The loader for torch: an iterable dataset for any `DataLoader`, and a `DataLoader` that resumes exactly, with workers as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils import data

from nspdata.errors import ConfigError
from nspdata.loading import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from nspdata.loading import Loader

    Batch = dict[str, Tensor]
    State = dict[str, Any]

PREFETCH = 4
"""Batches that each worker makes ahead."""


class ShardDataset(data.IterableDataset["Batch"]):
    """Whole batches as tensors, for `torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=N)`.

    The order is that of the loader whatever N is: worker w makes the batches w, w + N, ... and torch takes them in turn. It
    has `state_dict` and `load_state_dict`, which `torchdata`'s `StatefulDataLoader` calls in each worker.

    Attributes:
        loader: options, seed and epoch; its state does not move.
    """

    def __init__(self, loader: Loader) -> None:
        """Nothing is read yet."""
        super().__init__()
        self.loader = loader
        self._first_step = 0
        self._done = 0

    def __iter__(self) -> Iterator[Batch]:
        """The batches of this worker, in one epoch or in what is left of it."""
        first, self._first_step = self._first_step, 0
        self._done = first
        for step, _, batch in self.marked(self.loader.begin, first_step=first):
            self._done = step + 1
            yield batch

    def marked(self, begin: Mark, *, first_step: int = 0) -> Iterator[tuple[int, Mark, Batch]]:
        """See `Loader.batches`; the arrays are tensors."""
        worker = data.get_worker_info()
        told = {} if worker is None else {"worker": worker.id, "num_workers": worker.num_workers}
        for step, mark, batch in self.loader.batches(begin, first_step=first_step, **told):
            yield step, mark, {name: torch.from_numpy(array) for name, array in batch.items()}

    def __len__(self) -> int:
        """See `Loader.__len__`."""
        return len(self.loader)

    def set_epoch(self, epoch: int) -> None:
        """See `Loader.set_epoch`."""
        if epoch != self.loader.epoch:
            self._first_step = 0
        self.loader.set_epoch(epoch)

    def state_dict(self) -> State:
        """Where this worker goes on: where the iteration began, and the steps that are done."""
        return self.loader.state_at(self.loader.begin) | {"steps": self._done}

    def load_state_dict(self, state: State) -> None:
        """Goes on where the state says, of this class (then the number of workers must be the same) or of a `Loader`."""
        self.loader.load_state_dict(state)
        self._first_step = self._done = int(state.get("steps", 0))


class _Marked(data.IterableDataset[Any]):
    """A `ShardDataset` whose batches tell where the next one begins."""

    def __init__(self, dataset: ShardDataset, begin: Mark) -> None:
        super().__init__()
        self.dataset, self.begin = dataset, begin

    def __iter__(self) -> Iterator[tuple[tuple[int, ...], Batch]]:
        for _, mark, batch in self.dataset.marked(self.begin):
            yield tuple(mark), batch


class DataLoader:
    """Batches as tensors, made by worker processes, with the state of the last batch that was handed out.

    >>> loader = DataLoader(Loader("data", batch_size=32), num_workers=2, pin_memory=True)  # doctest: +SKIP
    >>> for batch in loader:  # doctest: +SKIP
    ...     loss = model(**batch.to("cuda", non_blocking=True)).loss
    ...     torch.save({"loader": loader.state_dict()}, "checkpoint.pt")
    """

    def __init__(
        self,
        loader: Loader,
        *,
        num_workers: int = 0,
        pin_memory: bool = False,
        prefetch_factor: int = PREFETCH,
        context: str | None = None,
    ) -> None:
        """Starts nothing yet.

        Args:
            loader: what to load; its state is moved as batches are handed out.
            num_workers: processes that make batches; 0 makes them in this one.
            pin_memory: whether tensors lie in pinned memory, from which a device copies without waiting.
            prefetch_factor: batches that each worker makes ahead.
            context: how workers are started, `fork`, `spawn` or `forkserver`; None for Python's own choice.
        """
        if num_workers < 0:
            raise ConfigError(f"num_workers must be 0 or more, not {num_workers}")
        self.loader = loader
        self._options: dict[str, Any] = {"num_workers": num_workers, "pin_memory": pin_memory}
        if num_workers:
            self._options |= {"prefetch_factor": prefetch_factor, "multiprocessing_context": context}

    def __iter__(self) -> Iterator[Batch]:
        """The batches of this epoch; after `load_state_dict`, those that are left of it."""
        begin = self.loader.start()
        dataset = _Marked(ShardDataset(self.loader), begin)
        return self._batches(data.DataLoader(dataset, batch_size=None, **self._options))

    def _batches(self, batches: data.DataLoader[Any]) -> Iterator[Batch]:
        for mark, batch in batches:
            self.loader.moved(Mark(*mark))
            yield batch

    def __len__(self) -> int:
        """See `Loader.__len__`."""
        return len(self.loader)

    def set_epoch(self, epoch: int) -> None:
        """See `Loader.set_epoch`."""
        self.loader.set_epoch(epoch)

    def state_dict(self) -> State:
        """Where the next batch begins; what workers have made ahead does not count."""
        return self.loader.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Goes on where the state says, with any number of workers and ranks. See `Loader.load_state_dict`."""
        self.loader.load_state_dict(state)


def block_diagonal(segments: Tensor) -> Tensor:
    """What each token of packed sequences may see: the tokens of its own row.

    Args:
        segments: shape (num_packs, length), as in a packed batch.

    Returns:
        Shape (num_packs, 1, length, length), bool: what `transformers` takes for `attention_mask` with sdpa or eager attention.
        Padding sees padding, so that no line is empty.
    """
    return segments[:, None, :, None] == segments[:, None, None, :]
