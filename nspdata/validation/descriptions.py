"""Checks the files that describe a dataset: `statistics.json`, the card and the Croissant metadata."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from nspdata.dataset.manifest import STATISTICS
from nspdata.errors import ShardError
from nspdata.files.checked_json import parse
from nspdata.metadata.card import card
from nspdata.metadata.croissant import croissant
from nspdata.statistics import from_dict, merge, summarize_files
from nspdata.statistics.summarize import FROM_BUILD
from nspdata.validation.directory import check_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nspdata.dataset.manifest import Manifest
    from nspdata.statistics import PartStatistics, Statistics
    from nspdata.validation.findings import Findings
    from nspdata.validation.totals import Tally

READ_COUNTS = {
    "records": "records",
    "documents": "documents_read",
    "input_bytes": "input_bytes",
    "text_bytes": "text_bytes",
}
"""Counts of reading: their names in the manifest, and in the statistics."""


def check_statistics(directory: Path, manifest: Manifest, tally: Tally, findings: Findings) -> Statistics | None:
    """Compares `statistics.json` with its schema, the rows and the manifest's counts; returns None if it cannot be read."""
    try:
        values = parse((directory / STATISTICS).read_bytes(), name=STATISTICS)
    except FileNotFoundError:
        return None  # reported by `check_files`
    except ShardError as error:
        findings.add("statistics", str(error), file=STATISTICS)
        return None
    before = len(findings)
    check_schema(values, "statistics", "statistics", STATISTICS, findings)
    if len(findings) > before:
        return None
    try:
        statistics = from_dict(values, name=STATISTICS)
    except ShardError as error:
        findings.add("statistics", str(error), file=STATISTICS)
        return None
    entries = [entry for split in manifest.splits.values() for entry in split]
    if tally.rows == sum(entry.rows for entry in entries):
        expected = merge(tally.statistics, summarize_files(entries)).rows
        for name in differences(statistics.rows, expected):
            findings.add("statistics", f"rows.{name} is not what the rows give", file=STATISTICS)
    for name, written, counted in _counts(statistics, manifest):
        if written != counted:
            findings.add(
                "statistics", f"corpus.counts.{name} is {written}, the manifest says {counted}", file=STATISTICS
            )
    return statistics


def _counts(statistics: Statistics, manifest: Manifest) -> Iterator[tuple[str, int | None, int | None]]:
    """Counts that statistics and manifest both have: name, value in each."""
    written, read, built = statistics.corpus.counts, manifest.counts.get("read", {}), manifest.counts.get("built", {})
    for name, other in READ_COUNTS.items():
        yield other, written.get(other, 0), read.get(name, 0)
    for table in ("rejected", "rejected_bytes"):
        for reason, count in read.get(table, {}).items():
            yield f"{table}.{reason}", written.get(f"{table}.{reason}", 0), count
    for name in ("documents", "sentences", "tokens", *FROM_BUILD):
        yield name, written.get(name), built.get(name)


def differences(written: PartStatistics, expected: PartStatistics) -> list[str]:
    """The names of what differs between two parts of statistics."""
    found = []
    one, other = written.to_dict(), expected.to_dict()
    for table in ("counts", "histograms"):
        names = sorted({*one[table], *other[table]})
        found += [f"{table}.{name}" for name in names if one[table].get(name) != other[table].get(name)]
    if one["token_counts"] != other["token_counts"]:
        found.append("token_counts")
    return found


def check_card(directory: Path, manifest: Manifest, statistics: Statistics, findings: Findings) -> None:
    """Compares the card's header, settings and tables, and croissant.json, with their sources; the prose of the card may be edited."""
    path = directory / "README.md"
    if path.exists():
        lines = iter(path.read_text(encoding="utf-8", errors="replace").splitlines())
        lost = [line for line in _figures(card(manifest, statistics)) if line not in lines]  # in the same order
        if lost:
            findings.add("card", f"it lacks {len(lost)} lines, such as {lost[0]!r}", file="README.md")
    path = directory / "croissant.json"
    if path.exists():
        try:
            same = parse(path.read_bytes(), name=path.name) == json.loads(croissant(manifest))
        except ShardError:
            same = False
        if not same:
            findings.add("card", "not what the manifest gives", file="croissant.json")


def _figures(text: str) -> list[str]:
    """The lines of the header, of the tables and of the settings."""
    blocks = re.findall(r"^---\n.*?^---$|^```json\n.*?^```$|^\|.*?$", text, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]
