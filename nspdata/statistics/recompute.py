"""Statistics of a dataset directory: read from `statistics.json`, or recomputed from its shards."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa

from nspdata.dataset.directory import open_directory
from nspdata.dataset.manifest import STATISTICS
from nspdata.dataset.schema import row_metadata
from nspdata.errors import ShardError
from nspdata.files.bounded import BoundedReads
from nspdata.instances.rows import Rows
from nspdata.statistics.summarize import summarize_files, summarize_rows
from nspdata.statistics.values import from_json, merge, zero

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

    from nspdata.dataset.directory import Directory
    from nspdata.dataset.manifest import Manifest, ShardEntry
    from nspdata.statistics.values import Statistics
    from nspdata.tokenization.vocabulary import Vocabulary


def read_statistics(directory: Directory | str | Path) -> Statistics:
    """Returns the statistics of a finished dataset: from `statistics.json`, or of the rows only if that file is missing.

    Raises:
        ShardError: the directory is unfinished, or a file in it is corrupt.
    """
    opened = open_directory(directory)
    written = opened.store.read(STATISTICS)
    if written is None:
        return recompute(opened)
    return from_json(written, name=f"{opened.name}/{STATISTICS}")


def recompute(directory: Directory | str | Path, split: str | None = None) -> Statistics:
    """Recomputes the statistics of the rows from the shards; those of the corpus stay empty.

    Args:
        directory: a finished dataset.
        split: this split only.

    Raises:
        ShardError: the directory is unfinished, or a shard differs from the manifest.
    """
    opened = open_directory(directory)
    statistics = zero()
    for shard in opened.shards(split):
        batches = shard.table().to_batches()
        summary = _summarized(batches, shard.entry, opened.vocabulary, shard.metadata.max_seq_length)
        statistics = merge(statistics, summary)
    return statistics


def entries_of(manifest: Manifest, split: str | None = None) -> list[ShardEntry]:
    """The shards of a split, or of all."""
    return [entry for name, entries in sorted(manifest.splits.items()) if split in {None, name} for entry in entries]


def summarize_stream(stream: BinaryIO, entry: ShardEntry, vocabulary: Vocabulary, *, name: str) -> Statistics:
    """The statistics of one shard, from an open file, batch by batch.

    Raises:
        ShardError: it is not a shard, or its rows or its sha256 differ from the manifest.
    """
    hashed = _Hashed(stream)
    try:
        with pa.ipc.open_stream(hashed) as reader:
            statistics = _summarized(reader, entry, vocabulary, row_metadata(reader.schema, name=name).max_seq_length)
    except ShardError:
        raise
    except Exception as error:
        if isinstance(error, pa.ArrowException | OSError) or hashed.hexdigest() != entry.sha256:
            raise ShardError(f"{name}: not a readable Arrow stream ({error}); copy the shard again") from error
        raise
    rows = statistics.rows.counts.get("rows", 0)
    if rows != entry.rows:
        raise ShardError(f"{name}: {rows} rows, the manifest says {entry.rows}; copy the shard again")
    if hashed.hexdigest() != entry.sha256:
        raise ShardError(
            f"{name}: altered since it was written (its sha256 is not the manifest's); copy the shard again"
        )
    return statistics


class _Hashed(BoundedReads):
    """Computes the sha256 of a file that is read from its first byte to the last."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self._hash = hashlib.sha256()

    def read(self, size: int | None = -1) -> bytes:
        """See `BoundedReads.read`."""
        data = super().read(size)
        self._hash.update(data)
        return data

    def hexdigest(self) -> str:
        """The sha256 of the whole file; reads what is left."""
        while self.read(1 << 20):
            pass
        return self._hash.hexdigest()


def _summarized(
    batches: Iterable[pa.RecordBatch], entry: ShardEntry, vocabulary: Vocabulary, max_seq_length: int
) -> Statistics:
    statistics = summarize_files([entry])
    for batch in batches:
        rows = summarize_rows(Rows.from_batch(batch), vocabulary, max_seq_length=max_seq_length)
        statistics = merge(statistics, rows)
    return statistics
