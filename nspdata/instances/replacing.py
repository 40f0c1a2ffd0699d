"""What replaces the tokens of a row that are predicted: [MASK], a random token, or the token itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled, is_compiled
from nspdata.arrays.splitmix import LOW, SHIFT, draw_at, draws_at, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances.mask_rules import MaskRules

TOKEN_COUNTER, SPAN_COUNTER = 1 << 20, 1 << 21
"""Counter of the first draw that chooses replacements. A row is shorter than 2**16, so these draws never overlap those of positions."""


def replace_masked(
    ids: NDArray[Any],
    offsets: NDArray[np.int64],
    keys: NDArray[np.uint64],
    positions: NDArray[np.uint16],
    ends: NDArray[np.int64],
    spans: NDArray[np.uint16],
    rules: MaskRules,
) -> NDArray[Any]:
    """Replaces the ids at the masked positions in place; returns the ids that were there.

    Args:
        ids: shape (num_tokens,).
        offsets: shape (num_rows + 1,), int64, into `ids`.
        keys: shape (num_rows,), uint64: the randomness of each row.
        positions: shape (num_masked,), uint16, in each row.
        ends: shape (num_rows + 1,), int64, into `positions`.
        spans: shape (num_masked,), uint16: all tokens of a span get the same choice; empty for masks without spans.
        rules: how rows are masked.
    """
    shares = rules.mask_share, rules.mask_share + rules.random_share
    limits = np.array([int(share * 2**32) for share in shares], np.uint64)
    ordinary = np.flatnonzero(~rules.specials)
    labels: NDArray[Any] = np.empty(len(positions), ids.dtype)
    if is_compiled():
        _replace(ids, offsets, keys, positions, ends, spans, limits, rules.mask_id, ordinary, labels)
        return labels
    counts = np.diff(ends)
    at = np.repeat(offsets[:-1], counts) + positions
    keys_there = np.repeat(keys, counts)
    labels[:] = ids[at]
    draws = draws_at(keys_there, TOKEN_COUNTER + np.arange(len(at)) - np.repeat(ends[:-1], counts))
    choice = (draws_at(keys_there, SPAN_COUNTER + spans.astype(np.int64)) if len(spans) else draws) >> SHIFT
    replaced = np.where(choice < limits[0], np.array(rules.mask_id, ids.dtype), labels)
    random = (choice >= limits[0]) & (choice < limits[1])
    replaced[random] = ordinary[(((draws[random] & LOW) * np.uint64(len(ordinary))) >> SHIFT).astype(np.int64)]
    ids[at] = replaced
    return labels


@compiled
def _replace(
    ids: NDArray[Any],
    offsets: NDArray[np.int64],
    keys: NDArray[np.uint64],
    positions: NDArray[np.uint16],
    ends: NDArray[np.int64],
    spans: NDArray[np.uint16],
    limits: NDArray[np.uint64],
    mask_id: int,
    ordinary: NDArray[np.int64],
    labels: NDArray[Any],
) -> None:
    for row in range(len(keys)):
        for place in range(ends[row], ends[row + 1]):
            at = offsets[row] + positions[place]
            labels[place] = ids[at]
            drawn = draw_at(keys[row], TOKEN_COUNTER + place - ends[row])
            choice = (draw_at(keys[row], SPAN_COUNTER + spans[place]) if len(spans) else drawn) >> SHIFT
            if choice < limits[0]:
                ids[at] = mask_id
            elif choice < limits[1]:
                ids[at] = ordinary[scaled(drawn << SHIFT, len(ordinary))]
