"""Progress of a build on stderr: two bars on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = "NSPDATA_PROGRESS_SECONDS"
"""Environment variable: seconds between two lines if stderr is no terminal (default 30); 0 prints none."""


class Silent:
    """Shows nothing."""

    def read(self, *, documents: int, text_bytes: int) -> None:
        """Some documents were tokenized."""

    def built(self, *, rows: int) -> None:
        """A shard was built."""


class Sent(Silent):
    """Sends progress from a worker process to the parent."""

    def __init__(self, report: Callable[[tuple[int, int]], None]) -> None:
        self.report = report

    def read(self, *, documents: int, text_bytes: int) -> None:
        """Sends the numbers."""
        self.report((documents, text_bytes))


class Terminal(Silent):
    """Two bars of `rich`: text read, shards built."""

    def __init__(self, display: Any, *, expected_bytes: int, num_shards: int, finished: int) -> None:
        self.display = display
        self.documents = self.rows = 0
        self.reading = display.add_task("reading", total=expected_bytes / 1e6, unit="MB", note="")
        self.building = display.add_task("building", total=num_shards, completed=finished, unit="shards", note="")

    def read(self, *, documents: int, text_bytes: int) -> None:
        """Moves the first bar."""
        self.documents += documents
        self.display.update(self.reading, advance=text_bytes / 1e6, note=f"{self.documents:,} documents")

    def built(self, *, rows: int) -> None:
        """Moves the second bar."""
        self.rows += rows
        self.display.update(self.building, advance=1, note=f"{self.rows:,} rows")


class Lines(Silent):
    """Counts progress, and formats it as a line.

    Args:
        expected_bytes: of text.
        num_shards: of all splits.
        finished: shards that an earlier run has built.
        clock: seconds, such as `time.monotonic`.
    """

    def __init__(self, *, expected_bytes: int, num_shards: int, finished: int, clock: Callable[[], float]) -> None:
        self.expected_bytes, self.num_shards, self.shards = expected_bytes, num_shards, finished
        self.documents = self.text_bytes = self.built_now = 0
        self.clock = clock
        self.last_read = clock()
        self.first: tuple[float, int] | None = None

    def read(self, *, documents: int, text_bytes: int) -> None:
        """Counts documents and bytes."""
        self.documents += documents
        self.text_bytes += text_bytes
        self.last_read = self.clock()
        self.first = self.first or (self.last_read, self.text_bytes)

    def built(self, *, rows: int) -> None:  # noqa: ARG002
        """Counts a shard."""
        self.shards += 1
        self.built_now += 1

    def line(self) -> str:
        """Documents, MB read of those expected, MB/s, shards, time left of the current phase."""
        megabytes, expected = self.text_bytes / 1e6, max(self.expected_bytes, self.text_bytes) / 1e6
        parts = [f"{self.documents:,} documents", f"{megabytes:,.1f} of {expected:,.1f} MB read"]
        speed = self._speed()
        if speed:
            parts.append(f"{speed:,.2g} MB/s" if speed < 10 else f"{speed:,.0f} MB/s")
        parts.append(f"{self.shards:,} of {self.num_shards:,} shards built")
        if self.built_now:
            seconds = (self.clock() - self.last_read) / self.built_now * (self.num_shards - self.shards)
            parts.append(f"about {_duration(seconds)} left")
        elif speed and megabytes < expected:
            parts.append(f"about {_duration((expected - megabytes) / speed)} of reading left")
        return f"nspdata: {', '.join(parts)}"

    def _speed(self) -> float:
        """MB/s since the first batch, without the start-up time; 0.0 if not known yet."""
        start, first_bytes = self.first or (self.last_read, 0)
        seconds = self.last_read - start
        return (self.text_bytes - first_bytes) / 1e6 / seconds if seconds > 0 else 0.0


def _duration(seconds: float) -> str:
    """Formats a duration.

    >>> _duration(8.4), _duration(75), _duration(7384)
    ('8 s', '1 min 15 s', '2 h 3 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


_shown: list[Silent] = [Silent()]


def current() -> Silent:
    """The progress reporter of this process."""
    return _shown[-1]


def send(report: Callable[[tuple[int, int]], None]) -> None:
    """Makes a worker process send its progress to the parent."""
    _shown[:] = [Sent(report)]


@contextmanager
def showing(*, expected_bytes: int, num_shards: int, finished: int = 0) -> Iterator[None]:
    """Shows progress on stderr within the block.

    Args:
        expected_bytes: of text.
        num_shards: of all splits.
        finished: shards that an earlier run has built.
    """
    shown = _bars if sys.stderr and sys.stderr.isatty() else _lines
    with shown(expected_bytes=expected_bytes, num_shards=num_shards, finished=finished) as reporter:
        _shown.append(reporter)
        try:
            yield
        finally:
            _shown.pop()


@contextmanager
def _bars(**totals: int) -> Iterator[Silent]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    narrow = console.width < 80
    columns = [
        TextColumn("{task.description:>8}"),
        *([] if narrow else [BarColumn()]),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} {task.fields[unit]}"),
        *([] if narrow else [TextColumn("{task.fields[note]}")]),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=console) as display:
        yield Terminal(display, **totals)


@contextmanager
def _lines(**totals: int) -> Iterator[Silent]:
    lines, stop = Lines(**totals, clock=time.monotonic), threading.Event()
    seconds = _interval()

    def print_lines() -> None:
        while not stop.wait(seconds):
            print(lines.line(), file=sys.stderr, flush=True)  # noqa: T201

    if seconds > 0:
        threading.Thread(target=print_lines, name="nspdata-progress", daemon=True).start()
    try:
        yield lines
    finally:
        stop.set()


def _interval() -> float:
    try:
        return float(os.environ.get(SECONDS, "") or 30)
    except ValueError:
        return 30.0
