"""Datasets and rows as text and as HTML for notebooks; every value from the data is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nspdata.inspection.decoding import decode, standing_alone, visible
from nspdata.inspection.examples import token_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.dataset.directory import Directory
    from nspdata.inspection import Overview
    from nspdata.inspection.examples import Mask, Segment, Shown
    from nspdata.tokenization.vocabulary import Vocabulary

HIGHLIGHTS = ("documents", "sentences", "tokens", "used_share", "label_1_share", "masked_share", "unknown_share")
"""Figures of a dataset in a notebook, if it has them."""

SAMPLE_ROWS = 2

STYLE = (
    "<style>.nspdata table{border-collapse:collapse}.nspdata td,.nspdata th{text-align:left;padding:.15em .8em .15em 0}"
    ".nspdata .n{text-align:right}.nspdata .warning{border-left:.3em solid #c77700;padding-left:.6em;margin:.3em 0}"
    ".nspdata .row{margin:.6em 0}.nspdata mark{background:#fff0b3;color:#000}.nspdata small{opacity:.75}</style>"
)


def dataset_text(opened: Directory) -> str:
    """One line: the name, and the rows and tokens of each split."""
    sizes = [f"{name} {size.rows:,} rows, {size.tokens:,} tokens" for name, size in opened.sizes.items()]
    metadata = opened.metadata
    return (
        f"Dataset({opened.name!r}: {'; '.join(sizes)}; {metadata.objective}, max_seq_length {metadata.max_seq_length})"
    )


def dataset_html(overview: Overview, rows: Sequence[Shown]) -> str:
    """Sizes, figures, warnings and a few rows."""
    opened, metadata = overview.opened, overview.opened.metadata
    facts = (
        f"{metadata.objective}, max_seq_length {metadata.max_seq_length}, vocabulary of {metadata.vocab_size:,} tokens"
    )
    splits = "".join(
        f"<tr><td>{escape(visible(name))}</td><td class=n>{size.shards:,}</td><td class=n>{size.rows:,}</td>"
        f"<td class=n>{size.tokens:,}</td><td class=n>{size.bytes / 1e6:,.1f}</td></tr>"
        for name, size in opened.sizes.items()
    )
    figures = {figure.key: figure for figure in overview.figures}
    chosen = "".join(
        f"<tr><td>{escape(figures[key].title)}</td><td class=n>{escape(figures[key].text)}</td></tr>"
        for key in HIGHLIGHTS
        if key in figures
    )
    warnings = "".join(f"<p class=warning>Warning: {escape(visible(entry.message))}</p>" for entry in overview.warnings)
    return (
        f"{STYLE}<div class=nspdata><p><b><bdi>{escape(visible(opened.name))}</bdi></b> <small>{escape(facts)}</small></p>"
        f"{warnings}<table><tr><th>split</th><th>shards</th><th>rows</th><th>tokens</th><th>MB</th></tr>{splits}</table>"
        f"<table>{chosen}</table>{_rows_html(rows, opened.vocabulary)}</div>"
    )


def rows_text(rows: Sequence[Shown], vocabulary: Vocabulary) -> str:
    """The rows as plain text: A, B, and what was masked."""
    lines = []
    for row in rows:
        meaning = f", label {row.label}: {row.meaning}" if row.meaning else ""
        lines.append(f"{row.split} row {row.row:,}{meaning}")
        for name, segment in zip("AB", row.segments, strict=False):
            lines.append(f"  {name}  {decode(segment.ids, vocabulary)}")
        if row.masks:
            lines.append("  masked  " + ", ".join(_mask_text(mask, vocabulary) for mask in row.masks))
    return "\n".join(lines)


def _mask_text(mask: Mask, vocabulary: Vocabulary) -> str:
    original = standing_alone(token_of(mask.original, vocabulary))
    if mask.kind == "kept":
        return f"{mask.position} {original} kept"
    return f"{mask.position} {original} -> {standing_alone(token_of(mask.replacement, vocabulary))}"


def rows_html(rows: Sequence[Shown], vocabulary: Vocabulary) -> str:
    """The rows as HTML, the masked tokens marked."""
    return f"{STYLE}<div class=nspdata>{_rows_html(rows, vocabulary)}</div>"


def _rows_html(rows: Sequence[Shown], vocabulary: Vocabulary) -> str:
    parts = []
    for row in rows:
        meaning = f", label {row.label}: {escape(row.meaning)}" if row.meaning else ""
        segments = "".join(
            f"<div><b>{name}</b> <bdi>{_segment_html(segment, row.masks, vocabulary)}</bdi></div>"
            for name, segment in zip("AB", row.segments, strict=False)
        )
        parts.append(f"<div class=row><small>{escape(row.split)} row {row.row:,}{meaning}</small>{segments}</div>")
    return "".join(parts)


def _segment_html(segment: Segment, masks: Sequence[Mask], vocabulary: Vocabulary) -> str:
    """The original text, each masked token marked; its replacement is the tooltip."""
    from nspdata.inspection.report.rows import segment_runs

    parts = []
    for run in segment_runs(segment, list(masks), vocabulary):
        text = escape(run.text)
        title = escape(f"{run.kind} {run.replacement}".strip(), quote=True)
        parts.append(f'<mark title="{title}">{text}</mark>' if run.kind else text)
    return "".join(parts)
