"""Runs a validation: the directory, then each shard, then the checks over all shards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nspdata.dataset.shards import file_sha256
from nspdata.validation.descriptions import check_card, check_statistics
from nspdata.validation.directory import check_datasets_files, check_files, check_manifest, check_names
from nspdata.validation.fetching import local_directory
from nspdata.validation.findings import Findings
from nspdata.validation.labels import check_labels
from nspdata.validation.masks import check_masks, check_shares
from nspdata.validation.shard_files import read_batches, sound_parts
from nspdata.validation.skipping import without_skipped
from nspdata.validation.tokenizer import check_tokenizer
from nspdata.validation.totals import Tally, check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from nspdata.dataset.manifest import ShardEntry
    from nspdata.instances.rows import Rows
    from nspdata.validation.findings import Finding
    from nspdata.validation.spec import RowSpec


def validate(
    directory: str | Path, *, on_shard: Callable[[str, int], None] = lambda _path, _size: None
) -> list[Finding]:
    """Checks every file and every row of a dataset directory.

    Args:
        directory: a dataset directory; one behind a URL is copied to a temporary directory first.
        on_shard: called with the path and the size of each shard after its check.

    Returns:
        What is wrong; an empty list if the dataset is valid.

    Raises:
        ShardError: the directory holds no manifest.
    """
    with local_directory(directory) as place:
        return _validate(place, on_shard)


def _validate(place: Path, on_shard: Callable[[str, int], None]) -> list[Finding]:
    findings = Findings()
    settled = check_manifest(place, findings)
    if settled is None:
        return findings.to_list()
    manifest, config = settled
    check_files(place, manifest, findings)
    spec = check_tokenizer(place, manifest, config, findings)
    shards = ShardChecks(place, spec, findings)
    for split, entries in manifest.splits.items():
        for entry in entries:
            if (place / entry.path).exists():
                shards.check(split, entry)
            on_shard(entry.path, entry.bytes)
    if spec:
        check_names(manifest, spec, findings)
        check_datasets_files(place, manifest, spec, findings)
        check_shares(shards.tally.replaced, spec, findings)
        check_whole(shards.tally, manifest, spec, findings)
        statistics = check_statistics(place, manifest, shards.tally, findings)
        if statistics:
            check_card(place, manifest, statistics, findings)
    return without_skipped(findings.to_list(), manifest)


@dataclass(frozen=True)
class ShardChecks:
    """Checks shards one after another.

    Attributes:
        directory: the dataset directory.
        spec: what rows must be; None if rows cannot be checked.
        findings: where to note what is wrong.
        tally: sums over the shards.
    """

    directory: Path
    spec: RowSpec | None
    findings: Findings
    tally: Tally = field(default_factory=Tally)

    def check(self, split: str, entry: ShardEntry) -> None:
        """Checks a shard's bytes, its schema and its rows."""
        path, file, add = self.directory / entry.path, entry.path, self.findings.add
        size = path.stat().st_size
        if size != entry.bytes:
            add("file_size", f"{size:,} bytes, the manifest says {entry.bytes:,}", file=file)
        if file_sha256(path) != entry.sha256:
            add("file_sha256", "the sha256 is not the manifest's: the file is corrupt or was changed", file=file)
        batches = read_batches(path, file, self.spec, self.findings)
        if batches is None:
            return
        num_rows, num_tokens = sum(map(len, batches)), sum(_num_tokens(batch) for batch in batches)
        if num_rows != entry.rows:
            add("shard_rows", f"{num_rows:,} rows, the manifest says {entry.rows:,}", file=file)
        if num_tokens != entry.tokens:
            add("shard_tokens", f"{num_tokens:,} tokens, the manifest says {entry.tokens:,}", file=file)
        if self.spec:
            self.tally.add_shard(split, file, list(self._check_rows(file, batches, self.spec)), self.spec)

    def _check_rows(self, file: str, batches: list[pa.RecordBatch], spec: RowSpec) -> Iterator[Rows]:
        """Checks a shard's rows, batch by batch; yields those with a valid shape."""
        for rows, notes in sound_parts(batches, file, spec, self.findings):
            self.tally.replaced += check_masks(rows, spec, notes)
            check_labels(rows, spec, notes)
            yield rows


def _num_tokens(batch: pa.RecordBatch) -> int:
    offsets = batch["input_ids"].offsets
    return int(offsets[-1].as_py() - offsets[0].as_py()) if len(batch) else 0
