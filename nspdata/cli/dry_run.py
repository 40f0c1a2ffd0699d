"""`nspdata build --dry-run`: estimates a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.cli.layout import duration, make_console, print_note, print_pairs, print_warnings

if TYPE_CHECKING:
    from nspdata.building.estimate import Estimate
    from nspdata.config.build import Config


def print_estimate(found: Estimate, settings: Config) -> None:
    """Prints the estimate of a build, its warnings, and whether the build would stop."""
    console = make_console()
    print_pairs(console, estimate_pairs(found, settings), title="Estimate (nothing was written)")
    print_warnings(console, found.warnings)
    if found.note:
        print_note(console, found.note)
    for warning in found.warnings:
        if warning.stops:
            console.print(
                f"The build would stop: {warning.key} is over its limit {warning.limit}.", style="bold", soft_wrap=True
            )


def estimate_pairs(found: Estimate, settings: Config) -> list[tuple[str, str]]:
    """Returns the names and values of the table."""
    from nspdata.reading.records import EMPTY_TEXT
    from nspdata.statistics.figures import written

    counts, rejected = found.counts, dict(found.rejected)
    empty = rejected.pop(EMPTY_TEXT, 0)
    sampled = "all of it" if found.whole else written(found.sampled_bytes, "bytes")
    label = f"{found.label_1_share:.1%} of the rows; wanted: {settings.pairing.random_next_prob:.1%}"
    return [
        ("text", f"{written(counts['text_bytes'], 'bytes')} (sampled: {sampled})"),
        ("documents", f"{counts['documents']:,}"),
        ("rejected", f"{sum(rejected.values()):,} of {counts['records']:,} records"),
        *([("empty", f"{empty:,} of {counts['records']:,} records without text")] if empty else []),
        ("sentences", f"{counts['sentences']:,}"),
        ("tokens", f"{counts['tokens']:,}; {found.used_share:.1%} of them in a row of their own document"),
        ("[UNK]", f"{found.unknown_share:.2%} of the tokens"),
        ("rows", f"{counts['rows']:,}"),
        *([("label 1", label)] if settings.pairing.objective != "none" else []),
        ("shards", f"{found.num_shards:,}"),
        (
            "disk",
            f"{written(found.output_bytes, 'bytes')}; while building: {written(found.temporary_bytes, 'bytes')} more",
        ),
        ("time", f"{duration(found.seconds)} with {found.num_workers} process{'es' * (found.num_workers > 1)}"),
        ("processor time", duration(found.processor_seconds)),
    ]
