"""Which shards a dataset has and which text belongs to which, as the settings say; stated here apart from the builder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nspdata.dataset.manifest import shard_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nspdata.config.build import OutputConfig


@dataclass(frozen=True, slots=True)
class Partition:
    """The shards of each split.

    Attributes:
        num_shards: by split; `train` first.
        validation_fraction: share of the texts of `train` that are held out.

    >>> Partition({"train": 2, "validation": 1}, 0.3).paths["validation"]
    ['validation/data-00000-of-00001.arrow']
    """

    num_shards: dict[str, int]
    validation_fraction: float

    @staticmethod
    def of(output: OutputConfig, given_splits: Mapping[str, int] | None = None) -> Partition:
        """The partition that the settings ask for.

        Args:
            output: the settings.
            given_splits: shards of the splits that come from the input itself.
        """
        share, train = output.validation_fraction, output.num_shards
        held_out = {"validation": max(1, round(train * share / (1 - share)))} if share else {}
        return Partition({"train": train, **held_out, **(given_splits or {})}, share)

    @property
    def paths(self) -> dict[str, list[str]]:
        """The paths of each split's shards, in order."""
        return {
            split: [shard_name(split, shard, count) for shard in range(count)]
            for split, count in self.num_shards.items()
        }

    @property
    def all_paths(self) -> list[str]:
        """The paths of all shards, over the splits in order: a shard's number is its index here."""
        return [path for paths in self.paths.values() for path in paths]

    def place(self, path: str) -> tuple[str, int]:
        """The split of a shard, and its index in it."""
        return next((split, paths.index(path)) for split, paths in self.paths.items() if path in paths)

    def assign(self, text_hashes: NDArray[np.uint64], split: str = "") -> NDArray[np.int64]:
        """The shard of each text, numbered over the splits in order: the low word of its hash gives the split, the high word the shard.

        Args:
            text_hashes: shape (n, 2), high word first.
            split: the split that the input gives the texts, or "".
        """
        high, low = text_hashes[:, 0], text_hashes[:, 1]
        firsts, first = {}, 0
        for name, count in self.num_shards.items():
            firsts[name] = first + (high % np.uint64(max(1, count))).astype(np.int64)
            first += count
        if split not in {"", "train"} or not self.validation_fraction:
            return firsts[split or "train"]
        held_out = low < np.uint64(math.floor(self.validation_fraction * 2**64))
        return np.where(held_out, firsts["validation"], firsts["train"])
