"""Checks labels, documents and sentences of a batch of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances.rows import Rows
    from nspdata.validation.findings import Notes
    from nspdata.validation.spec import RowSpec


def check_labels(rows: Rows, spec: RowSpec, notes: Notes) -> None:
    """Checks what a label says against the documents and sentences that the row names.

    Args:
        rows: rows of a valid shape.
        spec: what rows must be.
        notes: where to note what is wrong.
    """
    label = rows.next_sentence_label
    notes.add("label_value", label > (spec.objective != "none"))
    same = rows.document_a == rows.document_b
    distance = rows.sentence_b.astype(np.int64) - rows.sentence_a
    if spec.objective == "none":
        notes.add("label_documents", ~same)
        notes.add("sentence_order", distance != 0)
        return
    negative = label == 1
    if spec.same_document:
        notes.add("label_documents", ~same, "A and B are from two documents, but negatives are of the same document")
        near = negative & same & (np.abs(distance) < 2)
        notes.add("negative_adjacent", near, "label 1, but no sentence is between the first sentences of A and of B")
        follows = ~negative & same
    elif spec.objective == "nsp":
        notes.add("label_documents", ~negative & ~same, "label 0, but A and B are from two documents")
        notes.add("label_documents", negative & same, "label 1, but A and B are from one document")
        follows = ~negative & same
    else:
        notes.add("label_documents", ~same)
        follows = same
    distance = np.where(negative, -distance, distance)
    most = _most_sentences(rows, negative, spec)
    notes.add("sentence_order", follows & ((distance < 1) | (distance > most)))


def _most_sentences(rows: Rows, negative: NDArray[np.bool_], spec: RowSpec) -> NDArray[np.int64]:
    """The most sentences that the earlier segment can hold: one per token, or more if it was truncated; shape (num_rows,), int64."""
    if spec.config.pairing.unit == "sentences":
        return np.ones(len(rows), np.int64)
    length_a, length_b = rows.lengths_a - 2, rows.lengths - rows.lengths_a - 1
    earlier = np.where(negative & (spec.objective == "sop"), length_b, length_a)
    return np.where(length_a + length_b < spec.max_tokens, earlier, spec.max_tokens)
