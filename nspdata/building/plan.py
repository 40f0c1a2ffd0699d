"""A plan: everything that a build needs to know, settled before any work begins and the same on every worker."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.dataset.manifest import shard_name
from nspdata.dataset.schema import RowMetadata
from nspdata.files.local import join
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.config.build import Config
    from nspdata.tokenization.vocabulary import Vocabulary

TRAIN, VALIDATION = "train", "validation"
WORK = ".build"
"""Directory in OUT that holds what an unfinished build has; it goes away at the end."""


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """What to build, from what, to where.

    Attributes:
        output: the dataset directory.
        config: every setting, `output.num_shards` resolved.
        inputs: name and bytes of every input file, sorted by name.
        vocabulary: of the tokenizer.
        tokenizer_identity: `sha256`, `vocab_size`, `lowercase`, `strip_accents`, for the manifest.
        command: the command as the user gave it, for the dataset card.
        finished: indices of the shards that an earlier, unfinished run of the same plan has left.
        spill_directory: where tokenized documents are laid down between the two halves of the build;
            "" hands them to the engine's own shuffle.
    """

    output: str
    config: Config
    inputs: tuple[tuple[str, int], ...]
    vocabulary: Vocabulary
    tokenizer_identity: dict[str, Any]
    command: str = ""
    finished: frozenset[int] = frozenset()
    spill_directory: str = ""

    @cached_property
    def wordpiece(self) -> WordPiece:
        """The tokenizer."""
        identity = self.tokenizer_identity
        return WordPiece(self.vocabulary, lowercase=identity["lowercase"], strip_accents=identity["strip_accents"])

    @cached_property
    def num_shards(self) -> dict[str, int]:
        """Shards of each split."""
        fraction, train = self.config.output.validation_fraction, self.config.output.num_shards
        if not fraction:
            return {TRAIN: train}
        return {TRAIN: train, VALIDATION: max(1, round(train * fraction / (1 - fraction)))}

    @property
    def total_shards(self) -> int:
        """Shards of all splits; the key of a shard is its index in their order."""
        return sum(self.num_shards.values())

    def locate(self, key: int) -> tuple[str, int, int]:
        """The split of a shard's key, the shard's index in it, and the split's number of shards."""
        for split, count in self.num_shards.items():
            if key < count:
                return split, key, count
            key -= count
        raise IndexError(key)

    def shard_path(self, key: int) -> str:
        """The path of a shard in OUT."""
        return shard_name(*self.locate(key))

    def result_path(self, key: int) -> str:
        """Where the result of a finished shard is kept until the manifest is written."""
        return join(self.output, f"{WORK}/shards/{key:05d}.json")

    def assign(self, text_hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The shard key of each text: the split by the low word of its hash, the shard in it by the high word."""
        train = self.num_shards[TRAIN]
        keys = (text_hashes[:, 0] % np.uint64(train)).astype(np.int64)
        if VALIDATION in self.num_shards:
            held_out = text_hashes[:, 1] < np.uint64(math.floor(self.config.output.validation_fraction * 2**64))
            others = train + (text_hashes[:, 0] % np.uint64(self.num_shards[VALIDATION])).astype(np.int64)
            keys = np.where(held_out, others, keys)
        return keys

    @cached_property
    def metadata(self) -> RowMetadata:
        """The metadata of every shard's schema."""
        return RowMetadata.of(self.config.pairing, self.config.masking, self.vocabulary)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all that decides the bytes of the shards: settings, tokenizer and the input's files."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()

    def identity(self) -> dict[str, Any]:
        """What `fingerprint` covers, as JSON."""
        return {
            "metadata": asdict(self.metadata),
            "config": self.config.to_dict(),
            "tokenizer": self.tokenizer_identity,
            "inputs": [list(entry) for entry in self.inputs],
        }

    def __getstate__(self) -> dict[str, Any]:
        """A plan travels as its fields; what was worked out from them is worked out again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
