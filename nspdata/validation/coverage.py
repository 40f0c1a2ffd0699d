"""The documents of a shard, looked for in its rows: none missing, none twice, in their order, and what was cut off counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances.rows import Rows
    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.validation.findings import Notes
    from nspdata.validation.lookup import Places
    from nspdata.validation.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What looking up some rows adds up to; a monoid.

    Attributes:
        placed: every row was found.
        least_truncated, most_truncated: tokens cut off, over all rows.
        sentences_unpaired: sentences that are in no row, over all passes.
        least_forced, most_forced: rows that must, and that can, be forced negatives.
    """

    placed: bool = True
    least_truncated: int = 0
    most_truncated: int = 0
    sentences_unpaired: int = 0
    least_forced: int = 0
    most_forced: int = 0

    def __add__(self, other: Origin) -> Origin:
        return Origin(
            placed=self.placed and other.placed,
            least_truncated=self.least_truncated + other.least_truncated,
            most_truncated=self.most_truncated + other.most_truncated,
            sentences_unpaired=self.sentences_unpaired + other.sentences_unpaired,
            least_forced=self.least_forced + other.least_forced,
            most_forced=self.most_forced + other.most_forced,
        )


@dataclass(frozen=True, slots=True)
class Cover:
    """How many rows use up each sentence; each token, where the objective is none.

    Attributes:
        held, wanted: shape (num_sentences,), int64: rows that do, and that must.
        bounds: shape (num_documents + 1,), int64: where each document begins in the two above.
    """

    held: NDArray[np.int64]
    wanted: NDArray[np.int64]
    bounds: NDArray[np.int64]


def check_cover(rows: Rows, places: Places, documents: TokenizedDocuments, rules: Rules, notes: Notes) -> Origin:
    """Notes documents that are in too few rows or in too many, and rows out of their order.

    Args:
        rows: all of a shard.
        places: where they were found.
        documents: those that belong to the shard, in order.
        rules: what rows must be.
        notes: where to note what is wrong.
    """
    cover = _cover(places, documents, rules)
    unpaired = 0
    if rules.objective == "sop":
        alone = np.diff(cover.bounds) == 1
        single = rules.config.pairing.unit == "sentences"
        passes = rules.config.duplicate_factor
        unpaired = passes * int(alone.sum()) if single else int(np.maximum(0, cover.wanted - cover.held).sum())
    if len(documents):
        _note_cover(cover, _tainted(places, len(documents)), documents, rules, notes)
    placed = bool(places.placed.all())
    if placed:
        _check_order(places, rules, notes)
    least, most = _forced(rows, places, documents, rules)
    return Origin(
        placed=placed,
        least_truncated=int(places.found[:, 5].sum()),
        most_truncated=int(places.found[:, 6].sum()),
        sentences_unpaired=unpaired,
        least_forced=least,
        most_forced=most,
    )


def _cover(places: Places, documents: TokenizedDocuments, rules: Rules) -> Cover:
    pairing = rules.config.pairing
    by_token = pairing.objective == "none"
    bounds = documents.token_offsets if by_token else documents.document_offsets
    single = pairing.unit == "sentences" and not by_token
    begins, ends = places.found[places.placed, 3], places.found[places.placed, 4]
    steps = np.zeros(int(bounds[-1]) + 1, np.int64)
    np.add.at(steps, begins, 1)
    np.add.at(steps, begins + 1 if single else ends, -1)
    wanted = np.full(len(steps) - 1, rules.config.duplicate_factor, np.int64)
    if single:  # a pair is counted where it begins, and none begins with the last sentence
        paired = (np.diff(bounds) > 1) | (pairing.objective == "sop")
        wanted[bounds[1:][paired] - 1] = 0
    return Cover(np.cumsum(steps[:-1]), wanted, bounds)


def _note_cover(
    cover: Cover, tainted: NDArray[np.bool_], documents: TokenizedDocuments, rules: Rules, notes: Notes
) -> None:
    starts = cover.bounds[:-1]
    over = np.add.reduceat(np.maximum(0, cover.held - cover.wanted), starts)
    missing = np.add.reduceat(np.maximum(0, cover.wanted - cover.held), starts)
    if rules.objective == "sop" and rules.config.pairing.unit == "segments":
        missing[:] = 0  # any sentence may be unpaired; their number is held to the counts
    absent = (np.add.reduceat(cover.held, starts) == 0) & (missing > 0)
    for law, broken, what in (
        ("missing_document", absent & ~tainted, "are in no row"),
        ("tokens_lost", (missing > 0) & ~absent & ~tainted, "have sentences that are in no row of some pass"),
        ("duplicated_rows", over > 0, "have sentences that are in more rows than there were passes"),
    ):
        if broken.any():
            example = documents.document_ids[np.flatnonzero(broken)[0]]
            message = f"documents {what}, such as {example:016x}"
            notes.findings.add(law, message, file=notes.file, count=int(broken.sum()))


def _tainted(places: Places, num_documents: int) -> NDArray[np.bool_]:
    """Documents of rows that were not found in them: what they lack of rows is told by those."""
    tainted = np.zeros(num_documents, np.bool_)
    named = places.named
    for row in np.flatnonzero(~places.placed):
        begin = named.begin_a[row]
        tainted[named.order[begin : begin + named.count_a[row]]] = True
    return tainted


def _check_order(places: Places, rules: Rules, notes: Notes) -> None:
    """Within a pass every row begins after the one before it."""
    begins = places.found[:, 3]
    back = np.flatnonzero(begins[1:] <= begins[:-1]) + 1
    if len(back) >= rules.config.duplicate_factor:
        notes.add("row_order", back)


def _forced(rows: Rows, places: Places, documents: TokenizedDocuments, rules: Rules) -> tuple[int, int]:
    """Rows that could only have label 1, at least and at most: A is all that there was to pair."""
    if rules.objective != "nsp":
        return 0, 0
    negative = places.placed & (rows.next_sentence_label == 1)
    document, begin, stop = (places.found[negative, column] for column in (1, 3, 4))
    one, ends = stop == begin + 1, documents.document_offsets[document + 1]
    if rules.config.pairing.unit == "sentences":
        one &= ends == documents.document_offsets[document] + 1
        return int(one.sum()), int(one.sum())
    lengths = documents.sentence_offsets[stop] - documents.sentence_offsets[begin]
    return int((one & ((stop == ends) | (lengths >= rules.max_tokens))).sum()), int(one.sum())
