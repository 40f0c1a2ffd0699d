"""The rows of a shard as an encoder needs them: without masks if wanted, padded, with dense labels."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.loading.collate import IGNORED, Padding, collate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.exporting.options import Context
    from nspdata.instances.rows import Rows

TRACE = ("document_a", "document_b", "sentence_a", "sentence_b")
"""Columns that say where the segments of a row come from."""


def without_masks(rows: Rows) -> Rows:
    """The rows with the original ids and no masked positions."""
    return dataclasses.replace(
        rows,
        input_ids=rows.unmasked_ids(),
        masked_lm_positions=rows.masked_lm_positions[:0],
        masked_lm_labels=rows.masked_lm_labels[:0],
        masked_offsets=np.zeros_like(rows.masked_offsets),
    )


def flat_labels(rows: Rows) -> NDArray[np.int32]:
    """Shape (num_tokens,), int32: the original id at each masked position, -100 elsewhere."""
    labels = np.full(len(rows.input_ids), IGNORED, np.int32)
    labels[rows.masked_token_indices] = rows.masked_lm_labels
    return labels


def padded(rows: Rows, context: Context) -> dict[str, NDArray[Any]]:
    """The rows as a batch of `max_seq_length`: the arguments of `BertForPreTraining`."""
    padding = Padding(max_seq_length=context.metadata.max_seq_length, multiple=0)
    return collate(rows, pad_id=context.pad_id, padding=padding)


def padded_for_google(rows: Rows, context: Context) -> dict[str, NDArray[Any]]:
    """The rows as a batch of `max_seq_length` with the names of Google's features."""
    padding = Padding(max_seq_length=context.metadata.max_seq_length, multiple=0)
    most = context.metadata.max_predictions_per_seq
    return collate(rows, pad_id=context.pad_id, padding=padding, names="nvidia", max_predictions=most)
