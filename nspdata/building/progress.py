"""How far a build is: counted where results arrive, shown only on a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Silent:
    """Shows nothing."""

    def read(self, *, documents: int, text_bytes: int) -> None:
        """Some documents were tokenized."""

    def built(self, *, rows: int) -> None:
        """A shard was built."""


class Terminal(Silent):
    """Two lines of `rich`: text read, shards built."""

    def __init__(self, display: Any, *, expected_bytes: int, num_shards: int) -> None:
        self.display = display
        self.documents = self.rows = 0
        self.reading = display.add_task("reading", total=expected_bytes / 1e6, unit="MB", note="")
        self.building = display.add_task("building", total=num_shards, unit="shards", note="")

    def read(self, *, documents: int, text_bytes: int) -> None:
        """Moves the first line on."""
        self.documents += documents
        self.display.update(self.reading, advance=text_bytes / 1e6, note=f"{self.documents:,} documents")

    def built(self, *, rows: int) -> None:
        """Moves the second line on."""
        self.rows += rows
        self.display.update(self.building, advance=1, note=f"{self.rows:,} rows")


_shown: list[Silent] = [Silent()]


def current() -> Silent:
    """Where to tell progress in this process."""
    return _shown[-1]


@contextmanager
def showing(*, expected_bytes: int, num_shards: int) -> Iterator[None]:
    """Shows progress on stderr for the time of the block, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:>8}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} {task.fields[unit]}"),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as display:
        _shown.append(Terminal(display, expected_bytes=expected_bytes, num_shards=num_shards))
        try:
            yield
        finally:
            _shown.pop()
