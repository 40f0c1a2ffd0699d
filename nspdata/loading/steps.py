"""From the order of rows to the batches of one rank and one worker: samples, steps and shares, still as integers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nspdata.arrays.ragged import offsets, ragged_indices
from nspdata.arrays.random import stream
from nspdata.loading.bins import bin_rows
from nspdata.loading.order import permutation, share
from nspdata.loading.packing import pack_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nspdata.loading.order import Places, Plan

    Lengths = Callable[[Places], NDArray[np.int64]]


class Mark(NamedTuple):
    """A position in an epoch.

    Attributes:
        position: samples before it.
        window: a window that begins at it or before it.
        window_position: samples before that window.
    """

    position: int = 0
    window: int = 0
    window_position: int = 0


START = Mark()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """How the rows of a window are divided into samples of one or several rows.

    Attributes:
        capacity: tokens of a sample that rows are packed into; 0 for one row a sample.
        bounds: the longest row of each length bin; () for none.
        step_rows: rows of the steps that hold one bin only.
    """

    capacity: int = 0
    bounds: tuple[int, ...] = ()
    step_rows: int = 1

    @property
    def plain(self) -> bool:
        """Whether samples are the rows in the order of the epoch."""
        return not self.capacity and not self.bounds


class Stretch(NamedTuple):
    """The samples of a window.

    Attributes:
        window: its number.
        position: samples of the epoch before it.
        places: the locations of its rows, sample by sample.
        starts: shape (num_samples + 1,), int64: where each sample begins in `places`.
    """

    window: int
    position: int
    places: Places
    starts: NDArray[np.int64]

    @property
    def end(self) -> int:
        """Samples of the epoch up to its end."""
        return self.position + len(self.starts) - 1


def stretch(plan: Plan, window: int, position: int, arrangement: Arrangement, lengths_of: Lengths) -> Stretch:
    """Makes the samples of a window.

    Args:
        plan: the epoch.
        window: which.
        position: samples before it.
        arrangement: how.
        lengths_of: tokens of rows.
    """
    places = plan.places(window)
    rows = np.arange(len(places.rows))
    starts = np.arange(len(rows) + 1)
    if arrangement.bounds:
        bins = np.searchsorted(np.asarray(arrangement.bounds), lengths_of(places))
        order = bin_rows(rows, bins, step_rows=arrangement.step_rows, plan=plan, window=window)
        places = places.take(order)
    elif arrangement.capacity:
        order, starts = pack_rows(rows, lengths_of(places), arrangement.capacity)
        if plan.shuffled:
            counts = np.diff(starts)
            epoch, number = plan.key(window)
            packs = permutation(stream(plan.seed, "order.packs", shard=number, duplicate=epoch), len(counts))
            order, starts = order[ragged_indices(starts[packs], counts[packs])], offsets(counts[packs])
        places = places.take(order)
    return Stretch(window, position, places, starts)


def stretches(
    plan: Plan, window: int, position: int, arrangement: Arrangement, lengths_of: Lengths
) -> Iterator[Stretch]:
    """Yields the windows from this one on."""
    for number in range(window, plan.num_windows):
        made = stretch(plan, number, position, arrangement, lengths_of)
        position = made.end
        yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which samples a worker of a rank reads.

    Attributes:
        batch_size: samples of a step on one rank.
        rank, world_size: the rank, and the number of ranks.
        worker, num_workers: the worker, and the number of workers of the rank; they take its steps in turn.
        start: the sample that the first step begins with.
        first_step: steps before this are skipped.
        drop_last: whether an incomplete last step is dropped; else all ranks share it.
    """

    batch_size: int
    rank: int = 0
    world_size: int = 1
    worker: int = 0
    num_workers: int = 1
    start: int = 0
    first_step: int = 0
    drop_last: bool = False

    @property
    def step_size(self) -> int:
        """Samples of a step on all ranks."""
        return self.batch_size * self.world_size

    def bounds(self, rest: int) -> tuple[int, int]:
        """This rank's samples of a last step of `rest` samples: (start, end)."""
        return (0, 0) if self.drop_last else share(rest, self.rank, self.world_size)

    def num_steps(self, total: int) -> int:
        """Batches of this rank, over all its workers, in an epoch of this many samples."""
        full, rest = divmod(total - self.start, self.step_size)
        low, high = self.bounds(rest)
        return full + (high > low)


class Part(NamedTuple):
    """A worker's samples of a window.

    Attributes:
        stretch: the window.
        samples: shape (n,), int64: its samples' indices.
        steps: shape (n,), int64, ascending: the step of each sample.
        whole: whether the last of the steps ends here.
        total: samples of the epoch, or -1 if not known yet.
    """

    stretch: Stretch
    samples: NDArray[np.int64]
    steps: NDArray[np.int64]
    whole: bool
    total: int


def parts(windows: Iterator[Stretch], part: Share) -> Iterator[Part]:
    """Yields a worker's samples of each window; reads ahead only if a step extends into the next window."""
    queue: deque[Stretch] = deque()
    ended = False
    while True:
        if not queue:
            found = next(windows, None)
            if found is None:
                return
            queue.append(found)
        now = queue[0]
        boundary = part.start - -(now.end - part.start) // part.step_size * part.step_size
        while not ended and queue[-1].end < boundary:
            found = next(windows, None)
            ended = found is None
            queue.extend([] if found is None else [found])
        total = queue[-1].end if queue[-1].end < boundary else -1
        queue.popleft()
        yield _part(now, part, total)


def _part(now: Stretch, part: Share, total: int) -> Part:
    samples = np.arange(max(0, part.start - now.position), len(now.starts) - 1)
    steps, slots = np.divmod(samples + now.position - part.start, part.step_size)
    lows, highs = (
        np.full(len(steps), part.rank * part.batch_size),
        np.full(len(steps), (part.rank + 1) * part.batch_size),
    )
    if total >= 0:
        last, rest = divmod(total - part.start, part.step_size)
        lows[steps == last], highs[steps == last] = part.bounds(rest)
    mine = (slots >= lows) & (slots < highs) & (steps >= part.first_step) & (steps % part.num_workers == part.worker)
    samples, steps = samples[mine], steps[mine]
    whole = not len(samples) or bool(slots[mine][-1] + 1 == highs[mine][-1])
    return Part(now, samples, steps, whole, total)
