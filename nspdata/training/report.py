"""A page of curves from `metrics.jsonl`: one file without scripts and external resources, for light and dark mode."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from nspdata.files.checked_json import OBJECT, parse, record
from nspdata.files.local import LocalFiles
from nspdata.inspection.report.page import style_sheet
from nspdata.training.metrics import read_metrics

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from nspdata.training.metrics import Line

FILE = "report.html"

CURVES = (
    ("mlm_loss", "MLM loss (nats per masked token)"),
    ("mlm_accuracy", "MLM accuracy"),
    ("nsp_loss", "pair loss (nats per row)"),
    ("nsp_accuracy", "pair accuracy"),
    ("learning_rate", "learning rate"),
    ("gradient_norm", "gradient norm"),
    ("tokens_per_s", "real tokens per second"),
    ("data_wait_share", "share of time waiting for data"),
)
NAMES = {"train": "training", "evaluation": "held out", "baseline": "guessing"}

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<title>{title} · training report</title>
<style>
{style}</style></head><body><main>
<h1>{title}</h1>
<section class="card wide">{summary}</section>
<h2>Curves</h2>
<div class="grid">{curves}</div>
<h2>Settings</h2>
<details class="card"><summary>All settings</summary><pre>{settings}</pre></details>
</main></body></html>
"""


def write_report(run: Path) -> Path:
    """Writes the page of a run, finished or not."""
    lines = read_metrics(run)
    path = run / "train.json"
    settings = parse(path.read_bytes(), name=str(path), schema=record({"settings": OBJECT}))
    page = PAGE.format(
        title=html.escape(f"Training {run.name}"),
        style=style_sheet(),
        summary=_summary(lines),
        curves="".join(_figure(lines, key, name) for key, name in CURVES if any(key in line for line in lines)),
        settings=html.escape(json.dumps(settings["settings"], indent=1)),
    )
    path = run / FILE
    LocalFiles().write(str(path), page.encode())
    return path


def _summary(lines: list[Line]) -> str:
    """A table of the last figures of each kind."""
    last = {line["kind"]: line for line in lines}
    keys = [
        ("mlm_loss", "MLM loss"),
        ("mlm_accuracy", "MLM accuracy"),
        ("nsp_loss", "pair loss"),
        ("nsp_accuracy", "pair accuracy"),
    ]
    keys += [("rows", "rows"), ("tokens", "tokens"), ("seconds", "seconds")]
    head = "".join(f"<th class=n>{name}</th>" for _, name in keys)
    body = "".join(
        f"<tr><th>{NAMES[kind]}, step {last[kind]['step']}</th>{''.join(f'<td class=n>{_number(last[kind].get(key))}</td>' for key, _ in keys)}</tr>"
        for kind in ("train", "evaluation", "baseline")
        if kind in last
    )
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"


def _number(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def _figure(lines: list[Line], key: str, name: str) -> str:
    """Returns one curve as inline SVG."""
    from nspdata.inspection.report.plots import FAINT, ONE, TWO, drawn

    points = {
        kind: [(line["step"], line[key]) for line in lines if line["kind"] == kind and key in line] for kind in NAMES
    }

    def draw(axes: Axes) -> None:
        for kind, colour, marker in (("train", ONE, ""), ("evaluation", TWO, "o")):
            if points[kind]:
                axes.plot(
                    *zip(*points[kind], strict=True), color=colour, label=NAMES[kind], marker=marker, linewidth=1.4
                )
        if points["baseline"]:
            axes.axhline(points["baseline"][-1][1], color=FAINT, linestyle="--", label=NAMES["baseline"])
        axes.set_xlabel("step")
        axes.grid(axis="y")
        if sum(map(bool, points.values())) > 1:
            axes.legend()

    plot = drawn(draw, name=f"plot_{key}", label=f"{name} by step")
    return f"<figure class=card><figcaption>{name}</figcaption>{plot}</figure>"
