"""What rows must be, derived once from the manifest and the tokenizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nspdata.dataset.schema import RowMetadata
from nspdata.validation.partition import Partition

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        given_splits: shards of each split that comes from the input itself, not from the settings.
    """

    config: Config
    vocabulary: Vocabulary
    vocab_size: int
    special_ids: dict[str, int]
    specials: NDArray[np.bool_]
    continuations: NDArray[np.bool_]
    given_splits: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def of(config: Config, vocabulary: Vocabulary, splits: Mapping[str, int] | None = None) -> RowSpec:
        """Returns the requirements of these settings and this vocabulary.

        Args:
            config: the settings.
            vocabulary: the dataset's.
            splits: number of shards of each split of the manifest.
        """
        by_settings = {"train", *(["validation"] if config.output.validation_fraction else [])}
        return RowSpec(
            config=config,
            vocabulary=vocabulary,
            vocab_size=len(vocabulary),
            special_ids=vocabulary.special_ids,
            specials=vocabulary.specials,
            continuations=vocabulary.continuations,
            given_splits={name: count for name, count in (splits or {}).items() if name not in by_settings},
        )

    @property
    def objective(self) -> str:
        """`nsp`, `sop` or `none`."""
        return self.config.pairing.objective

    @property
    def same_document(self) -> bool:
        """Whether a row of label 1 has A and B from one document."""
        return self.config.pairing.same_document

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
        return Partition.of(self.config.output, self.given_splits)
