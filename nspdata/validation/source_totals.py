"""The checks over all shards: what the input gives against the counts and the statistics of the dataset."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nspdata.dataset.manifest import MANIFEST, STATISTICS
from nspdata.errors import ShardError
from nspdata.statistics import PartStatistics, from_json
from nspdata.statistics.summarize import FROM_BUILD
from nspdata.validation.descriptions import differences
from nspdata.validation.spilling import digest_rejected

if TYPE_CHECKING:
    from pathlib import Path

    from nspdata.dataset.manifest import Manifest
    from nspdata.validation.findings import Findings
    from nspdata.validation.shard_source import SourceReport


def check_totals(directory: Path, manifest: Manifest, report: SourceReport, findings: Findings) -> None:
    """Checks what only the whole input shows.

    Args:
        directory: the dataset directory.
        manifest: the dataset's.
        report: the sum over all of the input and all shards.
        findings: where to note what is wrong.
    """
    _check_encoder(report, findings)
    _check_counts(manifest, report, findings)
    _check_rejected(directory, report, findings)
    _check_statistics(directory, report, findings)


def _check_encoder(report: SourceReport, findings: Findings) -> None:
    """Notes documents of the sample to which the two encoders give different ids or sentences."""
    reading = report.reading
    if reading.differing:
        message = (
            f"{len(reading.differing):,} of {reading.compared:,} documents get other ids or sentences from the plain "
            f"encoder, such as {min(reading.differing):016x}; run without --fast, and report it"
        )
        findings.add("encoder", message, count=len(reading.differing))


def _check_counts(manifest: Manifest, report: SourceReport, findings: Findings) -> None:
    reading = report.reading
    read, built = manifest.counts.get("read", {}), manifest.counts.get("built", {})
    pairs = [(name, read.get(name, 0), found) for name, found in reading.counts.items()]
    rejected = read.get("rejected", {})
    pairs += [
        (f"rejected records of reason {name!r}", rejected.get(name, 0), reading.rejected.get(name, 0))
        for name in sorted({*rejected, *reading.rejected})
    ]
    sizes = read.get("rejected_bytes", {})
    pairs += [
        (f"bytes of rejected records of reason {name!r}", sizes.get(name, 0), reading.rejected_bytes.get(name, 0))
        for name in sorted({*sizes, *reading.rejected_bytes})
    ]
    pairs += [(name, built.get(name, 0), found) for name, found in report.counts.items()]
    for name, counted, found in pairs:
        if counted != found:
            message = f"{name}: the manifest counts {counted:,}, the input gives {found:,}"
            findings.add("source_counts", message, file=MANIFEST)
    origin = report.origin
    bounds = {
        "forced_negatives": (origin.least_forced, origin.most_forced),
        "tokens_truncated": (origin.least_truncated, origin.most_truncated),
    }
    for name, (least, most) in bounds.items() if origin.placed else ():
        if not least <= built.get(name, 0) <= most:
            message = f"{name}: the manifest counts {built.get(name, 0):,}, the rows give {least:,} to {most:,}"
            findings.add("source_counts", message, file=MANIFEST)
    for name, count in report.rebuilt.items() if not len(findings) else ():
        if built.get(name, 0) != count:
            message = f"{name}: the manifest counts {built.get(name, 0):,}, building again {count:,}"
            findings.add("source_counts", message, file=MANIFEST)


def _check_rejected(directory: Path, report: SourceReport, findings: Findings) -> None:
    """Compares the records in `rejected/` with those of the input, in any order."""
    digest = 0
    for path in directory.glob("rejected/*.jsonl"):
        try:
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    digest ^= digest_rejected(json.loads(line))
        except (ValueError, RecursionError):
            return  # reported by `validate`
    if digest != report.reading.rejected_digest:
        findings.add("rejected", "the records are not those that the input gives", file="rejected")


def _check_statistics(directory: Path, report: SourceReport, findings: Findings) -> None:
    """Compares the corpus part of `statistics.json` with the documents."""
    try:
        written = from_json((directory / STATISTICS).read_bytes()).corpus
    except (OSError, ShardError):
        return  # reported by `validate`
    counts = {name: count for name, count in report.counts.items() if name in FROM_BUILD}
    expected = report.reading.summarize().corpus + report.corpus + PartStatistics(counts=counts)
    known = PartStatistics(
        counts={name: count for name, count in written.counts.items() if name in expected.counts},
        histograms=written.histograms,
        token_counts=written.token_counts,
    )
    for name in differences(known, expected):
        findings.add("source_statistics", f"corpus.{name} is not what the input gives", file=STATISTICS)
