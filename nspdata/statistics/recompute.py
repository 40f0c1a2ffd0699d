"""The statistics of a dataset directory: as they were written, or again from its shards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from nspdata.dataset.manifest import STATISTICS, read_manifest
from nspdata.dataset.schema import row_metadata
from nspdata.dataset.shards import open_shard
from nspdata.errors import ShardError
from nspdata.instances.rows import Rows
from nspdata.statistics.summarize import summarize_files, summarize_rows
from nspdata.statistics.values import from_json, merge, zero
from nspdata.tokenization.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from nspdata.dataset.manifest import Manifest, ShardEntry
    from nspdata.statistics.values import Statistics


def read_statistics(directory: str | Path) -> Statistics:
    """The statistics of a finished dataset: those of `statistics.json`, or of the rows alone where that is missing.

    Raises:
        ShardError: the directory is unfinished, or a file in it is not what it should be.
    """
    path = Path(directory) / STATISTICS
    if not path.exists():
        return recompute(directory)
    read_manifest(directory)
    return from_json(path.read_bytes(), name=str(path))


def recompute(directory: str | Path, split: str | None = None) -> Statistics:
    """The statistics of the rows, from the shards alone; what is of the corpus stays unknown.

    Args:
        directory: a finished dataset.
        split: this split only.

    Raises:
        ShardError: the directory is unfinished, or a shard is not what the manifest says.
    """
    manifest = read_manifest(directory)
    vocabulary = Vocabulary.read(Path(directory) / "tokenizer" / "vocab.txt")
    statistics = zero()
    for entry in entries_of(manifest, split):
        statistics = merge(statistics, summarize_entry(directory, entry, vocabulary))
    return statistics


def entries_of(manifest: Manifest, split: str | None = None) -> list[ShardEntry]:
    """The shards of a split, or of all."""
    return [entry for name, entries in sorted(manifest.splits.items()) if split in {None, name} for entry in entries]


def summarize_entry(directory: str | Path, entry: ShardEntry, vocabulary: Vocabulary) -> Statistics:
    """The statistics of one shard, from its file on the local disk."""
    table, metadata = open_shard(directory, entry)
    return _summarized(table.to_batches(), entry, vocabulary, metadata.max_seq_length)


def summarize_stream(stream: BinaryIO, entry: ShardEntry, vocabulary: Vocabulary, *, name: str) -> Statistics:
    """The statistics of one shard, from wherever it is, batch by batch.

    Raises:
        ShardError: it is no shard, or has not the rows that the manifest names.
    """
    try:
        with pa.ipc.open_stream(stream) as reader:
            statistics = _summarized(reader, entry, vocabulary, row_metadata(reader.schema, name=name).max_seq_length)
    except (pa.ArrowInvalid, OSError) as error:
        raise ShardError(f"{name}: not a readable Arrow stream ({error}); copy the shard anew") from error
    rows = statistics.rows.counts.get("rows", 0)
    if rows != entry.rows:
        raise ShardError(f"{name}: {rows} rows, the manifest says {entry.rows}; copy the shard anew")
    return statistics


def _summarized(
    batches: Iterable[pa.RecordBatch], entry: ShardEntry, vocabulary: Vocabulary, max_seq_length: int
) -> Statistics:
    statistics = summarize_files([entry])
    for batch in batches:
        rows = summarize_rows(Rows.from_batch(batch), vocabulary, max_seq_length=max_seq_length)
        statistics = merge(statistics, rows)
    return statistics
