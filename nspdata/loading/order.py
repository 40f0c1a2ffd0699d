"""The order of an epoch, as integers: a function of only the seed and the epoch.

Shards are shuffled and read one group at a time; the blocks of a group (runs of neighbouring rows) are shuffled; a window of
blocks is read, and its rows are shuffled. A dataset of one window is shuffled as a whole. The order does not depend on rank, worker
or batch size, and the order of at most one group is held in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from nspdata.arrays.ragged import offsets, ragged_indices
from nspdata.arrays.random import stream
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BLOCK_TOKENS = 1 << 14
"""Tokens of a block of full rows: 32 KB of ids, so that a block is one cheap read."""

WINDOW_TOKENS = 1 << 23
"""Tokens of a window of full rows: 65,536 rows at 128, about 30 MB in memory."""

GROUP_SHARDS = 32
"""Shards in use at the same time; the cache of a remote dataset must hold twice as many."""


class Places(NamedTuple):
    """Locations of rows, in the order of the epoch.

    Attributes:
        shards: shape (n,), int64, the shard of each row.
        rows: shape (n,), int64, its number in the shard.
        passes: shape (n,), int64, pass over the dataset that the row belongs to; each pass has new dynamic masks.
    """

    shards: NDArray[np.int64]
    rows: NDArray[np.int64]
    passes: NDArray[np.int64]

    def take(self, indices: NDArray[np.int64] | slice) -> Places:
        """Returns the places at these indices, in this order."""
        return Places(self.shards[indices], self.rows[indices], self.passes[indices])


class Plan(Protocol):
    """The order of an epoch, in windows."""

    @property
    def seed(self) -> int:
        """The seed of the order."""
        ...

    @property
    def epoch(self) -> int:
        """The epoch, from 0."""
        ...

    @property
    def shuffled(self) -> bool:
        """Whether rows are moved at all."""
        ...

    @property
    def num_rows(self) -> int:
        """Rows of the epoch."""
        ...

    @property
    def num_windows(self) -> int:
        """Windows of the epoch."""
        ...

    def window_start(self, window: int) -> int:
        """Rows before a window; of the number of windows, all rows."""
        ...

    def window_at(self, position: int) -> int:
        """The window that the row of this position is in; the number of windows at the end."""
        ...

    def key(self, window: int) -> tuple[int, int]:
        """The epoch of a window and its number in that epoch; its randomness is derived from them."""
        ...

    def window_shards(self, window: int) -> NDArray[np.int64]:
        """The shards that a window reads from, ascending."""
        ...

    def places(self, window: int) -> Places:
        """The locations of the rows of a window."""
        ...

    def taken(self, window: int) -> tuple[int, ...]:
        """Rows of each dataset before this window, in this epoch and all earlier ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffle:
    """How far rows are moved.

    Attributes:
        block_rows: neighbouring rows that move together.
        window_rows: approximate number of rows that are shuffled together.
        group_shards: largest number of shards whose blocks are shuffled together; more if they are smaller than a window.
        on: False reads the rows in the order of the shards.
    """

    block_rows: int
    window_rows: int
    group_shards: int = GROUP_SHARDS
    on: bool = True

    def __post_init__(self) -> None:
        for name in ("block_rows", "window_rows", "group_shards"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")

    @staticmethod
    def of(max_seq_length: int, *, window_rows: int | None = None, on: bool = True) -> Shuffle:
        """The default for rows of this length.

        >>> Shuffle.of(128).block_rows, Shuffle.of(128).window_rows, Shuffle.of(512).window_rows
        (128, 65536, 16384)
        """
        rows = max(1, WINDOW_TOKENS // max_seq_length) if window_rows is None else window_rows
        return Shuffle(block_rows=min(max(1, BLOCK_TOKENS // max_seq_length), max(1, rows)), window_rows=rows, on=on)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EpochPlan:
    """The order of an epoch over the shards of one split.

    Attributes:
        shard_rows: shape (num_shards,), int64: rows of each shard.
        shard_order: shape (num_shards,), int64: shards as they are read.
        group_shards: shape (num_groups + 1,), int64: where each group begins in `shard_order`.
        group_starts: shape (num_groups + 1,), int64: rows before each group.
        group_windows: shape (num_groups + 1,), int64: windows before each group.
        seed, epoch: what the order is derived from.
        shuffle: how far rows are moved.
    """

    shard_rows: NDArray[np.int64]
    shard_order: NDArray[np.int64]
    group_shards: NDArray[np.int64]
    group_starts: NDArray[np.int64]
    group_windows: NDArray[np.int64]
    seed: int
    epoch: int
    shuffle: Shuffle

    @property
    def shuffled(self) -> bool:
        """Whether rows are moved at all."""
        return self.shuffle.on

    @property
    def num_windows(self) -> int:
        """Windows of the epoch."""
        return int(self.group_windows[-1])

    @property
    def num_rows(self) -> int:
        """Rows of the epoch."""
        return int(self.group_starts[-1])

    def window_start(self, window: int) -> int:
        """Rows before a window; of the number of windows, all rows."""
        if window == self.num_windows:
            return self.num_rows
        group = self._group_of(window)
        return int(self.group_starts[group] + _blocks(self, group).starts[window - self.group_windows[group]])

    def window_at(self, position: int) -> int:
        """The window that the row of this position is in; the number of windows at the end."""
        if position >= self.num_rows:
            return self.num_windows
        group = int(np.searchsorted(self.group_starts, position, side="right")) - 1
        starts = _blocks(self, group).starts
        inside = int(np.searchsorted(starts, position - self.group_starts[group], side="right")) - 1
        return int(self.group_windows[group]) + inside

    def taken(self, window: int) -> tuple[int, ...]:
        """See `Plan.taken`."""
        return (self.epoch * self.num_rows + self.window_start(window),)

    def key(self, window: int) -> tuple[int, int]:
        """See `Plan.key`."""
        return self.epoch, window

    def window_shards(self, window: int) -> NDArray[np.int64]:
        """The shards that a window reads from, ascending."""
        group = self._group_of(window)
        blocks = _blocks(self, group)
        inside = window - int(self.group_windows[group])
        return np.unique(blocks.shards[blocks.bounds[inside] : blocks.bounds[inside + 1]])

    def places(self, window: int) -> Places:
        """The locations of the rows of a window."""
        group = self._group_of(window)
        blocks = _blocks(self, group)
        inside = window - int(self.group_windows[group])
        some = slice(int(blocks.bounds[inside]), int(blocks.bounds[inside + 1]))
        shards = np.repeat(blocks.shards[some], blocks.rows[some])
        rows = ragged_indices(blocks.firsts[some], blocks.rows[some])
        passes = np.full(len(rows), self.epoch, np.int64)
        places = Places(shards, rows, passes)
        if not self.shuffled:
            return places
        bits = stream(self.seed, "order.rows", shard=window, duplicate=self.epoch)
        return places.take(permutation(bits, len(rows)))

    def _group_of(self, window: int) -> int:
        return int(np.searchsorted(self.group_windows, window, side="right")) - 1


class _Blocks(NamedTuple):
    """The blocks of a group in the order of reading: shard, first row and rows of each; windows as bounds and rows before."""

    shards: NDArray[np.int64]
    firsts: NDArray[np.int64]
    rows: NDArray[np.int64]
    bounds: NDArray[np.int64]
    starts: NDArray[np.int64]


@lru_cache(maxsize=8)
def _blocks(plan: EpochPlan, group: int) -> _Blocks:
    members = plan.shard_order[plan.group_shards[group] : plan.group_shards[group + 1]]
    sizes = plan.shard_rows[members]
    counts = -(-sizes // plan.shuffle.block_rows)
    shards = np.repeat(members, counts)
    firsts = ragged_indices(np.zeros(len(counts), np.int64), counts) * plan.shuffle.block_rows
    rows = np.minimum(plan.shuffle.block_rows, plan.shard_rows[shards] - firsts)
    if plan.shuffled:
        order = permutation(stream(plan.seed, "order.blocks", shard=group, duplicate=plan.epoch), len(shards))
        shards, firsts, rows = shards[order], firsts[order], rows[order]
    num_windows = int(plan.group_windows[group + 1] - plan.group_windows[group])
    bounds = np.arange(num_windows + 1) * len(shards) // max(1, num_windows)
    return _Blocks(shards, firsts, rows, bounds, offsets(rows)[bounds])


def permutation(bits: np.random.Philox, length: int) -> NDArray[np.int64]:
    """A random permutation of the integers below `length`, shape (length,), int64: the sort order of as many 64-bit words."""
    words = np.atleast_1d(np.asarray(bits.random_raw(length), np.uint64))
    return np.argsort(words, kind="stable")


def plan_epoch(shard_rows: Sequence[int], *, seed: int, epoch: int, shuffle: Shuffle) -> EpochPlan:
    """Plans an epoch over shards of these rows.

    >>> plan = plan_epoch([3, 2], seed=1, epoch=0, shuffle=Shuffle(block_rows=2, window_rows=9, on=False))
    >>> plan.places(0).shards.tolist(), plan.places(0).rows.tolist()
    ([0, 0, 0, 1, 1], [0, 1, 2, 0, 1])
    """
    rows = np.asarray(shard_rows, np.int64)
    order = np.flatnonzero(rows)
    if shuffle.on:
        order = order[permutation(stream(seed, "order.shards", duplicate=epoch), len(order))]
    total = int(rows.sum())
    num_groups = max(1, min(-(-len(order) // shuffle.group_shards), total // shuffle.window_rows))
    cuts = np.arange(num_groups + 1) * len(order) // num_groups
    starts = offsets(rows[order])[cuts]
    windows = -(-np.diff(starts) // shuffle.window_rows)
    blocks = offsets(-(-rows[order] // shuffle.block_rows))[cuts]
    return EpochPlan(
        shard_rows=rows,
        shard_order=order,
        group_shards=cuts,
        group_starts=starts,
        group_windows=offsets(np.minimum(windows, np.diff(blocks))),
        seed=seed,
        epoch=epoch,
        shuffle=shuffle,
    )


def share(length: int, part: int, num_parts: int) -> tuple[int, int]:
    """Divides `length` into `num_parts` ranges that differ by at most 1; returns (start, end) of range `part`.

    >>> [share(7, rank, 3) for rank in range(3)]
    [(0, 2), (2, 4), (4, 7)]
    """
    return length * part // num_parts, length * (part + 1) // num_parts
