"""Runs a validation: the directory, then each shard, then the checks over all shards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nspdata.building.parallel import processes
from nspdata.building.workers import how_many
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

    from nspdata.dataset.manifest import Manifest, ShardEntry
    from nspdata.instances.rows import Rows
    from nspdata.validation.findings import Finding
    from nspdata.validation.spec import RowSpec


def validate(
    directory: str | Path,
    *,
    num_workers: int = 1,
    on_shard: Callable[[str, int], None] = lambda _path, _size: None,
) -> list[Finding]:
    """Checks every file and every row of a dataset directory.

    Args:
        directory: a dataset directory; one behind a URL is copied to a temporary directory first.
        num_workers: processes that check shards; 0 for one per processor. The findings are the same for any number.
        on_shard: called with the path and the size of each shard after its check.

    Returns:
        What is wrong; an empty list if the dataset is valid.

    Raises:
        ShardError: the directory holds no manifest.
    """
    with local_directory(directory) as place:
        return _validate(place, num_workers, on_shard)


def _validate(place: Path, num_workers: int, on_shard: Callable[[str, int], None]) -> list[Finding]:
    findings, tally = Findings(), Tally()
    begun = begin(place, findings)
    if begun is None:
        return findings.to_list()
    manifest, spec = begun
    for entry, report in _reports(ShardChecks(place, spec), manifest, num_workers):
        findings.add_all(report.findings)
        tally.add(report.tally)
        on_shard(entry.path, entry.bytes)
    if spec:
        conclude(place, manifest, spec, tally, findings)
    return without_skipped(findings.to_list(), manifest)


def begin(place: Path, findings: Findings) -> tuple[Manifest, RowSpec | None] | None:
    """Checks the files other than shards: returns the manifest, and what rows must be; None for what cannot be known."""
    settled = check_manifest(place, findings)
    if settled is None:
        return None
    manifest, config = settled
    check_files(place, manifest, findings)
    return manifest, check_tokenizer(place, manifest, config, findings)


def conclude(place: Path, manifest: Manifest, spec: RowSpec, tally: Tally, findings: Findings) -> None:
    """Checks what only all shards together show."""
    check_names(manifest, spec, findings)
    check_datasets_files(place, manifest, spec, findings)
    check_shares(tally.replaced, spec, findings)
    check_whole(tally, manifest, spec, findings)
    statistics = check_statistics(place, manifest, tally, findings)
    if statistics:
        check_card(place, manifest, statistics, findings)


def _reports(checks: ShardChecks, manifest: Manifest, num_workers: int) -> Iterator[tuple[ShardEntry, ShardReport]]:
    """Checks the shards of all splits; yields each with what was found, in order."""
    shards = [(split, entry) for split, entries in manifest.splits.items() for entry in entries]
    with processes(how_many(num_workers, len(shards)), _begin, checks) as spread:
        reports = spread(_check, shards, title=lambda shard: f"checking {shard[1].path}")
        for (_, entry), report in zip(shards, reports, strict=True):
            yield entry, report


_checks: list[ShardChecks] = []


def _begin(checks: ShardChecks) -> None:
    """Stores the checks in a process."""
    _checks[:] = [checks]


def _check(shard: tuple[str, ShardEntry]) -> ShardReport:
    return _checks[0].check(*shard)


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What the check of one shard found.

    Attributes:
        findings: what is wrong.
        tally: sums over its rows.
    """

    findings: Findings = field(default_factory=Findings)
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class ShardChecks:
    """Checks shards, each apart from the others.

    Attributes:
        directory: the dataset directory.
        spec: what rows must be; None if rows cannot be checked.
    """

    directory: Path
    spec: RowSpec | None

    def check(self, split: str, entry: ShardEntry) -> ShardReport:
        """Checks a shard's bytes, its schema and its rows; a file that is missing is reported by `check_files`."""
        path, file, report = self.directory / entry.path, entry.path, ShardReport()
        if not path.exists():
            return report
        add = report.findings.add
        size = path.stat().st_size
        if size != entry.bytes:
            add("file_size", f"{size:,} bytes, the manifest says {entry.bytes:,}", file=file)
        if file_sha256(path) != entry.sha256:
            add("file_sha256", "the sha256 is not the manifest's: the file is corrupt or was changed", file=file)
        batches = read_batches(path, file, self.spec, report.findings)
        if batches is None:
            return report
        num_rows, num_tokens = sum(map(len, batches)), sum(_num_tokens(batch) for batch in batches)
        if num_rows != entry.rows:
            add("shard_rows", f"{num_rows:,} rows, the manifest says {entry.rows:,}", file=file)
        if num_tokens != entry.tokens:
            add("shard_tokens", f"{num_tokens:,} tokens, the manifest says {entry.tokens:,}", file=file)
        if self.spec:
            report.tally.add_shard(split, file, list(_check_rows(file, batches, self.spec, report)), self.spec)
        return report


def _check_rows(file: str, batches: list[pa.RecordBatch], spec: RowSpec, report: ShardReport) -> Iterator[Rows]:
    """Checks a shard's rows, batch by batch; yields those with a valid shape."""
    for rows, notes in sound_parts(batches, file, spec, report.findings):
        report.tally.replaced += check_masks(rows, spec, notes)
        check_labels(rows, spec, notes)
        yield rows


def _num_tokens(batch: pa.RecordBatch) -> int:
    offsets = batch["input_ids"].offsets
    return int(offsets[-1].as_py() - offsets[0].as_py()) if len(batch) else 0
