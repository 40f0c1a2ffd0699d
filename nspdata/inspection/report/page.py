"""The report: one HTML file without scripts or external resources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nspdata.files.local import LocalFiles
from nspdata.inspection.decoding import standing_alone
from nspdata.inspection.overview import names
from nspdata.inspection.report import plots
from nspdata.inspection.report.rows import sample_rows
from nspdata.statistics.figures import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.inspection.overview import Overview
    from nspdata.statistics.figures import Figure

TEMPLATE = "page.html.jinja"

HIGHLIGHTS = (
    "documents",
    "rows",
    "row_tokens",
    "used_share",
    "label_1_share",
    "masked_share",
    "unknown_share",
    "padding_share",
)
"""Figures in large type at the top."""

HISTOGRAMS = (
    ("rows", "row_tokens", "Tokens per row", "tokens"),
    ("rows", "a_tokens", "Tokens of A", "tokens"),
    ("rows", "b_tokens", "Tokens of B", "tokens"),
    ("rows", "row_masked", "Predictions per row", "predictions"),
    ("rows", "masked_positions", "Positions of the predictions", "position"),
    ("corpus", "document_tokens", "Tokens per document", "tokens"),
    ("corpus", "document_sentences", "Sentences per document", "sentences"),
    ("corpus", "sentence_tokens", "Tokens per sentence", "tokens"),
)

SHOWN_SCRIPTS, LEAST_SCRIPT = 8, 0.0005
SHOWN_TOKENS = 60


def write_report(datasets: Sequence[Overview], path: str | Path) -> None:
    """Writes the report of a dataset, or of two side by side."""
    LocalFiles().write(str(path), page(datasets).encode())


def page(datasets: Sequence[Overview]) -> str:
    """The report as HTML.

    Args:
        datasets: one, or two to compare.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"alone": standing_alone, "number": lambda value: f"{value:,}"}
    called = [_harmless(name) for name in names(datasets)]
    return environment.get_template(TEMPLATE).render(
        title=" and ".join(called),
        style=style_sheet(),
        datasets=[
            {"name": name, "letter": letter, **_described(dataset)}
            for name, letter, dataset in zip(called, "AB", datasets, strict=False)
        ],
        highlights=[figure for figure in datasets[0].figures if figure.key in HIGHLIGHTS],
        tables=_tables(datasets),
        distributions=_distributions(datasets),
        columns=list(COLUMNS),
        plots=_plots(datasets),
        shortcuts=[dataset.shortcuts for dataset in datasets],
        shortcut_plot=_shortcut_plot(datasets),
    )


def style_sheet() -> str:
    """The CSS of all reports: light and dark, from a phone to print."""
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def _described(dataset: Overview) -> dict[str, Any]:
    """The part of the page about one dataset."""
    absent = [token for token in dataset.never_seen if not (token.startswith("[") and token.endswith("]"))]
    manifest = dataset.manifest
    return {
        "warnings": dataset.warnings,
        "splits": dataset.splits,
        "rejected": dataset.rejected,
        "frequent": dataset.frequent,
        "absent": absent[:SHOWN_TOKENS],
        "absent_more": max(0, len(absent) - SHOWN_TOKENS),
        "rows": sample_rows(dataset),
        "inputs": [{"name": _harmless(entry["name"]), "bytes": entry["bytes"]} for entry in manifest.inputs],
        "settings": _harmless(json.dumps(manifest.config, indent=1, sort_keys=True), lines=True),
        "fingerprint": manifest.config_fingerprint,
        "tokenizer": manifest.tokenizer,
    }


def _harmless(text: str, *, lines: bool = False) -> str:
    """Text from outside with control characters made visible."""
    return "\n".join(standing_alone(line) for line in text.split("\n")) if lines else standing_alone(text)


def _tables(datasets: Sequence[Overview]) -> list[dict[str, Any]]:
    """Single figures by section: each a title, a note, and a figure of each dataset or None."""
    found = [{figure.key: figure for figure in dataset.figures if not figure.of} for dataset in datasets]
    sections: dict[str, dict[str, Figure]] = {}
    for figures in found:
        for key, figure in figures.items():
            sections.setdefault(figure.section, {}).setdefault(key, figure)
    return [
        {
            "section": section,
            "lines": [{"first": figure, "figures": [one.get(key) for one in found]} for key, figure in figures.items()],
        }
        for section, figures in sections.items()
    ]


def _distributions(datasets: Sequence[Overview]) -> list[dict[str, Any]]:
    """Each distribution of each dataset in the columns of `COLUMNS`."""
    lines: dict[str, dict[str, Any]] = {}
    for letter, dataset in zip("AB", datasets, strict=False):
        for figure in dataset.figures:
            if figure.of:
                line = lines.setdefault(figure.of, {"title": figure.title, "note": figure.note, "datasets": {}})
                line["datasets"].setdefault(letter, []).append(figure)
    return list(lines.values())


def _plots(datasets: Sequence[Overview]) -> list[dict[str, str]]:
    result = []
    for part, key, title, unit in HISTOGRAMS:
        found = [getattr(dataset.statistics, part).histograms.get(key) for dataset in datasets]
        if all(one is not None and len(one) for one in found):
            result.append(
                {"title": title, "svg": plots.histogram(found, name=key, unit=unit, label=f"Histogram: {title}")}
            )
    shares = {
        "Padding": ("padding_share", "padding_share_binned", "padding_share_packed"),
        "Input at the predicted tokens": ("masked_as_mask_share", "masked_as_random_share", "masked_kept_share"),
    }
    for title, keys in shares.items():
        bars = [
            {figure.title: figure.value for figure in dataset.figures if figure.key in keys} for dataset in datasets
        ]
        if all(bars):
            result.append({"title": title, "svg": plots.bars(bars, name=keys[0], label=title)})
    if all(dataset.scripts for dataset in datasets):
        bars = [_script_shares(dataset) for dataset in datasets]
        title = "Characters by script"
        result.append({"title": title, "svg": plots.bars(bars, name="scripts", label=title)})
    counts = [dataset.statistics.rows.token_counts for dataset in datasets]
    if all(one.any() for one in counts):
        title = "Token frequencies"
        result.append({"title": title, "svg": plots.ranks(counts, name="ranks", label=title)})
    return result


def _script_shares(dataset: Overview) -> dict[str, float]:
    total = sum(dataset.scripts.values())
    shares = {script: count / total for script, count in list(dataset.scripts.items())[:SHOWN_SCRIPTS]}
    return {script: share for script, share in shares.items() if share >= LEAST_SCRIPT}


def _shortcut_plot(datasets: Sequence[Overview]) -> str:
    found = [dataset.shortcuts for dataset in datasets if dataset.shortcuts]
    label = "Accuracy of three guessers"
    return plots.guesses(found, name="guesses", label=label) if len(found) == len(datasets) else ""
