"""Several datasets as one, by weights: which dataset gives which sample is arithmetic, so it resumes like one dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.random import stream
from nspdata.errors import ConfigError
from nspdata.loading.order import Places, permutation, plan_epoch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nspdata.loading.order import EpochPlan, Shuffle


MAX_ROWS = 1 << 48
"""Most rows that a mixture may start after; a larger number was altered."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Dataset directories with their weights, to load as one.

    Attributes:
        weights: directory or URL to its share, any positive numbers.
        rows: rows of an epoch; 0 for as many as all the datasets hold. A dataset that is smaller than its share is repeated in a
            new order; one that is larger continues in the next epoch where it stopped.
        starts: rows of a dataset that were read before, as `Loader.rows_taken` returns them: this mixture begins after them.

    >>> Mixture({"legal": 3, "general": 1}).shares
    (0.75, 0.25)
    """

    weights: Mapping[str, float]
    rows: int = 0
    starts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.weights:
            raise ConfigError("a mixture needs at least one dataset")
        for name, weight in self.weights.items():
            if not 0 < weight < float("inf"):
                raise ConfigError(
                    f"the weight of {name} must be a number above 0, not {weight!r}; leave the dataset out instead"
                )
        for name, rows in self.starts.items():
            if name not in self.weights or not 0 <= rows <= MAX_ROWS:
                raise ConfigError(
                    f"starts of a mixture must be rows (0 or more) of its own datasets, not {name!r}: {rows!r}; "
                    "take them from Loader.rows_taken()"
                )
        if self.rows < 0:
            raise ConfigError(
                f"the rows of a mixture's epoch must be 0 (as many as its datasets hold) or more, not {self.rows}"
            )

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights, adding up to 1."""
        total = sum(self.weights.values())
        return tuple(weight / total for weight in self.weights.values())

    @property
    def first_rows(self) -> tuple[int, ...]:
        """`starts` in the order of the datasets; 0 for those that it does not name."""
        return tuple(self.starts.get(name, 0) for name in self.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixturePlan:
    """The order of an epoch of a mixture: windows of equal size. Each window holds the share of every dataset, shuffled.

    Attributes:
        sources: the rows of the shards of each dataset.
        weights: the share of each dataset in 2**-32.
        first_rows: rows of each dataset before the first epoch.
        shuffle: how far rows are moved.
        num_rows: rows of the epoch.
        window_rows: rows of a window.
        seed, epoch: what the order is derived from.
    """

    sources: tuple[tuple[int, ...], ...]
    weights: tuple[int, ...]
    first_rows: tuple[int, ...]
    shuffle: Shuffle
    num_rows: int
    window_rows: int
    seed: int
    epoch: int

    @property
    def shuffled(self) -> bool:
        """Whether rows are moved at all."""
        return self.shuffle.on

    @property
    def num_windows(self) -> int:
        """Windows of the epoch."""
        return -(-self.num_rows // self.window_rows)

    def window_start(self, window: int) -> int:
        """Rows before a window; of the number of windows, all rows."""
        return min(window * self.window_rows, self.num_rows)

    def window_at(self, position: int) -> int:
        """The window that the row of this position is in; the number of windows at the end."""
        return self.num_windows if position >= self.num_rows else position // self.window_rows

    def key(self, window: int) -> tuple[int, int]:
        """See `Plan.key`."""
        return self.epoch, window

    def window_shards(self, window: int) -> NDArray[np.int64]:
        """The shards that a window reads from, ascending."""
        return np.unique(self.places(window).shards)

    def places(self, window: int) -> Places:
        """The locations of the rows of a window; the shards of each dataset are numbered after those of the previous one."""
        starts, ends = self.counts(self.window_start(window)), self.counts(self.window_start(window + 1))
        before = self.taken(window)
        lengths = (end - start for start, end in zip(starts, ends, strict=True))
        parts = [
            self._run(source, first, first + length)
            for source, (first, length) in enumerate(zip(before, lengths, strict=True))
        ]
        places = Places(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        bits = stream(self.seed, "order.mixture", shard=window, duplicate=self.epoch)
        return places.take(permutation(bits, len(places.rows)))

    def taken(self, window: int) -> tuple[int, ...]:
        """See `Plan.taken`."""
        columns = zip(self.first_rows, self.counts(self.num_rows), self.counts(self.window_start(window)), strict=True)
        return tuple(first + self.epoch * rows + start for first, rows, start in columns)

    def counts(self, length: int) -> list[int]:
        """The rows of each dataset among the epoch's first `length` rows: its share, to within a few rows; the sum is `length`."""
        return _cut(length, self.weights)

    def _run(self, source: int, start: int, end: int) -> Places:
        """A range of the endless sequence of a dataset, pass after pass."""
        total = sum(self.sources[source])
        base = sum(len(rows) for rows in self.sources[:source])
        parts = [Places(*(np.zeros(0, np.int64),) * 3)]
        while start < end:
            number, position = divmod(start, total)
            plan = _pass(self.sources[source], self.seed, number, self.shuffle)
            window = plan.window_at(position)
            first, last = plan.window_start(window), plan.window_start(window + 1)
            some = _window(plan, window).take(
                slice(position - first, min(last - first, position - first + end - start))
            )
            parts.append(some._replace(shards=some.shards + base))
            start += len(some.rows)
        return Places(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _cut(length: int, weights: tuple[int, ...]) -> list[int]:
    """Divides a length in two recursively, so that no part becomes shorter when the length grows.

    >>> [_cut(length, (1, 1, 2)) for length in (1, 2, 4)]
    [[0, 0, 1], [1, 0, 1], [1, 1, 2]]
    """
    if len(weights) == 1:
        return [length]
    middle, total = len(weights) // 2, sum(weights)
    first = (2 * length * sum(weights[:middle]) + total) // (2 * total)
    return _cut(first, weights[:middle]) + _cut(length - first, weights[middle:])


@lru_cache(maxsize=16)
def _pass(shard_rows: tuple[int, ...], seed: int, number: int, shuffle: Shuffle) -> EpochPlan:
    return plan_epoch(shard_rows, seed=seed, epoch=number, shuffle=shuffle)


@lru_cache(maxsize=8)
def _window(plan: EpochPlan, window: int) -> Places:
    return plan.places(window)


def plan_mixture(
    sources: tuple[tuple[int, ...], ...],
    mixture: Mixture,
    *,
    seed: int,
    epoch: int,
    shuffle: Shuffle,
) -> MixturePlan:
    """Plans an epoch of a mixture.

    >>> from nspdata.loading.order import Shuffle
    >>> mixture = Mixture({"legal": 3, "general": 1}, rows=8)
    >>> plan = plan_mixture(((8,), (8,)), mixture, seed=1, epoch=0, shuffle=Shuffle(block_rows=2, window_rows=8))
    >>> np.bincount(plan.places(0).shards).tolist()
    [6, 2]
    """
    return MixturePlan(
        sources=sources,
        weights=tuple(max(1, round(share * 2**32)) for share in mixture.shares),
        first_rows=mixture.first_rows,
        shuffle=shuffle,
        num_rows=mixture.rows or sum(map(sum, sources)),
        window_rows=shuffle.window_rows,
        seed=seed,
        epoch=epoch,
    )
