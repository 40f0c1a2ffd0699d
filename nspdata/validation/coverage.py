"""Checks that the rows of a shard cover its documents: none missing, none twice, in order, truncated tokens counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances.rows import Rows
    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.validation.findings import Notes
    from nspdata.validation.lookup import FoundRows
    from nspdata.validation.spec import RowSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Sums over the rows that were found in the source; can be added.

    Attributes:
        placed: whether every row was found.
        least_truncated, most_truncated: bounds of the tokens truncated, over all rows.
        sentences_unpaired: sentences that are in no row, over all passes.
        least_forced, most_forced: bounds of the number of forced negatives.
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
    """How many rows use each sentence; with the objective none, each token.

    Attributes:
        held, wanted: shape (num_sentences,), int64: rows that use it, and rows that should.
        bounds: shape (num_documents + 1,), int64: where each document begins in these two.
    """

    held: NDArray[np.int64]
    wanted: NDArray[np.int64]
    bounds: NDArray[np.int64]


def check_cover(rows: Rows, places: FoundRows, documents: TokenizedDocuments, spec: RowSpec, notes: Notes) -> Origin:
    """Notes documents that are in too few or too many rows, and rows that are out of order.

    Args:
        rows: all of a shard.
        places: where they were found.
        documents: the documents of the shard, in order.
        spec: what rows must be.
        notes: where to note what is wrong.
    """
    cover = _cover(places, documents, spec)
    unpaired = 0
    if spec.objective == "sop":
        alone = np.diff(cover.bounds) == 1
        single = spec.config.pairing.unit == "sentences"
        passes = spec.config.duplicate_factor
        unpaired = passes * int(alone.sum()) if single else int(np.maximum(0, cover.wanted - cover.held).sum())
    elif spec.same_document:
        unpaired = spec.config.duplicate_factor * int((np.diff(cover.bounds) == 1).sum())
    if len(documents):
        _note_cover(cover, _tainted(places, len(documents)), documents, spec, notes)
    placed = bool(places.placed.all())
    if placed:
        _check_order(places, spec, notes)
    least, most = _forced(rows, places, documents, spec)
    return Origin(
        placed=placed,
        least_truncated=int(places.found[:, 5].sum()),
        most_truncated=int(places.found[:, 6].sum()),
        sentences_unpaired=unpaired,
        least_forced=least,
        most_forced=most,
    )


def _cover(places: FoundRows, documents: TokenizedDocuments, spec: RowSpec) -> Cover:
    pairing = spec.config.pairing
    by_token = pairing.objective == "none"
    bounds = documents.token_offsets if by_token else documents.document_offsets
    single = pairing.unit == "sentences" and not by_token
    begins, ends = places.found[places.placed, 3], places.found[places.placed, 4]
    steps = np.zeros(int(bounds[-1]) + 1, np.int64)
    np.add.at(steps, begins, 1)
    np.add.at(steps, begins + 1 if single else ends, -1)
    wanted = np.full(len(steps) - 1, spec.config.duplicate_factor, np.int64)
    if single:  # a pair is counted where it begins, and none begins with the last sentence
        paired = (np.diff(bounds) > 1) | (pairing.objective == "sop")
        wanted[bounds[1:][paired] - 1] = 0
    if spec.same_document:  # the sentence of a document of one sentence has no B
        wanted[bounds[:-1][np.diff(bounds) == 1]] = 0
    return Cover(np.cumsum(steps[:-1]), wanted, bounds)


def _note_cover(
    cover: Cover, tainted: NDArray[np.bool_], documents: TokenizedDocuments, spec: RowSpec, notes: Notes
) -> None:
    starts = cover.bounds[:-1]
    over = np.add.reduceat(np.maximum(0, cover.held - cover.wanted), starts)
    missing = np.add.reduceat(np.maximum(0, cover.wanted - cover.held), starts)
    if spec.objective == "sop" and spec.config.pairing.unit == "segments":
        missing[:] = 0  # any sentence may be unpaired; their number is compared with the counts
    absent = (np.add.reduceat(cover.held, starts) == 0) & (missing > 0)
    for rule, broken, what in (
        ("missing_document", absent & ~tainted, "are in no row"),
        ("tokens_lost", (missing > 0) & ~absent & ~tainted, "have sentences that are in no row of some pass"),
        ("duplicated_rows", over > 0, "have sentences that are in more rows than there were passes"),
    ):
        if broken.any():
            example = documents.document_ids[np.flatnonzero(broken)[0]]
            message = f"documents {what}, such as {example:016x}"
            notes.findings.add(rule, message, file=notes.file, count=int(broken.sum()))


def _tainted(places: FoundRows, num_documents: int) -> NDArray[np.bool_]:
    """Documents of rows that were not found: their missing rows are already reported."""
    tainted = np.zeros(num_documents, np.bool_)
    named = places.named
    for row in np.flatnonzero(~places.placed):
        begin = named.begin_a[row]
        tainted[named.order[begin : begin + named.count_a[row]]] = True
    return tainted


def _check_order(places: FoundRows, spec: RowSpec, notes: Notes) -> None:
    """Checks that within a pass every row begins after the previous one."""
    begins = places.found[:, 3]
    back = np.flatnonzero(begins[1:] <= begins[:-1]) + 1
    if len(back) >= spec.config.duplicate_factor:
        notes.add("row_order", back)


def _forced(rows: Rows, places: FoundRows, documents: TokenizedDocuments, spec: RowSpec) -> tuple[int, int]:
    """Bounds of the number of rows that could only have label 1, because A left nothing to pair."""
    if spec.objective != "nsp":
        return 0, 0
    negative = places.placed & (rows.next_sentence_label == 1)
    document, begin, stop = (places.found[negative, column] for column in (1, 3, 4))
    one, ends = stop == begin + 1, documents.document_offsets[document + 1]
    if spec.config.pairing.unit == "sentences":
        one &= ends == documents.document_offsets[document] + 1
        return int(one.sum()), int(one.sum())
    lengths = documents.sentence_offsets[stop] - documents.sentence_offsets[begin]
    return int((one & ((stop == ends) | (lengths >= spec.max_tokens))).sum()), int(one.sum())
