"""Reads single rows from memory-mapped shards, and releases the pages that were read."""

from __future__ import annotations

import mmap
from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from nspdata.arrays.ragged import offsets
from nspdata.dataset.shards import read_shard
from nspdata.errors import ShardError
from nspdata.instances.rows import Rows, take
from nspdata.loading.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nspdata.dataset.directory import Shard
    from nspdata.dataset.schema import RowMetadata
    from nspdata.loading.order import Places, Plan

MAX_OPEN = 96
"""Shards that are kept open; each costs a few kB."""

PARTS_AT_ONCE = 32
"""Record batches whose pages are in memory at the same time: reading a byte maps 64 KB around it."""

AHEAD_WINDOWS = 64
"""Number of windows ahead for which stores are asked to fetch shards."""


class MappedShard:
    """A memory-mapped shard."""

    def __init__(self, shard: Shard, *, word_starts: bool = False) -> None:
        """Opens the shard and compares it with its manifest entry; `word_starts`: its rows need that column.

        Raises:
            ShardError: missing, damaged, or of another dataset than the manifest says.
        """
        self.name = shard.name
        with shard.open() as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        table, metadata = read_shard(pa.py_buffer(self._map), shard.entry, name=self.name)
        _check_metadata(metadata, shard)
        try:
            table.validate()
        except pa.ArrowException as error:
            raise altered(self.name, str(error)) from error
        self.metadata, self._word_starts = metadata, word_starts
        self._views: dict[int, Views] = {}
        self.batches: list[pa.RecordBatch] = table.to_batches()
        self.starts = offsets(np.array([len(batch) for batch in self.batches], np.int64))

    def rows(self, numbers: NDArray[np.int64]) -> Iterator[Rows]:
        """Yields the rows with these numbers (ascending, distinct), one part per record batch.

        Raises:
            ShardError: the offsets of a record batch are corrupt.
        """
        cuts = np.searchsorted(numbers, self.starts)
        for index in np.flatnonzero(np.diff(cuts)).tolist():
            some = numbers[cuts[index] : cuts[index + 1]] - self.starts[index]
            yield self._view(index).rows(some)

    def _view(self, index: int) -> Views:
        if index not in self._views:
            try:
                self._views[index] = Views.of(self.batches[index], word_starts=self._word_starts)
            except ValueError as error:
                raise altered(self.name, str(error)) from error
        return self._views[index]

    def lengths(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tokens of the rows of these numbers, ascending and distinct: shape (n,), int64; no token is read.

        Raises:
            ShardError: see `check_rows`.
        """
        cuts = np.searchsorted(numbers, self.starts)
        parts = [np.zeros(0, np.int64)]
        for index in np.flatnonzero(np.diff(cuts)).tolist():
            some = numbers[cuts[index] : cuts[index + 1]] - self.starts[index]
            ends = self._view(index).offsets
            parts.append((ends[some + 1] - ends[some]).astype(np.int64))
        lengths = np.concatenate(parts)
        if len(lengths) and not (lengths.min() >= 2 and lengths.max() <= self.metadata.max_seq_length):
            raise altered(self.name, "row lengths out of range")
        return lengths

    def release(self) -> None:
        """Releases the pages that were read; they stay in the system's cache, but no longer count as memory of this process."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


def altered(name: str, what: str) -> ShardError:
    """The error for a shard whose bytes differ from those that were written."""
    return ShardError(f"{name}: {what}, so the file was altered after it was written; copy the shard again")


def _check_metadata(metadata: RowMetadata, shard: Shard) -> None:
    for name in ("tokenizer_sha256", "vocab_size", "special_ids", "max_seq_length", "objective", "word_segmenter"):
        mine, theirs = getattr(metadata, name), getattr(shard.metadata, name)
        if mine != theirs:
            raise ShardError(
                f"{shard.name}: {name} is {mine!r}, its dataset's manifest and vocabulary say {theirs!r}; the shard is of another "
                "dataset. Copy the whole dataset directory again"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows copied into memory.

    Attributes:
        rows: distinct ones, in the order of the shards.
        order: shape (n,), int64: index in `rows` of each requested row.
    """

    rows: Rows
    order: NDArray[np.int64]


class Reader:
    """The shards of one or more datasets, opened on first use."""

    def __init__(self, shards: list[Shard], *, word_starts: bool = False) -> None:
        """Opens no shard; `word_starts`: the rows need that column."""
        self.shards, self._word_starts = shards, word_starts
        self._open: OrderedDict[int, MappedShard] = OrderedDict()
        self._requested = 0

    def read(self, places: Places) -> Window:
        """Returns the rows at these places (at least one), checked so that no batch made from them is malformed.

        Raises:
            ShardError: a shard is missing or damaged.
        """
        order, distinct = _distinct(places)
        parts = [part for shard, numbers in distinct for part in self._copied(shard, numbers)]
        return Window(rows=Rows.concatenate(parts), order=order)

    def _copied(self, shard: int, numbers: NDArray[np.int64]) -> Iterator[Rows]:
        """Copies rows of a shard into memory; the pages of a few blocks are released before those of the next are read."""
        mapped = self._shard(shard)
        parts = mapped.rows(numbers)
        while some := list(islice(parts, PARTS_AT_ONCE)):
            rows = Rows.concatenate(some) if len(some) > 1 else take(some[0], np.arange(len(some[0])))
            check_rows(rows, mapped.metadata.max_seq_length, mapped.metadata.vocab_size, name=mapped.name)
            yield rows
            mapped.release()

    def lengths(self, places: Places) -> NDArray[np.int64]:
        """Tokens of the rows at these places: shape (n,), int64."""
        order, distinct = _distinct(places)
        parts = []
        for shard, numbers in distinct:
            parts.append(self._shard(shard).lengths(numbers))
            self._shard(shard).release()
        return np.concatenate([np.zeros(0, np.int64), *parts])[order]

    def ahead(self, plan: Plan, window: int) -> None:
        """Asks the stores to fetch the shards of the next windows, in the order of use.

        Looks ahead far enough that one group of shards is fetched while another is read.
        """
        for number in range(max(window + 1, self._requested), min(window + AHEAD_WINDOWS, plan.num_windows)):
            for index in plan.window_shards(number).tolist():
                if index not in self._open:
                    self.shards[index].store.ahead([self.shards[index].entry])
        self._requested = window + AHEAD_WINDOWS

    def _shard(self, index: int) -> MappedShard:
        if index not in self._open:
            while len(self._open) >= MAX_OPEN:
                self._open.popitem(last=False)
            self._open[index] = MappedShard(self.shards[index], word_starts=self._word_starts)
        self._open.move_to_end(index)
        return self._open[index]


def _distinct(places: Places) -> tuple[NDArray[np.int64], list[tuple[int, NDArray[np.int64]]]]:
    """The distinct places, as ascending row numbers for each shard, and the index of each given place among them."""
    keys, order = np.unique((places.shards << 40) | places.rows, return_inverse=True)
    if not len(keys):
        return order, []
    shards, rows = keys >> 40, keys & ((1 << 40) - 1)
    firsts = np.flatnonzero(np.diff(shards, prepend=-1))
    return order, list(zip(shards[firsts].tolist(), np.split(rows, firsts[1:]), strict=True))


def check_rows(rows: Rows, max_seq_length: int, vocab_size: int, *, name: str) -> None:
    """Checks that lengths, ids and positions of rows are in range, as batches require.

    Raises:
        ShardError: the shard has been altered.
    """
    lengths, counts = rows.lengths, np.diff(rows.masked_offsets)
    checks: list[tuple[str, Callable[[], bool]]] = [
        ("row lengths", lambda: bool(lengths.min() >= 2 and lengths.max() <= max_seq_length)),
        ("lengths of segment A", lambda: bool((rows.lengths_a >= 1).all() and (rows.lengths_a <= lengths).all())),
        ("tokens", lambda: int(rows.offsets[-1]) == len(rows.input_ids) and int(rows.input_ids.max()) < vocab_size),
        ("masks", lambda: bool((counts >= 0).all()) and int(rows.masked_offsets[-1]) == len(rows.masked_lm_positions)),
        ("masked positions", lambda: bool((rows.masked_lm_positions < np.repeat(lengths, counts)).all())),
        ("masked labels", lambda: not len(rows.masked_lm_labels) or int(rows.masked_lm_labels.max()) < vocab_size),
    ]
    for what, holds in checks:
        if not holds():
            raise altered(name, f"{what} out of range")
