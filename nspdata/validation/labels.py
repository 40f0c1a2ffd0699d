"""The laws of labels, documents and sentences, a batch of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances.rows import Rows
    from nspdata.validation.findings import Notes
    from nspdata.validation.rules import Rules


def check_labels(rows: Rows, rules: Rules, notes: Notes) -> None:
    """Checks what a label says against the documents and sentences that the row names.

    Args:
        rows: of sound shape.
        rules: what rows must be.
        notes: where to note what is wrong.
    """
    label = rows.next_sentence_label
    notes.add("label_value", label > (rules.objective != "none"))
    same = rows.document_a == rows.document_b
    distance = rows.sentence_b.astype(np.int64) - rows.sentence_a
    if rules.objective == "none":
        notes.add("label_documents", ~same)
        notes.add("sentence_order", distance != 0)
        return
    negative = label == 1
    if rules.objective == "nsp":
        notes.add("label_documents", ~negative & ~same, "label 0, but A and B are of two documents")
        notes.add("label_documents", negative & same, "label 1, but A and B are of one document")
        follows = ~negative & same
    else:
        notes.add("label_documents", ~same)
        follows = same
    distance = np.where(negative, -distance, distance)
    most = _most_sentences(rows, negative, rules)
    notes.add("sentence_order", follows & ((distance < 1) | (distance > most)))


def _most_sentences(rows: Rows, negative: NDArray[np.bool_], rules: Rules) -> NDArray[np.int64]:
    """The most sentences that the earlier segment can hold: one a token, unless truncation took some; shape (num_rows,), int64."""
    if rules.config.pairing.unit == "sentences":
        return np.ones(len(rows), np.int64)
    length_a, length_b = rows.lengths_a - 2, rows.lengths - rows.lengths_a - 1
    earlier = np.where(negative & (rules.objective == "sop"), length_b, length_a)
    return np.where(length_a + length_b < rules.max_tokens, earlier, rules.max_tokens)
