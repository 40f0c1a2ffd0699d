"""Joins the epochs into one plan, so that a step may take rows of two epochs and no row is dropped between them."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from nspdata.loading.order import Places, Plan

ENDLESS = 1 << 62
"""Number of windows and rows of a stream: more than any iteration reaches."""

KEPT_PLANS = 4
"""Epoch plans kept in memory; a window and its read-ahead need only a few."""


class StreamPlan:
    """The joined plans of all epochs from a first one on. Windows and rows are numbered from the first of these epochs.

    >>> from nspdata.loading.order import Shuffle, plan_epoch
    >>> shuffle = Shuffle(block_rows=2, window_rows=4, on=False)
    >>> stream = StreamPlan(lambda epoch: plan_epoch([3, 2], seed=1, epoch=epoch, shuffle=shuffle), 0)
    >>> [stream.key(window) for window in range(4)], stream.window_start(2)
    ([(0, 0), (0, 1), (1, 0), (1, 1)], 5)
    """

    num_windows = ENDLESS
    num_rows = ENDLESS

    def __init__(self, plan_of: Callable[[int], Plan], epoch: int) -> None:
        """Creates no plan yet.

        Args:
            plan_of: returns the plan of an epoch.
            epoch: the first epoch.
        """
        self._plan_of, self.epoch = plan_of, epoch
        self._plans: dict[int, Plan] = {}
        self._windows, self._rows = [0], [0]
        first = self._plan(0)
        self.seed, self.shuffled = first.seed, first.shuffled

    def key(self, window: int) -> tuple[int, int]:
        """See `Plan.key`."""
        index, inner = self._locate(self._windows, window)
        return self._plan(index).key(inner)

    def window_start(self, window: int) -> int:
        """See `Plan.window_start`."""
        index, inner = self._locate(self._windows, window)
        return self._rows[index] + self._plan(index).window_start(inner)

    def window_at(self, position: int) -> int:
        """See `Plan.window_at`."""
        index, inner = self._locate(self._rows, position)
        return self._windows[index] + self._plan(index).window_at(inner)

    def window_shards(self, window: int) -> NDArray[np.int64]:
        """See `Plan.window_shards`."""
        index, inner = self._locate(self._windows, window)
        return self._plan(index).window_shards(inner)

    def places(self, window: int) -> Places:
        """See `Plan.places`."""
        index, inner = self._locate(self._windows, window)
        return self._plan(index).places(inner)

    def taken(self, window: int) -> tuple[int, ...]:
        """See `Plan.taken`."""
        index, inner = self._locate(self._windows, window)
        return self._plan(index).taken(inner)

    def _locate(self, starts: list[int], number: int) -> tuple[int, int]:
        """The epoch, counted from the first, that a window or a row is in, and its number in that epoch."""
        while starts[-1] <= number:
            plan = self._plan(len(starts) - 1)
            self._windows.append(self._windows[-1] + plan.num_windows)
            self._rows.append(self._rows[-1] + plan.num_rows)
        index = bisect_right(starts, number) - 1
        return index, number - starts[index]

    def _plan(self, index: int) -> Plan:
        if index not in self._plans:
            while len(self._plans) >= KEPT_PLANS:
                self._plans.pop(min(self._plans))
            self._plans[index] = self._plan_of(self.epoch + index)
        return self._plans[index]
