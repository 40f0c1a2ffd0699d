"""Plots as inline SVG: drawn by matplotlib, coloured by the style sheet of the page, light and dark."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nspdata.inspection.shortcuts import Shortcuts
    from nspdata.statistics import Histogram

INKS = {"#0a0b0c": "var(--ink)", "#0a0b0d": "var(--faint)", "#0a0b1a": "var(--one)", "#0a0b2a": "var(--two)"}
"""Colours for matplotlib, and the CSS variables that replace them."""

INK, FAINT, ONE, TWO = INKS
SERIES = (ONE, TWO)

NUM_BARS = 32
WIDTH, HEIGHT = 4.4, 2.5

STYLE = {
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "font.size": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}


def drawn(draw: Callable[[Axes], None], *, name: str, label: str, height: float = HEIGHT) -> str:
    """Returns one plot as an `<svg>` element without a fixed size.

    Args:
        draw: draws on the axes.
        name: unique in its page: the ids in the SVG start with it.
        label: the text alternative.
        height: inches, for a width of `WIDTH`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    data = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure.subplots())
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(data, format="svg", transparent=True, metadata=nothing)
    svg = data.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style).*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r'id="([\w.]+?_\d+)"', rf'id="{name}_\1"', svg)
    for colour, variable in INKS.items():
        svg = svg.replace(colour, variable)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def histogram(histograms: Sequence[Histogram], *, name: str, unit: str, label: str) -> str:
    """A histogram as shares; on a logarithmic scale if it has a heavy tail."""
    from matplotlib.ticker import MaxNLocator

    heavy = histograms[0].rounded
    edges = _edges(histograms, heavy=heavy)

    def draw(axes: Axes) -> None:
        for colour, one in zip(SERIES, histograms, strict=False):
            shares = _binned(one, edges)
            axes.stairs(shares, edges, fill=len(histograms) == 1, color=colour, linewidth=1.6)
        if heavy:
            _logarithmic(axes.xaxis, wide=edges[-1] / edges[0] > 200)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
        _shares(axes)
        axes.set_xlabel(unit)
        axes.set_xlim(edges[0], edges[-1])

    return drawn(draw, name=name, label=label)


def _edges(histograms: Sequence[Histogram], *, heavy: bool) -> NDArray[np.float64]:
    least = min((int(one.values[0]) for one in histograms if len(one.values)), default=0)
    most = max(one.maximum for one in histograms) + 1
    if heavy:
        low = float(max(1, least))
        bars = min(NUM_BARS, int(4 * np.log2(max(2.0, most / low))) + 1)
        return np.unique(np.round(np.geomspace(low, max(low + 1, most), bars + 1))).astype(np.float64)
    step = -(-(most - least) // NUM_BARS)
    return np.arange(least, most + step, step).astype(np.float64) - 0.5


def _binned(one: Histogram, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.clip(np.searchsorted(edges, one.values, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(places, one.counts, minlength=len(edges) - 1) / max(1, len(one))


def bars(shares: Sequence[Mapping[str, float]], *, name: str, label: str) -> str:
    """Named shares as horizontal bars with their values; the names never come from the data."""
    titles = list(dict.fromkeys(title for one in shares for title in one))
    thick = 0.8 / len(shares)

    def draw(axes: Axes) -> None:
        for series, (colour, one) in enumerate(zip(SERIES, shares, strict=False)):
            values = [one.get(title, 0.0) for title in titles]
            places = np.arange(len(titles)) + (series - (len(shares) - 1) / 2) * thick
            held = axes.barh(places, values, height=thick * 0.9, color=colour)
            axes.bar_label(held, [f"{value:.1%}" for value in values], padding=3)
        axes.set_yticks(range(len(titles)), titles)
        axes.invert_yaxis()
        axes.tick_params("y", length=0)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.margins(x=0.18)

    return drawn(draw, name=name, label=label, height=0.5 + 0.26 * len(titles) * (1 + 0.4 * (len(shares) - 1)))


def ranks(token_counts: Sequence[NDArray[np.int64]], *, name: str, label: str) -> str:
    """Token counts by rank, both on logarithmic scales (Zipf 1949)."""

    def draw(axes: Axes) -> None:
        for colour, one in zip(SERIES, token_counts, strict=False):
            ordered = np.sort(one[one > 0])[::-1]
            chosen = np.unique(np.geomspace(1, max(1, len(ordered)), 120).astype(np.int64)) - 1
            axes.plot(chosen[: len(ordered)] + 1, ordered[chosen[: len(ordered)]], color=colour, linewidth=1.6)
        for axis in (axes.xaxis, axes.yaxis):
            _logarithmic(axis, wide=True)
        axes.grid(visible=True, axis="y")
        axes.set_xlabel("token, the most frequent first")
        axes.set_ylabel("times")

    return drawn(draw, name=name, label=label)


def guesses(found: Sequence[Shortcuts], *, name: str, label: str) -> str:
    """The accuracy of each guesser with its interval; the lines are the accuracy of blind guessing."""
    titles = [guess.title for guess in found[0].guesses]

    def draw(axes: Axes) -> None:
        for series, (colour, one) in enumerate(zip(SERIES, found, strict=False)):
            places = np.arange(len(titles)) + (series - (len(found) - 1) / 2) * 0.3
            values = np.array([guess.accuracy for guess in one.guesses])
            sides = np.array([[guess.accuracy - guess.low, guess.high - guess.accuracy] for guess in one.guesses]).T
            axes.errorbar(values, places, xerr=np.abs(sides), fmt="o", color=colour, capsize=3)
            axes.axvline(one.majority, color=colour, linestyle="--", linewidth=1)
        axes.set_yticks(range(len(titles)), titles)
        axes.set_ylim(len(titles) - 0.5, -0.5)
        axes.set_xlim(0.4, 1.0)
        axes.tick_params("y", length=0)
        _percent(axes.xaxis)

    return drawn(draw, name=name, label=label, height=1.9)


def _shares(axes: Axes) -> None:
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, axis="y")
    _percent(axes.yaxis)


def _logarithmic(axis: Any, *, wide: bool) -> None:
    """Plain numbers on a logarithmic axis: powers of ten, with 2 and 5 times them if they are few."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _percent(axis: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0))
