"""What rows must be, derived once from the manifest and the tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.dataset.schema import RowMetadata
from nspdata.validation.partition import Partition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nspdata.config.build import Config
    from nspdata.tokenization.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class RowSpec:
    """The settings and the vocabulary as the checks of rows need them.

    Attributes:
        config: every setting.
        vocabulary: the dataset's.
        vocab_size: entries of the vocabulary.
        special_ids: id of each special token.
        specials: shape (vocab_size,), bool: the special tokens.
        continuations: shape (vocab_size,), bool: tokens that continue a word.
    """

    config: Config
    vocabulary: Vocabulary
    vocab_size: int
    special_ids: dict[str, int]
    specials: NDArray[np.bool_]
    continuations: NDArray[np.bool_]

    @staticmethod
    def of(config: Config, vocabulary: Vocabulary) -> RowSpec:
        """What these settings and this vocabulary require."""
        return RowSpec(
            config=config,
            vocabulary=vocabulary,
            vocab_size=len(vocabulary),
            special_ids=vocabulary.special_ids,
            specials=vocabulary.specials,
            continuations=vocabulary.continuations,
        )

    @property
    def objective(self) -> str:
        """`nsp`, `sop` or `none`."""
        return self.config.pairing.objective

    @property
    def max_tokens(self) -> int:
        """Tokens of A and B together at most."""
        return self.config.pairing.max_seq_length - (2 if self.objective == "none" else 3)

    @property
    def metadata(self) -> RowMetadata:
        """The metadata that every shard's schema must have."""
        return RowMetadata.of(self.config.pairing, self.config.masking, self.vocabulary)

    @property
    def partition(self) -> Partition:
        """Which shards there are, and which text belongs to which."""
        return Partition.of(self.config.output)
