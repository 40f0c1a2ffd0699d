"""The summary at the end of a build: input, result, cost and warnings."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from nspdata.cli.layout import duration, make_console, print_pairs, print_warnings

if TYPE_CHECKING:
    from nspdata.dataset.manifest import Manifest
    from nspdata.statistics import Statistics
    from nspdata.statistics.checks import DataWarning


def print_summary(
    output: str, manifest: Manifest, statistics: Statistics, found: list[DataWarning], *, cost: str = ""
) -> None:
    """Prints the summary on stdout.

    Args:
        output: the dataset directory.
        manifest: of the dataset.
        statistics: of the dataset.
        found: the warnings; they come last.
        cost: time, speed and memory of the build.
    """
    console = make_console()
    pairs = summary_pairs(manifest, statistics)
    if cost:
        pairs.append(("took", cost))
    place = shlex.quote(output)
    pairs.append(("next", f"nspdata stats {place}; nspdata show {place}; nspdata validate {place}"))
    print_pairs(console, pairs, title=f"Built {output}")
    print_warnings(console, found)


def summary_pairs(manifest: Manifest, statistics: Statistics) -> list[tuple[str, str]]:
    """Returns the names and values of the summary."""
    from nspdata.statistics.figures import figures, values, written

    read, built = manifest.counts["read"], manifest.counts["built"]
    known = values(figures(statistics))
    dropped = [(built.get("duplicates_dropped", 0), "exact duplicates")]
    dropped.append((built.get("documents_without_tokens", 0), "without a token"))
    left_out = [f"{count:,} {what} dropped" for count, what in dropped if count]
    pairs = [
        ("documents", "; ".join([f"{built['documents']:,}", *left_out])),
        ("text", f"{written(read['text_bytes'], 'bytes')} of {written(read['input_bytes'], 'bytes')} read"),
        *_rejected(manifest),
        *_languages(statistics),
        ("sentences", f"{built['sentences']:,}"),
        ("tokens", _tokens(built, known)),
        ("rows", _rows(manifest)),
    ]
    if manifest.config["pairing"]["objective"] != "none":
        wanted = manifest.config["pairing"]["random_next_prob"]
        pairs.append(("label 1", f"{known.get('label_1_share', 0):.1%} of the rows; wanted: {wanted:.1%}"))
    size = sum(entry.bytes for entries in manifest.splits.values() for entry in entries)
    shards = sum(map(len, manifest.splits.values()))
    pairs.append(("shards", f"{shards:,} ({written(size, 'bytes')})"))
    return pairs


def _tokens(built: dict[str, int], known: dict[str, float]) -> str:
    parts = [f"{built['tokens']:,}"]
    if "used_share" in known:
        parts.append(f"{known['used_share']:.1%} of them in a row of their own document")
    if cut := built.get("tokens_truncated", 0):
        parts.append(f"{cut:,} cut off to fit a row")
    return "; ".join(parts)


def _rows(manifest: Manifest) -> str:
    rows = {split: sum(entry.rows for entry in entries) for split, entries in manifest.splits.items()}
    total = f"{sum(rows.values()):,}"
    return total if len(rows) == 1 else f"{total} ({', '.join(f'{split} {count:,}' for split, count in rows.items())})"


def _languages(statistics: Statistics) -> list[tuple[str, str]]:
    """Returns the documents of each language, if a field names it."""
    from nspdata.statistics.values import LANGUAGE_DOCUMENTS, with_prefix

    counts = with_prefix(statistics.corpus.counts, LANGUAGE_DOCUMENTS)
    named = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [("languages", ", ".join(f"{code} {count:,}" for code, count in named))] if named else []


def _rejected(manifest: Manifest) -> list[tuple[str, str]]:
    """Returns the damaged records with their bytes, and the empty records."""
    from nspdata.reading.records import EMPTY_TEXT
    from nspdata.statistics.figures import written

    read = manifest.counts["read"]
    reasons, sizes = dict(read["rejected"]), dict(read.get("rejected_bytes", {}))
    empty = reasons.pop(EMPTY_TEXT, 0)
    sizes.pop(EMPTY_TEXT, 0)
    pairs = []
    if reasons:
        named = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
        size = sum(sizes.values())
        share = size / max(1, read["input_bytes"])
        value = (
            f"{sum(reasons.values()):,} of {read['records']:,} records, {written(size, 'bytes')} ({small_share(share)} of the bytes): {named}; "
            "see rejected/"
        )
        pairs.append(("rejected", value))
    if empty:
        pairs.append(("empty", f"{empty:,} of {read['records']:,} records without text"))
    return pairs


def small_share(share: float) -> str:
    """Formats a share in percent.

    >>> small_share(0.00001), small_share(0.0123)
    ('under 0.01%', '1.23%')
    """
    return "under 0.01%" if 0 < share < 0.0001 else f"{share:.2%}"


def cost_line(seconds: float, text_bytes: int, peak_bytes: int) -> str:
    """Formats the time, speed and memory of a build.

    >>> cost_line(75, 30_000_000, 812_000_000)
    '1 min 15 s, 400.0 kB of text per second; peak memory of all processes 812.0 MB'
    """
    from nspdata.statistics.figures import written

    speed = f"{duration(seconds)}, {written(text_bytes / max(1e-3, seconds), 'bytes')} of text per second"
    return f"{speed}; peak memory of all processes {written(peak_bytes, 'bytes')}" if peak_bytes else speed
