"""The rules of masks, a batch of rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances.rows import Rows
    from nspdata.validation.findings import Findings, Notes
    from nspdata.validation.spec import RowSpec

TOO_FEW = "fewer masks than the settings give"


@dataclass(frozen=True, slots=True)
class Replaced:
    """Counts of the tokens at masked positions: [MASK], original, other; can be added."""

    mask: int = 0
    random: int = 0
    kept: int = 0

    def __add__(self, other: Replaced) -> Replaced:
        return Replaced(self.mask + other.mask, self.random + other.random, self.kept + other.kept)

    @property
    def total(self) -> int:
        """Number of masked positions."""
        return self.mask + self.random + self.kept


def check_masks(rows: Rows, spec: RowSpec, notes: Notes) -> Replaced:
    """Checks where masks are, what they hide, and what replaces it.

    Args:
        rows: rows of a valid shape.
        spec: what rows must be.
        notes: where to note what is wrong.

    Returns:
        The counts of what replaces the masked tokens.
    """
    row_of = np.repeat(np.arange(len(rows)), np.diff(rows.masked_offsets))
    positions, labels = rows.masked_lm_positions.astype(np.int64), rows.masked_lm_labels
    disordered = _disordered(rows, row_of, positions)
    notes.add("mask_order", disordered)
    _check_counts(rows, spec, notes)
    if disordered.any():
        ordered = ~disordered[row_of]
        row_of, positions, labels = row_of[ordered], positions[ordered], labels[ordered]
    elif spec.config.masking.strategy == "whole_word" or rows.word_starts is not None:
        ids = rows.unmasked_ids()
        _check_word_starts(rows, ids, spec, notes)
        if spec.config.masking.strategy == "whole_word":
            _check_words(rows, ids, spec, notes)
    held = rows.input_ids[rows.offsets[row_of] + positions]
    at_frame = (positions == 0) | (positions == rows.lengths_a[row_of] - 1) | (positions == rows.lengths[row_of] - 1)
    notes.add("mask_special", row_of[at_frame | spec.specials[labels]])
    hidden = held == spec.special_ids["[MASK]"]
    notes.add("mask_replacement", row_of[spec.specials[held] & ~hidden])
    masked, kept = int(hidden.sum()), int((held == labels).sum())
    return Replaced(masked, len(held) - masked - kept, kept)


def _disordered(rows: Rows, row_of: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rows whose positions do not strictly increase, or are outside the row."""
    broken = np.zeros(len(rows), np.bool_)
    broken[row_of[positions >= rows.lengths[row_of]]] = True
    falls = (positions[1:] <= positions[:-1]) & (row_of[1:] == row_of[:-1])
    broken[row_of[1:][falls]] = True
    return broken


def _budgets(rows: Rows, spec: RowSpec) -> NDArray[np.int64]:
    """The masks that the settings give each row, if there are tokens enough: shape (num_rows,), int64."""
    masking = spec.config.masking
    if masking.strategy == "none" or masking.masked_lm_prob == 0:
        return np.zeros(len(rows), np.int64)
    budgets = np.maximum(1, np.rint(rows.lengths * masking.masked_lm_prob).astype(np.int64))
    most: NDArray[np.int64] = np.minimum(budgets, masking.predictions(spec.config.pairing.max_seq_length))
    return most


def _check_counts(rows: Rows, spec: RowSpec, notes: Notes) -> None:
    """Each row against its budget; with `whole_word` a row may fall short, see `_check_words`."""
    counts, budgets = np.diff(rows.masked_offsets), _budgets(rows, spec)
    notes.add("mask_count", counts > budgets, "more masks than the settings allow")
    short = np.flatnonzero(counts < budgets)
    if len(short) and spec.config.masking.strategy != "whole_word":
        free = _free_tokens(rows, spec)[short]
        notes.add("mask_count", short[counts[short] < np.minimum(budgets[short], free)], TOO_FEW)


def _free_tokens(rows: Rows, spec: RowSpec) -> NDArray[np.int64]:
    """Tokens of each row that are not special before masking: shape (num_rows,), int64."""
    free = ~spec.specials[rows.input_ids]
    held = rows.input_ids[np.minimum(rows.masked_token_indices, len(rows.input_ids) - 1)]
    hidden = spec.specials[held] & ~spec.specials[rows.masked_lm_labels]
    in_row = np.repeat(np.arange(len(rows)), np.diff(rows.masked_offsets))[hidden]
    return np.add.reduceat(free, rows.offsets[:-1], dtype=np.int64) + np.bincount(in_row, minlength=len(rows))


def _check_words(rows: Rows, ids: NDArray[Any], spec: RowSpec, notes: Notes) -> None:
    """With `whole_word`: no word is masked in part, and where a row falls short no word is left that would have fitted."""
    candidates = ~spec.specials[ids]
    continues = candidates & (spec.continuations[ids] if rows.word_starts is None else rows.word_starts == 0)
    continues[1:] &= candidates[:-1]
    masked = np.zeros(len(ids), np.bool_)
    masked[rows.masked_token_indices] = True
    torn = np.flatnonzero(continues[1:] & (masked[1:] != masked[:-1])) + 1
    notes.add("whole_words", _row_of(rows, torn))
    starts = np.flatnonzero(candidates & ~continues)
    sizes = np.bincount((np.cumsum(candidates & ~continues) - 1)[candidates], minlength=len(starts))
    room = (_budgets(rows, spec) - np.diff(rows.masked_offsets))[_row_of(rows, starts)]
    notes.add("mask_count", _row_of(rows, starts[~masked[starts] & (sizes <= room)]), TOO_FEW)


def _check_word_starts(rows: Rows, ids: NDArray[Any], spec: RowSpec, notes: Notes) -> None:
    """The column `word_starts`: 0 or 1, 1 at special tokens and at the first token of a segment, and as `##` shows except for Chinese."""
    starts = rows.word_starts
    if starts is None:
        return
    first = spec.specials[ids]
    first[1:] |= spec.specials[ids[:-1]]
    known = first | ~spec.vocabulary.chinese[ids]
    expected = first | ~spec.continuations[ids]
    wrong = (starts > 1) | (known & (starts != expected))
    notes.add("word_starts", _row_of(rows, np.flatnonzero(wrong)))


def _row_of(rows: Rows, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.searchsorted(rows.offsets, tokens, side="right") - 1
    return found


def check_shares(replaced: Replaced, spec: RowSpec, findings: Findings) -> None:
    """Compares the shares of [MASK], random and kept tokens of the dataset with the settings, within what chance allows."""
    masking, total = spec.config.masking, replaced.total
    if not total:
        return
    same = masking.random_share / max(1, int((~spec.specials).sum()))  # a random token may be the original one
    expected = {
        "mask": masking.mask_share,
        "random": masking.random_share - same,
        "kept": 1 - masking.mask_share - masking.random_share + same,
    }
    drawn_together = 10 if masking.strategy == "span" else 4 if masking.strategy == "whole_word" else 1
    for kind, share in expected.items():
        bound = 5 * (share * (1 - share) * drawn_together / total) ** 0.5 + 0.001 + 5 / total
        found = getattr(replaced, kind) / total
        if abs(found - share) > bound:
            findings.add(
                "mask_shares",
                f"{found:.3%} of the masked positions are {kind}, the settings say {share:.3%} (give or take {bound:.3%})",
                count=replaced.total,
            )
