"""Sample rows of the page: the original text, and how it was masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.inspection.decoding import RANDOM, spell, standing_alone
from nspdata.inspection.examples import Selection, select, token_of

if TYPE_CHECKING:
    from nspdata.inspection.examples import Mask, Segment, Shown
    from nspdata.inspection.overview import Overview
    from nspdata.tokenization.vocabulary import Vocabulary

ROWS_A_LABEL = 3


@dataclass(frozen=True, slots=True)
class Run:
    """Some text of a segment.

    Attributes:
        text: the original text, safe to show.
        kind: `mask`, `random`, `kept`, or "" if it is not masked.
        replacement: for `random`, the token in the row.
    """

    text: str
    kind: str = ""
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A row: as `show` has it, and A and B as runs of text."""

    shown: Shown
    segments: list[list[Run]]


def sample_rows(dataset: Overview) -> list[SampleRow]:
    """A few rows of each label, from the first split."""
    split = next(
        (name for name, entries in dataset.manifest.splits.items() if sum(entry.rows for entry in entries)), ""
    )
    if not split:
        return []
    labels = (None,) if dataset.manifest.config["pairing"]["objective"] == "none" else (0, 1)
    return [
        SampleRow(shown, [segment_runs(segment, shown.masks, dataset.vocabulary) for segment in shown.segments])
        for label in labels
        for shown in select(dataset.opened, split, Selection(num_rows=ROWS_A_LABEL, label=label))
    ]


def segment_runs(segment: Segment, masks: list[Mask], vocabulary: Vocabulary) -> list[Run]:
    """The segment with its masks undone; each masked token is a run of its own."""
    ids = list(segment.ids)
    places = {mask.position - segment.first: mask for mask in masks}
    done = {place: mask for place, mask in places.items() if 0 <= place < len(ids)}
    for place, hidden in done.items():
        ids[place] = hidden.original
    runs: list[Run] = []
    for place, piece in enumerate(spell(ids, vocabulary)):
        space = " " * piece.spaced
        mask = done.get(place)
        if mask is None:
            before = runs.pop().text if runs and not runs[-1].kind else ""
            runs.append(Run(before + space + piece.text))
            continue
        if space:
            runs.append(Run(space))
        now = standing_alone(token_of(mask.replacement, vocabulary)) if mask.kind == RANDOM else ""
        runs.append(Run(piece.text, mask.kind, now))
    return runs
