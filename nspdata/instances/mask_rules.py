"""How rows are masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskRules:
    """How rows are masked.

    Attributes:
        strategy: `token`, `whole_word`, `span` or `none`.
        masked_lm_prob: share of a row's tokens to predict. [CLS] and [SEP] count, as in Google's code.
        mask_share: share of those that becomes [MASK].
        random_share: share of those that becomes a random token.
        max_predictions: maximum predictions per row.
        mask_id: id of [MASK].
        specials: shape (vocab_size,), bool: ids that are never masked and never a replacement.
        continuations: shape (vocab_size,), bool: ids of tokens that continue a word.
    """

    strategy: str
    masked_lm_prob: float
    mask_share: float
    random_share: float
    max_predictions: int
    mask_id: int
    specials: NDArray[np.bool_]
    continuations: NDArray[np.bool_]
