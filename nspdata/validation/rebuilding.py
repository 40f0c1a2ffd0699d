"""The rows of a shard, made once more: what no rule of rows can say, whether each pair and each mask is the one that the seed gives."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from nspdata.instances.assemble import build_instances
from nspdata.instances.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.validation.findings import Notes
    from nspdata.validation.spec import RowSpec

FROM_BUILD_ALONE = (
    "forced_negatives",
    "forced_positives",
    "tokens_truncated",
    "sentences_unpaired",
    "used_tokens",
    "joined_characters",
)
"""Counts of the build that are compared to what building again counts."""


def check_rebuilt(
    rows: Rows, documents: TokenizedDocuments, spec: RowSpec, notes: Notes, place: tuple[str, int]
) -> dict[str, int]:
    """Builds a shard again from its documents and notes the rows that are others.

    Args:
        rows: all of the shard, found in its documents without fault.
        documents: those that belong to the shard, in order.
        spec: what rows must be.
        notes: where to note what is wrong.
        place: the split, and the shard's index in it.

    Returns:
        What building counts.
    """
    split, shard = place
    built, counts = build_instances(documents, spec.config, spec.vocabulary, split=split, shard=shard)
    if len(built) != len(rows):
        message = f"{len(rows):,} rows, but building again gives {len(built):,}"
        notes.findings.add("rebuilt", message, file=notes.file, count=abs(len(built) - len(rows)))
    else:
        notes.add("rebuilt", differing(rows, built))
    return {name: counts.get(name, 0) for name in FROM_BUILD_ALONE}


def differing(one: Rows, other: Rows) -> NDArray[np.bool_]:
    """Shape (num_rows,), bool: rows that are not the same in every column; both hold as many rows."""
    different = np.zeros(len(one), np.bool_)
    lists = {"input_ids": "offsets", "masked_lm_positions": "masked_offsets", "masked_lm_labels": "masked_offsets"}
    if one.word_starts is not None:
        lists["word_starts"] = "offsets"
    for name, ends in lists.items():
        offsets, others = getattr(one, ends), getattr(other, ends)
        values, expected = getattr(one, name), getattr(other, name)
        if np.array_equal(offsets, others):
            wrong = np.flatnonzero(values != expected)
            different[np.searchsorted(offsets, wrong, side="right") - 1] = True
            continue
        for row in range(len(one)):
            a, b = slice(*offsets[row : row + 2]), slice(*others[row : row + 2])
            different[row] |= not np.array_equal(values[a], expected[b])
    ragged = {"input_ids", "offsets", "word_starts", "masked_lm_positions", "masked_lm_labels", "masked_offsets"}
    for field in dataclasses.fields(Rows):
        if field.name not in ragged:
            different |= getattr(one, field.name) != getattr(other, field.name)
    return different
