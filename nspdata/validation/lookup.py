"""The rows of a shard, looked up in the documents that they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nspdata.instances import Text
from nspdata.validation.placement import (
    A_ABSENT,
    B_ABSENT,
    COLUMNS,
    FOUND,
    NO_SENTENCE,
    NOT_ADJACENT,
    NOT_WHOLE,
    TOO_NEAR,
    Cut,
    Named,
    Segments,
    place_pairs,
    place_single,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances.rows import Rows
    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.validation.findings import Notes
    from nspdata.validation.spec import RowSpec

FAULTS = {
    NO_SENTENCE: ("segment_not_found", "the document has no sentence of that number"),
    A_ABSENT: ("segment_not_found", "A is not in its document from its first sentence on"),
    B_ABSENT: ("segment_not_found", "B is not in its document from its first sentence on"),
    NOT_ADJACENT: ("not_adjacent", ""),
    NOT_WHOLE: ("not_whole", ""),
    TOO_NEAR: ("negative_adjacent", ""),
}


UNPLACED = "no document of the input that belongs to this shard has that id"


@dataclass(frozen=True, slots=True)
class FoundRows:
    """Where the rows of a shard were found.

    Attributes:
        found: shape (num_rows, COLUMNS), int64.
        named: the documents that have the ids of each row.
    """

    found: NDArray[np.int64]
    named: Named

    @property
    def placed(self) -> NDArray[np.bool_]:
        """Shape (num_rows,), bool: rows that were found."""
        placed: NDArray[np.bool_] = self.found[:, 0] == FOUND
        return placed


def look_up(
    rows: Rows, documents: TokenizedDocuments, names: NDArray[np.uint64] | None, spec: RowSpec, notes: Notes
) -> FoundRows:
    """Finds every row's segments in its documents.

    Args:
        rows: all rows of a shard, of a valid shape.
        documents: those that belong to the shard, in order.
        names: hashes of the ids of all documents of the input, shape (any,), sorted; None if they are not known here.
        spec: what rows must be.
        notes: where to note what is wrong.
    """
    named = _named(rows, documents)
    found = np.zeros((len(rows), COLUMNS), np.int64)
    text = Text(documents.ids, documents.sentence_offsets, documents.document_offsets)
    pairing = spec.config.pairing
    cut = Cut(spec.max_tokens, pairing.unit == "sentences", pairing.objective == "sop", spec.same_document)
    segments = _segments(rows)
    (place_single if spec.objective == "none" else place_pairs)(text, segments, named, cut, found)
    _note_unnamed(rows, named, names, notes)
    for status, (rule, message) in FAULTS.items():
        notes.add(rule, found[:, 0] == status, message)
    return FoundRows(found, named)


def _named(rows: Rows, documents: TokenizedDocuments) -> Named:
    order = np.argsort(documents.document_ids, kind="stable")
    ids = documents.document_ids[order]
    runs = []
    for wanted in (rows.document_a, rows.document_b):
        begins = np.searchsorted(ids, wanted, side="left")
        runs += [begins, np.searchsorted(ids, wanted, side="right") - begins]
    return Named(order, *runs)


def _segments(rows: Rows) -> Segments:
    lengths = rows.lengths
    length_b = np.maximum(0, lengths - rows.lengths_a - 1)
    sentence_a = rows.sentence_a.astype(np.int64)
    following = np.full(len(rows), -1, np.int64)
    continues = (rows.document_a[1:] == rows.document_a[:-1]) & (sentence_a[1:] > sentence_a[:-1])
    following[:-1][continues] = sentence_a[1:][continues]
    return Segments(
        ids=rows.unmasked_ids(),
        begin_a=rows.offsets[:-1] + 1,
        length_a=rows.lengths_a - 2,
        begin_b=rows.offsets[:-1] + rows.lengths_a,
        length_b=length_b,
        label=rows.next_sentence_label.astype(np.int64),
        sentence_a=sentence_a,
        sentence_b=rows.sentence_b.astype(np.int64),
        next_sentence=following,
    )


def _note_unnamed(rows: Rows, named: Named, names: NDArray[np.uint64] | None, notes: Notes) -> None:
    """Rows of documents that are in no input, or not in this shard."""
    for wanted, count in ((rows.document_a, named.count_a), (rows.document_b, named.count_b)):
        absent = np.flatnonzero(count == 0)
        if names is None:
            notes.add("wrong_shard", absent, UNPLACED)
            continue
        read = np.isin(wanted[absent], names)
        notes.add("unknown_document", absent[~read])
        notes.add("wrong_shard", absent[read])
