"""A page of curves from `metrics.jsonl`: one file without scripts and external resources, for light and dark mode."""

from __future__ import annotations

import html
import io
import json
from typing import TYPE_CHECKING, Any

from nspdata.training.metrics import read_metrics

if TYPE_CHECKING:
    from pathlib import Path

    from nspdata.training.metrics import Line

FILE = "report.html"

INK = "#010203"
"""Drawn in this colour and then replaced by `currentColor`, so that curves have the page's text colour in light and dark mode."""

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
COLOURS = {"train": "#4477aa", "evaluation": "#cc3311", "baseline": "#999933"}
NAMES = {"train": "training", "evaluation": "held out", "baseline": "guessing"}

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }}
figure {{ margin: 0; break-inside: avoid; }}
.curves {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr)); gap: 1rem; }}
svg {{ width: 100%; height: auto; }}
table {{ border-collapse: collapse; }} td, th {{ padding: .2rem .8rem .2rem 0; text-align: left; }} td {{ font-variant-numeric: tabular-nums; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
</style></head><body>
<h1>{title}</h1>
{summary}
<div class="curves">{curves}</div>
<details><summary>Settings</summary><pre>{settings}</pre></details>
</body></html>
"""


def write_report(run: Path) -> Path:
    """Writes the page of a run, finished or not."""
    lines = read_metrics(run)
    settings = json.loads((run / "train.json").read_text(encoding="utf-8"))
    page = PAGE.format(
        title=html.escape(f"Training {run.name}"),
        summary=_summary(lines),
        curves="".join(_figure(lines, key, name) for key, name in CURVES if any(key in line for line in lines)),
        settings=html.escape(json.dumps(settings["settings"], indent=1)),
    )
    path = run / FILE
    temporary = run / f".{FILE}.tmp"
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(path)
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
    head = "".join(f"<th>{name}</th>" for _, name in keys)
    body = "".join(
        f"<tr><th>{NAMES[kind]}, step {last[kind]['step']}</th>{''.join(f'<td>{_number(last[kind].get(key))}</td>' for key, _ in keys)}</tr>"
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
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    ink = {f"{part}.color": INK for part in ("xtick", "ytick", "text")}
    style: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": key,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        **ink,
    }
    with rc_context(style):
        drawn = Figure(figsize=(6, 3), layout="constrained")
        axes = drawn.subplots()
        axes.patch.set_alpha(0)
        for kind in ("train", "evaluation", "baseline"):
            points = [(line["step"], line[key]) for line in lines if line["kind"] == kind and key in line]
            if kind == "baseline" and points:
                axes.axhline(points[-1][1], color=COLOURS[kind], linestyle="--", label=NAMES[kind])
            elif points:
                axes.plot(
                    *zip(*points, strict=True),
                    color=COLOURS[kind],
                    label=NAMES[kind],
                    marker="o" if kind == "evaluation" else "",
                )
        axes.set(title=name, xlabel="step")
        axes.grid(alpha=0.3)
        if len(axes.get_legend_handles_labels()[0]) > 1:
            axes.legend(framealpha=0, labelcolor=INK)
        text = io.StringIO()
        drawn.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    return f'<figure role="img" aria-label="{name}">{svg[svg.index("<svg") :].replace(INK, "currentColor")}</figure>'
