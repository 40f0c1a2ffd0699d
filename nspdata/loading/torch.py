"""The loader for torch: an iterable dataset for any `DataLoader`, and a `DataLoader` that resumes exactly, also with workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import torch
from torch.utils import data
from torch.utils.data._utils.collate import default_collate_fn_map

from nspdata.errors import ConfigError
from nspdata.loading import Mark
from nspdata.loading.states import whole
from nspdata.loading.steps import START
from nspdata.loading.torch_epochs import EpochRecord, check_not_split_again, epoch_of_trainer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from nspdata.loading import Loader

    State = dict[str, Any]

PREFETCH = 4
"""Batches that each worker prefetches."""


class Batch(dict[str, "Tensor"]):
    """A whole batch: tensors by name.

    torch's `DataLoader` without `batch_size=None` collates each batch again; this class makes that harmless (see `_collate`).
    """

    @staticmethod
    def of(arrays: Mapping[str, NDArray[Any]]) -> Batch:
        """The arrays as tensors that share their memory."""
        return Batch((name, torch.from_numpy(array)) for name, array in arrays.items())

    def to(self, device: torch.device | str | int, *, non_blocking: bool = False) -> Batch:
        """The batch on a device."""
        return Batch((name, tensor.to(device, non_blocking=non_blocking)) for name, tensor in self.items())

    def pin_memory(self) -> Self:
        """The batch in pinned memory."""
        return type(self)((name, tensor.pin_memory()) for name, tensor in self.items())


def _collate(batches: list[Batch], **_: Any) -> Batch:
    """Replaces torch's default collation of whole batches: a single batch is returned unchanged.

    Raises:
        ConfigError: there are several.
    """
    if len(batches) > 1:
        raise ConfigError(
            f"ShardDataset yields whole batches, and DataLoader(batch_size={len(batches)}) collates them again; "
            "pass batch_size=None, and the number of rows to Loader(batch_size=...)"
        )
    return batches[0]


default_collate_fn_map[Batch] = _collate  # torch documents this registry for custom types


class ShardDataset(data.IterableDataset[Batch]):
    """Whole batches as tensors, for `torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=N)`.

    The order is the loader's for every N: worker w makes batches w, w + N, ... and torch takes them in turn. An exhausted
    iteration moves to the next epoch, with workers too. `state_dict` and `load_state_dict` are what `torchdata`'s
    `StatefulDataLoader` calls in each worker.

    Attributes:
        loader: options, seed and first epoch; its position does not move.
    """

    def __init__(self, loader: Loader) -> None:
        """Stores the loader; reads nothing."""
        super().__init__()
        self.loader = loader
        self._record = EpochRecord(loader.epoch)
        self._first_step = self._done = 0
        self._begin = loader.begin
        self._loaded_here = False

    def __iter__(self) -> Iterator[Batch]:
        """The batches of this worker, in one epoch or in the rest of it.

        Raises:
            ConfigError: the iteration belongs to a loader that `accelerate.prepare` made, and the loader has ranks of its own.
        """
        check_not_split_again(self.loader.options.world_size)
        loaded, self._loaded_here = self._loaded_here, False
        iteration, epoch, resumes = self._record.force(self.loader.epoch) if loaded else self._record.claim()
        self.loader.set_epoch(epoch)
        self._begin = self.loader.begin if resumes else START
        self._done = self._first_step if resumes else 0
        return self._batches(iteration)

    def _batches(self, iteration: int) -> Iterator[Batch]:
        for step, _, batch in self.marked(self._begin, first_step=self._done):
            self._done = step + 1
            yield batch
        self._record.end(iteration)

    def marked(self, begin: Mark, *, first_step: int = 0) -> Iterator[tuple[int, Mark, Batch]]:
        """See `Loader.batches`; the arrays are tensors."""
        worker = data.get_worker_info()
        workers = {} if worker is None else {"worker": worker.id, "num_workers": worker.num_workers}
        for step, mark, batch in self.loader.batches(begin, first_step=first_step, **workers):
            yield step, mark, Batch.of(batch)

    def __len__(self) -> int:
        """See `Loader.__len__`."""
        return len(self.loader)

    def set_epoch(self, epoch: int) -> None:
        """See `Loader.set_epoch`."""
        if epoch != self._record.epoch:
            self.loader.set_epoch(epoch)
            self._first_step = 0
            self._record.reset(epoch)

    def state_dict(self) -> State:
        """The position of this worker: the start of the iteration, and the steps done since."""
        return self.loader.state_at(self._begin) | {"steps": self._done}

    def load_state_dict(self, state: State) -> None:
        """Resumes from a state of this class (then with the same number of workers) or of a `Loader`.

        Raises:
            ConfigError: see `Loader.load_state_dict`.
        """
        self.loader.load_state_dict(state)
        self._first_step = self._done = whole("steps", state.get("steps", 0))
        self._begin = self.loader.begin
        if data.get_worker_info() is None:
            self._record.reset(self.loader.epoch)
        else:
            self._loaded_here = True


class _Marked(data.IterableDataset[Any]):
    """The batches of a `ShardDataset` with the start of the next one; each iteration starts at the position in shared memory."""

    def __init__(self, dataset: ShardDataset) -> None:
        super().__init__()
        self.dataset = dataset
        self.start = torch.zeros(2 + len(START), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    def __iter__(self) -> Iterator[tuple[tuple[int, ...], Batch]]:
        epoch, step_rows, *mark = self.start.tolist()
        loader = self.dataset.loader
        if (
            data.get_worker_info() is not None
        ):  # a worker's copy of the loader keeps its position from the start of the worker
            loader.load_state_dict(loader.state_at(Mark(*mark)) | {"epoch": epoch, "step_rows": step_rows})
        for _, after, batch in self.dataset.marked(Mark(*mark)):
            yield tuple(after), batch


class _Whole(data.IterableDataset[Batch]):
    """A `DataLoader` of this module as a dataset, for `accelerate.skip_first_batches`; it has no length, because it has no rows."""

    def __init__(self, loader: DataLoader) -> None:
        super().__init__()
        self.loader = loader

    def __iter__(self) -> Iterator[Batch]:
        epoch = epoch_of_trainer()
        if epoch is not None:
            self.loader.set_epoch(epoch)
        return iter(self.loader)


class DataLoader:
    """Batches as tensors, made by worker processes, with the state of the last batch that was returned.

    Workers are started once and serve every epoch. An exhausted iteration moves to the next epoch.

    >>> loader = DataLoader(Loader("data", batch_size=32), num_workers=2, pin_memory=True)  # doctest: +SKIP
    >>> for batch in loader:  # doctest: +SKIP
    ...     loss = model(**batch.to("cuda", non_blocking=True)).loss
    ...     torch.save({"loader": loader.state_dict()}, "checkpoint.pt")

    Attributes:
        loader: what is loaded.
        batch_size, drop_last, num_workers, prefetch_factor, sampler: attributes that other libraries read; `num_workers` hides the workers from them.
    """

    batch_size = None
    drop_last = False
    num_workers = 0
    prefetch_factor = None

    def __init__(
        self,
        loader: Loader,
        *,
        num_workers: int = 0,
        pin_memory: bool = False,
        prefetch_factor: int = PREFETCH,
        context: str | None = None,
    ) -> None:
        """Starts no worker yet.

        Args:
            loader: what to load; its state advances as batches are returned.
            num_workers: processes that make batches; 0 makes them in this process.
            pin_memory: whether tensors are in pinned memory, from which a device copies asynchronously.
            prefetch_factor: batches that each worker prefetches.
            context: start method of workers, `fork`, `spawn` or `forkserver`; None for Python's default.
        """
        if num_workers < 0:
            raise ConfigError(f"num_workers must be 0 or more, not {num_workers}")
        self.loader = loader
        self._options: dict[str, Any] = {"num_workers": num_workers, "pin_memory": pin_memory}
        if num_workers:
            self._options |= {
                "prefetch_factor": prefetch_factor,
                "multiprocessing_context": context,
                "persistent_workers": True,
            }
        self._workers: tuple[int, _Marked, data.DataLoader[Any]] | None = None
        self._iterations = 0

    @property
    def dataset(self) -> data.IterableDataset[Batch]:
        """This loader as a dataset of whole batches."""
        return _Whole(self)

    @property
    def sampler(self) -> DataLoader:
        """This loader: Lightning calls `sampler.set_epoch` at the start of each epoch."""
        return self

    def __iter__(self) -> Iterator[Batch]:
        """The batches of this epoch; after `load_state_dict`, the rest of it. See `Loader.__iter__`."""
        begin = self.loader.start()
        marked, batches = self._started()
        marked.start[:] = torch.tensor([self.loader.epoch, self.loader.state_at(begin)["step_rows"], *begin])
        self._iterations += 1
        return self._batches(batches, self._iterations)

    def _started(self) -> tuple[_Marked, data.DataLoader[Any]]:
        """The torch loader with its workers; a new one if the seed has changed since they were started."""
        if self._workers is None or self._workers[0] != self.loader.seed:
            marked = _Marked(ShardDataset(self.loader))
            self._workers = self.loader.seed, marked, data.DataLoader(marked, batch_size=None, **self._options)
        return self._workers[1:]

    def _batches(self, batches: data.DataLoader[Any], iteration: int) -> Iterator[Batch]:
        for mark, batch in batches:
            if iteration != self._iterations:
                raise ConfigError(
                    "this iteration was replaced by a newer one of the same DataLoader; iterate one at a time"
                )
            self.loader.moved(Mark(*mark))
            yield batch
        self.loader.advance()

    def __len__(self) -> int:
        """See `Loader.__len__`."""
        return len(self.loader)

    def set_epoch(self, epoch: int) -> None:
        """See `Loader.set_epoch`."""
        self.loader.set_epoch(epoch)

    def state_dict(self) -> State:
        """Where the next batch starts; what workers have prefetched does not count."""
        return self.loader.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Resumes at the position of the state, with any number of workers and ranks. See `Loader.load_state_dict`."""
        self.loader.load_state_dict(state)


def block_diagonal(segments: Tensor) -> Tensor:
    """Attention mask of packed sequences: each token sees the tokens of its own row.

    Args:
        segments: shape (num_packs, length), as in a packed batch.

    Returns:
        Shape (num_packs, 1, length, length), bool: the `attention_mask` of `transformers` for sdpa or eager attention.
        Padding sees padding, so that no row of the mask is empty.
    """
    return segments[:, None, :, None] == segments[:, None, None, :]
