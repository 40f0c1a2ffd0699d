"""`nspdata build --dry-run`: what to expect of a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.building.estimate import Estimate
    from nspdata.config.build import Config
    from nspdata.files.local import Files


def print_estimate(inputs: Sequence[str], tokenizer: str, settings: Config, files: Files, *, workers: int = 0) -> None:
    """Estimates a build and prints what to expect; nothing is written."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from nspdata.building.estimate import estimate

    found = estimate(inputs, tokenizer, settings, files, num_workers=workers)
    console = Console(highlight=False)
    table = Table(title="What to expect (nothing was written)", title_justify="left", box=box.SIMPLE_HEAD)
    table.show_header = False
    table.add_column("")
    table.add_column("", justify="right")
    for title, value in _lines(found):
        table.add_row(title, value)
    console.print(table)
    for warning in _warnings(found, settings):
        console.print(f"warning: {warning}", style="yellow", soft_wrap=True)


def _lines(found: Estimate) -> list[tuple[str, str]]:
    from nspdata.statistics.figures import written

    counts = found.counts
    sampled = "all of it" if found.whole else f"{written(found.sampled_bytes, 'bytes')}"
    return [
        ("text", written(counts["text_bytes"], "bytes")),
        ("of it looked at", sampled),
        ("documents", written(counts["documents"], "count")),
        ("records rejected", written(sum(found.rejected.values()), "count")),
        ("sentences", written(counts["sentences"], "count")),
        ("tokens", written(counts["tokens"], "count")),
        ("[UNK] among them", written(found.unknown_share, "share")),
        ("rows", written(counts["rows"], "count")),
        ("rows of label 1", written(found.label_1_share, "share")),
        ("shards", written(found.num_shards, "count")),
        ("disk, OUT", written(found.output_bytes, "bytes")),
        ("disk, while building", written(found.temporary_bytes, "bytes")),
        (f"time, {found.num_workers} process{'es' * (found.num_workers > 1)}", duration(found.seconds)),
        ("processor time", duration(found.processor_seconds)),
    ]


def _warnings(found: Estimate, settings: Config) -> list[str]:
    records, rejected = found.counts["records"], sum(found.rejected.values())
    result = []
    if rejected > settings.input.max_rejected * records:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in found.rejected.items())
        result.append(
            f"about {rejected:,} of {records:,} records would be rejected ({reasons}), over the limit of "
            f"{settings.input.max_rejected:.1%}: the build would stop; mend the input or allow it with --max-rejected"
        )
    if found.unknown_share > settings.tokenizer.max_unknown:
        result.append(
            f"{found.unknown_share:.1%} of the tokens are [UNK], over tokenizer.max_unknown = {settings.tokenizer.max_unknown:.1%}: "
            "the build would refuse to start; nspdata check-tokenizer says which characters are missing"
        )
    return [*result, *found.warnings]


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(8.4), duration(75), duration(7384)
    ('8 s', '1 min 15 s', '2 h 3 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
