"""The batch iterator: batches of one rank in an order that does not depend on ranks, with a state of a few integers."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.dataset.stores import open_store
from nspdata.loading.batches import Finish, drafts, mask_rules_of, needs_word_starts
from nspdata.loading.bins import bin_bounds
from nspdata.loading.collate import Padding
from nspdata.loading.mixture import Mixture, plan_mixture
from nspdata.loading.options import Options, given_ranks
from nspdata.loading.order import Shuffle, plan_epoch
from nspdata.loading.pack_counts import num_packs
from nspdata.loading.reader import Reader
from nspdata.loading.states import STATE_VERSION, check_mark, check_origin, mixture_at, whole
from nspdata.loading.steps import START, Arrangement, Mark, Share, parts, stretches
from nspdata.loading.stores import open_datasets
from nspdata.loading.stream import StreamPlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from nspdata.config.build import MaskingConfig
    from nspdata.dataset.cache import Cache
    from nspdata.dataset.schema import RowMetadata
    from nspdata.dataset.verification import Verify
    from nspdata.loading.batches import Draft
    from nspdata.loading.options import Layout, Masking, Names
    from nspdata.loading.order import Plan
    from nspdata.loading.steps import Stretch

    Batch = dict[str, NDArray[Any]]
    State = dict[str, Any]


class Loader:
    """Batches of one rank from a dataset directory, as dictionaries of numpy arrays.

    Each `iter` goes through one epoch, or through the rest of it after `load_state_dict`; `set_epoch` changes the order.

    >>> loader = Loader("data", batch_size=256, seed=1, masking="dynamic")  # doctest: +SKIP
    >>> for batch in loader:  # doctest: +SKIP
    ...     step(batch["input_ids"], batch["labels"])
    """

    def __init__(
        self,
        directory: str | Path | Mixture,
        *,
        batch_size: int,
        split: str = "train",
        seed: int = 0,
        epoch: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        masking: Masking = "static",
        masking_config: MaskingConfig | None = None,
        padding: str = "longest",
        packing: bool = False,
        layout: Layout = "padded",
        bins: int | tuple[int, ...] = 0,
        names: Names = "huggingface",
        dtype: DTypeLike = np.int64,
        drop_last: bool = False,
        endless: bool = False,
        shuffle: bool = True,
        window_rows: int = 0,
        verify: Verify = "once",
        trace: bool = False,
        cache: Cache | None = None,
        storage_options: dict[str, Any] | None = None,
    ) -> None:
        """Reads the manifest and checks that the shards exist; no row is read.

        Args:
            directory: dataset directory, a path or a URL that fsspec reads; or a mixture of several, with weights.
            batch_size: rows (with packing, sequences) of a batch of one rank.
            split: name of the split.
            seed: with the epoch, it determines the order and the dynamic masks.
            epoch: from 0.
            rank: this rank, from 0 (the default).
            world_size: number of ranks; 1 by default, with a warning if the launcher has started several processes.
            masking: `static` for the masks in the shards, `dynamic` for new masks in each epoch, `none` for no masks.
            masking_config: how dynamic masks are made; None for the settings that the dataset was built with.
            padding: `longest`, `max` or `multiple_of=N`.
            packing: packs several rows into a sequence; `segments`, `position_ids` and `cu_seqlens` separate them.
            layout: `padded`; `flat`: no padding at all; `packed`: flat, and the rows of a batch fill `batch_size` sequences.
            bins: length bins, so that the rows of a step have similar lengths: their number, or the longest row of each; 0 for none.
            names: `huggingface` or `nvidia`, of the arrays of a padded batch.
            dtype: of the arrays, int64 or int32.
            drop_last: whether an incomplete last step is dropped; else all ranks share its rows, and if there are fewer rows than
                ranks, some ranks have one batch less.
            endless: epochs follow each other without an end, a step may take rows of two epochs, and no row is dropped.
            shuffle: False reads the rows in the order of the shards.
            window_rows: rows that are shuffled individually; 0 for 8,388,608 tokens of full rows. It bounds the memory.
            verify: when a shard's sha256 is checked: `once` when this process first opens the file, `always` on each opening,
                `size` for its size alone (a remote shard is always checked as it arrives).
            trace: whether batches have the arrays `shard` and `row`, the location of each row.
            cache: where shards from URLs are kept; None for `Cache()`.
            storage_options: options of fsspec's filesystem, for URLs.

        Raises:
            ConfigError: an option is out of range, or the datasets of a mixture do not fit together.
            ShardError: a dataset is unfinished or damaged.
        """
        rank, world_size = given_ranks(rank, world_size)
        given = locals()
        self.options = Options(**{name: given[name] for name in Options.__slots__})
        self.seed, self.epoch = whole("seed", seed), whole("epoch", epoch)
        self.mixture = directory if isinstance(directory, Mixture) else Mixture({str(directory): 1.0})
        stores = [
            open_store(name, verify=verify, cache=cache, storage_options=storage_options)
            for name in self.mixture.weights
        ]
        self.datasets = open_datasets(stores, split)
        self.max_seq_length = max(dataset.metadata.max_seq_length for dataset in self.datasets)
        self._shards = [shard for dataset in self.datasets for shard in dataset.shards]
        self._padding = Padding.parse(padding, self.max_seq_length)
        self._bounds = bin_bounds(bins, self.max_seq_length) if bins else ()
        self._shuffle = Shuffle.of(self.max_seq_length, window_rows=window_rows or None, on=shuffle)
        self._rules = mask_rules_of(self.options, self.datasets[0], self.max_seq_length)
        self._word_starts = needs_word_starts(self.options, self.datasets, self._rules)
        self._step_rows = batch_size * world_size
        self._begin = self._next = START
        self._num_packs: dict[int, int] = {}

    def __iter__(self) -> Iterator[Batch]:
        """Yields the batches of this epoch; after `load_state_dict`, the rest of it. An exhausted iteration moves to the next epoch.

        An iteration that is stopped early does not change the epoch: the next `iter` starts the same epoch again. With
        `endless`, there is no end, and the next `iter` continues after the last batch.
        """
        return self._batches(self.start())

    def _batches(self, begin: Mark) -> Iterator[Batch]:
        for _, mark, batch in self.batches(begin):
            self.moved(mark)
            yield batch
        self.advance()

    @property
    def begin(self) -> Mark:
        """Where the next `iter` starts."""
        return self._begin

    def start(self) -> Mark:
        """Start position for an external iterator; the iteration after it starts the epoch again, unless the loader is endless."""
        self._next = self._begin
        if not self.options.endless:
            self._begin = START
        return self._next

    def moved(self, mark: Mark) -> None:
        """Records where the batch after the last one starts."""
        self._next = mark
        if self.options.endless:
            self._begin = mark

    def advance(self) -> None:
        """Moves to the start of the next epoch; called when an iteration is exhausted."""
        self.set_epoch(self.epoch + 1)

    def batches(
        self, begin: Mark = START, *, worker: int = 0, num_workers: int = 1, first_step: int = 0
    ) -> Iterator[tuple[int, Mark, Batch]]:
        """The steps of one of several workers, which take turns.

        Args:
            begin: where the first step of all workers starts.
            worker: index of the worker, from 0; it makes steps `worker`, `worker + num_workers`, ...
            num_workers: number of workers.
            first_step: steps before this are skipped.

        Yields:
            The step, from 0; where the next one starts; the batch.
        """
        own = self._share(begin, worker=worker, num_workers=num_workers, first_step=first_step)
        reader, finish = Reader(self._shards, word_starts=self._word_starts), self._finish()
        ahead = begin.position + first_step * own.step_size
        for draft in drafts(parts(self._stretches(reader, begin, ahead=ahead), own), reader):
            yield draft.step, self._mark_after(draft, own), finish(draft)

    def __len__(self) -> int:
        """Batches of this rank in a whole epoch; for a large packed dataset a lower bound, about 1% too small.

        Raises:
            TypeError: the loader is endless.
        """
        if self.options.endless:
            raise TypeError("an endless loader has no length; samples_per_epoch() counts one pass")
        return self._share(START).num_steps(self.samples_per_epoch())

    def samples_per_epoch(self) -> int:
        """Samples of one pass over all ranks: rows, or with packing, sequences (see `__len__` for how exact)."""
        return self._packs() if self.options.packs else self._epoch_plan(self.epoch).num_rows

    def set_epoch(self, epoch: int) -> None:
        """Moves to the start of another epoch; the current epoch's position is kept."""
        if whole("epoch", epoch) != self.epoch:
            self.epoch, self._begin, self._next = epoch, START, START
            self._step_rows = self.options.batch_size * self.options.world_size

    def state_dict(self) -> State:
        """The position of the next batch: a few integers, and the hashes of the dataset and the order."""
        return self.state_at(self._next)

    def state_at(self, mark: Mark) -> State:
        """Returns the state of a loader that resumes at this mark."""
        return {
            "version": STATE_VERSION,
            "dataset": self.fingerprint,
            "order": self._order(),
            "seed": self.seed,
            "epoch": self.epoch,
            "step_rows": self._step_rows,
            "first_rows": list(self.mixture.first_rows),
            **mark._asdict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Resumes at the position of the state, on any number of ranks and workers, with any batch size; seed and epoch are the state's.

        Raises:
            ConfigError: the state is malformed, of another dataset, or of another order of it.
        """
        names = f"{', '.join(self.mixture.weights)}, split {self.options.split}"
        values = check_origin(state, dataset=self.fingerprint, order=self._order(), names=names)
        mark = Mark(*(values[name] for name in Mark._fields))
        self.mixture = mixture_at(self.mixture, state["first_rows"])
        check_mark(mark, self._plan_from(values["seed"], values["epoch"]), packs=self.options.packs)
        self.seed, self.epoch, self._step_rows = values["seed"], values["epoch"], values["step_rows"]
        self._begin = self._next = mark

    def rows_taken(self) -> dict[str, int]:
        """Rows of each dataset, in all passes, up to the end of the window that the next batch is in.

        Another mixture of these datasets continues after them: `Mixture(weights, starts=loader.rows_taken())`.
        """
        mark, plan = self._next, self.plan()
        if self.options.packs:
            window = mark.window + (mark.position > mark.window_position)
        else:
            window = plan.window_at(mark.position)
            window += mark.position > plan.window_start(window)
        return dict(zip(self.mixture.weights, plan.taken(window), strict=True))

    @property
    def metadata(self) -> RowMetadata:
        """The schema of the rows: `vocab_size`, `max_seq_length`, `special_ids`, ...; for a mixture, that of its first dataset."""
        return self.datasets[0].metadata

    @property
    def fingerprint(self) -> str:
        """Hexadecimal fingerprint of the datasets."""
        return hashlib.sha256("".join(dataset.fingerprint for dataset in self.datasets).encode()).hexdigest()[:32]

    def plan(self) -> Plan:
        """The order of the rows of this epoch, or with `endless`, of this epoch and all later ones."""
        return self._plan_from(self.seed, self.epoch)

    def _plan_from(self, seed: int, epoch: int) -> Plan:
        plan_of = partial(self._epoch_plan, seed=seed)
        return StreamPlan(plan_of, epoch) if self.options.endless else plan_of(epoch)

    def _epoch_plan(self, epoch: int, *, seed: int | None = None) -> Plan:
        seed = self.seed if seed is None else seed
        if len(self.datasets) == 1 and not self.mixture.rows and not self.mixture.starts:
            return plan_epoch(self.datasets[0].shard_rows, seed=seed, epoch=epoch, shuffle=self._shuffle)
        return plan_mixture(
            tuple(tuple(dataset.shard_rows) for dataset in self.datasets),
            self.mixture,
            seed=seed,
            epoch=epoch,
            shuffle=self._shuffle,
        )

    def _order(self) -> str:
        """A short hash of everything that the order depends on, except seed, epoch and dataset."""
        windows = [self._shuffle.on, self._shuffle.window_rows, self._shuffle.block_rows, self._shuffle.group_shards]
        mixture = [self.mixture.shares, self.mixture.rows]
        values = [windows, mixture, self._bounds, self.options.packs, self.max_seq_length, self.options.endless]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]

    def _arrangement(self) -> Arrangement:
        capacity = self.max_seq_length if self.options.packs else 0
        return Arrangement(capacity=capacity, bounds=self._bounds, step_rows=self._step_rows)

    def _share(self, begin: Mark, *, worker: int = 0, num_workers: int = 1, first_step: int = 0) -> Share:
        return Share(
            batch_size=self.options.batch_size,
            rank=self.options.rank,
            world_size=self.options.world_size,
            worker=worker,
            num_workers=num_workers,
            start=begin.position,
            first_step=first_step,
            drop_last=self.options.drop_last,
        )

    def _stretches(self, reader: Reader, begin: Mark, *, ahead: int) -> Iterator[Stretch]:
        """The windows from the one that holds the sample at position `ahead`; with packing, from the mark's, to count the packs."""
        plan = self.plan()
        window, position = begin.window, begin.window_position
        if not self.options.packs:
            window = plan.window_at(ahead)
            position = plan.window_start(window)
        for made in stretches(plan, window, position, self._arrangement(), reader.lengths):
            reader.ahead(plan, made.window)
            yield made

    def _mark_after(self, draft: Draft, share: Share) -> Mark:
        position = share.start + (draft.step + 1) * share.step_size
        return Mark(min(position, draft.total) if draft.total >= 0 else position, draft.window, draft.position)

    def _packs(self) -> int:
        if self.epoch not in self._num_packs:
            plan = self._epoch_plan(self.epoch)
            self._num_packs = {self.epoch: num_packs(plan, self._shards, self._arrangement())}
        return self._num_packs[self.epoch]

    def _finish(self) -> Finish:
        options, metadata = self.options, self.datasets[0].metadata
        most = max(dataset.metadata.max_predictions_per_seq for dataset in self.datasets)
        return Finish(
            layout="padded" if options.layout == "padded" else "flat",
            packing=options.packs,
            padding=self._padding,
            names=options.names,
            dtype=options.dtype,
            pad_id=metadata.special_ids["[PAD]"],
            max_predictions=self._rules.max_predictions if self._rules else most,
            unmask=options.masking != "static",
            rules=self._rules,
            seed=self.seed,
            split=options.split,
            num_shards=len(self._shards),
            trace=options.trace,
        )
