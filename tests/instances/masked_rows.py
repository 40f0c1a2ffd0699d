"""Rows to mask: any ids, including special ones and continuations, with the rules of a small vocabulary."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from nspdata.arrays.ragged import offsets
from nspdata.config.build import MaskingConfig
from nspdata.instances.assemble import mask_rules
from nspdata.instances.mask_rules import MaskRules
from nspdata.instances.masking import Masked
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

VOCABULARY = Vocabulary((*SPECIAL_TOKENS, *(f"{'##' * (word % 3 == 2)}w{word}" for word in range(95))))
"""Ids 0 to 4 are special; every third of the others continues a word."""

SPECIALS = frozenset(range(len(SPECIAL_TOKENS)))

MASK_ID = VOCABULARY.special_ids["[MASK]"]

CONTINUATIONS = frozenset(np.flatnonzero(VOCABULARY.continuations).tolist())

ROWS = st.lists(
    st.lists(st.one_of(st.integers(5, 99), st.integers(5, 99), st.integers(0, 6)), max_size=60).map(
        lambda tokens: [2, *tokens, 3]
    ),
    min_size=1,
    max_size=6,
)
"""Rows as they are: between [CLS] and [SEP]."""

MASKINGS = st.builds(
    MaskingConfig,
    strategy=st.sampled_from(["token", "whole_word", "span", "none"]),
    masked_lm_prob=st.sampled_from([0.0, 0.05, 0.15, 0.4, 1.0]),
    mask_share=st.sampled_from([0.0, 0.5, 0.8]),
    random_share=st.sampled_from([0.0, 0.1, 0.2]),
    max_predictions_per_seq=st.sampled_from([0, 1, 4, 20]),
)


def flat(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """The ids of the rows one after another, and where each begins."""
    ids = np.array([token for row in rows for token in row], np.uint16)
    return ids, offsets(np.array([len(row) for row in rows], np.int64))


def keys_of(count: int, seed: int) -> NDArray[np.uint64]:
    """A key for each row."""
    return np.random.default_rng(seed).integers(0, 1 << 64, count, dtype=np.uint64)


def rules_of(masking: MaskingConfig, max_seq_length: int = 64) -> MaskRules:
    return mask_rules(masking, VOCABULARY, max_seq_length)


def masked_rows(masked: Masked, row_offsets: NDArray[np.int64]) -> list[tuple[list[int], list[int], list[int]]]:
    """For each row its ids, its masked positions and the labels there."""
    ids, positions, labels = masked.ids.tolist(), masked.positions.tolist(), masked.labels.tolist()
    rows = itertools.pairwise(row_offsets.tolist())
    parts = itertools.pairwise(masked.offsets.tolist())
    return [
        (ids[begin:end], positions[first:last], labels[first:last])
        for (begin, end), (first, last) in zip(rows, parts, strict=True)
    ]


def words_of(row: Sequence[int]) -> list[list[int]]:
    """The positions of each whole word: a token, and the continuations right after it; special tokens are no words."""
    words: list[list[int]] = []
    inside = False
    for position, token in enumerate(row):
        if token in SPECIALS:
            inside = False
        elif token in CONTINUATIONS and inside:
            words[-1].append(position)
        else:
            words.append([position])
            inside = True
    return words


def many(row: Sequence[int], count: int, seed: int, **masking: Any) -> tuple[Masked, NDArray[np.int64]]:
    """The same row masked many times, with other keys."""
    from nspdata.instances.masking import mask

    ids, row_offsets = flat([row] * count)
    rules = rules_of(MaskingConfig(**masking), max_seq_length=len(row))
    return mask(ids, row_offsets, keys_of(count, seed), rules), row_offsets
