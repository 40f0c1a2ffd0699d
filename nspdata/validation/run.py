"""A whole validation: the directory, then shard after shard, then what only the whole shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from nspdata.errors import ShardError
from nspdata.schema import row_metadata
from nspdata.shards import file_sha256
from nspdata.validation.directory import (
    check_config,
    check_datasets_files,
    check_files,
    check_manifest,
    check_tokenizer,
)
from nspdata.validation.findings import Findings, Notes
from nspdata.validation.labels import check_labels
from nspdata.validation.masks import check_masks, check_shares
from nspdata.validation.shapes import sound_rows
from nspdata.validation.whole import Tally, check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nspdata.rows import Rows
    from nspdata.shards import ShardEntry
    from nspdata.validation.findings import Finding
    from nspdata.validation.rules import Rules


def validate(
    directory: str | Path, *, on_shard: Callable[[str, int], None] = lambda _path, _size: None
) -> list[Finding]:
    """Checks every file and every row of a dataset directory.

    Args:
        directory: a local dataset directory.
        on_shard: called with the path and the bytes of each shard that is done.

    Returns:
        What is wrong; nothing, where all is well.

    Raises:
        ShardError: the directory holds no manifest.
    """
    place, findings = Path(directory), Findings()
    manifest = check_manifest(place, findings)
    if manifest is None:
        return findings.to_list()
    check_files(place, manifest, findings)
    config = check_config(manifest, findings)
    rules = check_tokenizer(place, manifest, config, findings) if config else None
    shards = ShardChecks(place, rules, findings)
    for split, entries in manifest.splits.items():
        for entry in entries:
            if (place / entry.path).exists():
                shards.check(split, entry)
            on_shard(entry.path, entry.bytes)
    if rules:
        check_datasets_files(place, manifest, rules, findings)
        check_shares(shards.tally.replaced, rules, findings)
        check_whole(shards.tally, manifest, rules, findings)
    return findings.to_list()


@dataclass(frozen=True)
class ShardChecks:
    """The checks of shards, one after another.

    Attributes:
        directory: the dataset directory.
        rules: what rows must be; None where nothing can be said of rows.
        findings: where to note what is wrong.
        tally: what the shards add up to.
    """

    directory: Path
    rules: Rules | None
    findings: Findings
    tally: Tally = field(default_factory=Tally)

    def check(self, split: str, entry: ShardEntry) -> None:
        """Checks a shard's bytes, its schema and its rows."""
        path, file, add = self.directory / entry.path, entry.path, self.findings.add
        size = path.stat().st_size
        if size != entry.bytes:
            add("file_size", f"{size:,} bytes, the manifest says {entry.bytes:,}", file=file)
        if file_sha256(path) != entry.sha256:
            add("file_sha256", "the sha256 is not the manifest's: the file was damaged or altered", file=file)
        batches = self._read(path, file)
        if batches is None:
            return
        num_rows, num_tokens = sum(map(len, batches)), sum(_num_tokens(batch) for batch in batches)
        if num_rows != entry.rows:
            add("shard_rows", f"{num_rows:,} rows, the manifest says {entry.rows:,}", file=file)
        if num_tokens != entry.tokens:
            add("shard_tokens", f"{num_tokens:,} tokens, the manifest says {entry.tokens:,}", file=file)
        if self.rules:
            self.tally.add_shard(split, file, list(self._check_rows(file, batches, self.rules)))

    def _read(self, path: Path, file: str) -> list[pa.RecordBatch] | None:
        """The record batches of a shard, views of the file; None where they cannot be read as rows."""
        try:
            with pa.ipc.open_stream(pa.memory_map(str(path))) as reader:
                metadata = row_metadata(reader.schema, name=file)
                batches = list(reader)
            for batch in batches:
                batch.validate(full=True)
        except (pa.ArrowInvalid, OSError) as error:
            self.findings.add("arrow", str(error).split("\n")[0], file=file)
            return None
        except (ShardError, TypeError, ValueError) as error:
            self.findings.add("arrow_schema", str(error), file=file)
            return None
        if self.rules and metadata != self.rules.metadata:
            message = "the metadata are not those that the manifest and the tokenizer give"
            self.findings.add("arrow_schema", message, file=file)
        if nulls := sum(_num_nulls(column) for batch in batches for column in batch.columns):
            self.findings.add("arrow_schema", "values are null", file=file, count=nulls)
            return None
        return batches

    def _check_rows(self, file: str, batches: list[pa.RecordBatch], rules: Rules) -> Iterator[Rows]:
        """Checks a shard's rows, batch by batch; yields those of sound shape."""
        begin = 0
        for batch in batches:
            numbers = np.arange(begin, begin + len(batch))
            begin += len(batch)
            rows, notes = sound_rows(batch, rules, Notes(self.findings, file, numbers))
            if not len(rows):
                continue
            self.tally.replaced += check_masks(rows, rules, notes)
            check_labels(rows, rules, notes)
            yield rows


def _num_tokens(batch: pa.RecordBatch) -> int:
    offsets = batch["input_ids"].offsets
    return int(offsets[-1].as_py() - offsets[0].as_py()) if len(batch) else 0


def _num_nulls(column: pa.Array) -> int:
    inner = column.values.null_count if pa.types.is_list(column.type) else 0
    return int(column.null_count) + int(inner)
