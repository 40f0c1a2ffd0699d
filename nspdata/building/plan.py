"""The plan of a build: all its settings and inputs, fixed before the build starts and the same on every worker."""

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
from nspdata.files import options
from nspdata.files.local import join
from nspdata.files.owners import WORK
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.config.build import Config
    from nspdata.tokenization.vocabulary import Vocabulary

TRAIN, VALIDATION, TEST = "train", "validation", "test"

PLAN, RESULTS, CONTENTS = f"{WORK}/plan.json", f"{WORK}/shards", f"{WORK}/contents.json"
"""Directory in OUT until the build is finished: its identity, the results of its shards, the content of its input files."""

OPTIONS = "storage_options"
"""Key of the value that a pickled plan has in addition to its fields."""


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """What to build, from which inputs, and where to write it.

    Attributes:
        output: the dataset directory.
        config: all settings, with `output.num_shards` resolved.
        inputs: name and bytes of every input file, sorted by name.
        versions: of every input file when it was listed, in the order of `inputs`; not part of the build's identity.
        vocabulary: of the tokenizer.
        tokenizer_identity: `sha256`, `vocab_size`, `lowercase`, `strip_accents`, for the manifest.
        given_splits: splits other than `train` that the input itself has, each with its number of shards, in order.
        command: the command as the user gave it, for the dataset card.
        finished: keys of the shards that an earlier, unfinished run of the same plan has finished.
        stage: the directory that the files are written to; `output` itself, or one that replaces its content at the end.
            "" stands for `output`.
        spill_directory: where tokenized documents are stored between the two halves of the build;
            "" uses the engine's own shuffle.
        listed: whether the units and `inputs` are in files of `.build`; the pickled plan then has no `inputs` and `versions`.
        group_size: shards that are built together at most; see `nspdata.building.prepare.GROUP_BYTES`.
        interpreted: whether loops are interpreted, because compiling them takes longer; see `nspdata.building.loops`.
        lease: token of the lease of `output`, which is checked before files are written; "" if a lock of the system holds it.
    """

    output: str
    config: Config
    inputs: tuple[tuple[str, int], ...]
    vocabulary: Vocabulary
    tokenizer_identity: dict[str, Any]
    given_splits: tuple[tuple[str, int], ...] = ()
    command: str = ""
    versions: tuple[str, ...] = ()
    finished: frozenset[int] = frozenset()
    stage: str = ""
    spill_directory: str = ""
    interpreted: bool = False
    lease: str = ""
    listed: bool = False
    group_size: int = 1

    @cached_property
    def wordpiece(self) -> WordPiece:
        """The tokenizer."""
        identity = self.tokenizer_identity
        return WordPiece(self.vocabulary, lowercase=identity["lowercase"], strip_accents=identity["strip_accents"])

    @cached_property
    def num_shards(self) -> dict[str, int]:
        """Shards of each split."""
        fraction, train = self.config.output.validation_fraction, self.config.output.num_shards
        held_out = {VALIDATION: max(1, round(train * fraction / (1 - fraction)))} if fraction else {}
        return {TRAIN: train, **held_out, **dict(self.given_splits)}

    @property
    def total_shards(self) -> int:
        """Shards of all splits; the key of a shard is its index in their order."""
        return sum(self.num_shards.values())

    def locate(self, key: int) -> tuple[str, int, int]:
        """Returns the split of a shard's key, the shard's index in the split, and the split's number of shards."""
        for split, count in self.num_shards.items():
            if key < count:
                return split, key, count
            key -= count
        raise IndexError(key)

    def shard_path(self, key: int) -> str:
        """The path of a shard in OUT."""
        return shard_name(*self.locate(key))

    @property
    def root(self) -> str:
        """The directory that the files are written to."""
        return self.stage or self.output

    @cached_property
    def groups(self) -> tuple[range, ...]:
        """The keys of the shards of each group. A group is built by one worker and has one result; its shards are of one split."""
        found: list[range] = []
        first = 0
        for count in self.num_shards.values():
            end = first + count
            found += [range(key, min(key + self.group_size, end)) for key in range(first, end, self.group_size)]
            first = end
        return tuple(found)

    def groups_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The group of each shard key."""
        starts = np.array([group.start for group in self.groups])
        return np.searchsorted(starts, keys, side="right") - 1

    def result_path(self, group: int) -> str:
        """The path of a finished group's result, which is kept until the manifest is written."""
        return join(self.output, f"{RESULTS}/{group:05d}.json")

    def assign(self, text_hashes: NDArray[np.uint64], split: str = "") -> NDArray[np.int64]:
        """The shard key of each text.

        The low word of its hash selects the split, unless the input gives one; the high word selects the shard in the split.

        Args:
            text_hashes: shape (n, 2), uint64, high word first.
            split: the split that the input gives all of these texts, or "".
        """
        if split not in {"", TRAIN}:
            return self._keys(text_hashes, split)
        keys = self._keys(text_hashes, TRAIN)
        if fraction := self.config.output.validation_fraction:
            held_out = text_hashes[:, 1] < np.uint64(math.floor(fraction * 2**64))
            keys = np.where(held_out, self._keys(text_hashes, VALIDATION), keys)
        return keys

    def assign_in(self, group: int, text_hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The shard key of each text of a group."""
        return self._keys(text_hashes, self.locate(self.groups[group].start)[0])

    def _keys(self, text_hashes: NDArray[np.uint64], split: str) -> NDArray[np.int64]:
        """The shard keys of texts of one split."""
        splits = list(self.num_shards)
        first = sum(self.num_shards[name] for name in splits[: splits.index(split)])
        return first + (text_hashes[:, 0] % np.uint64(self.num_shards[split])).astype(np.int64)

    @cached_property
    def metadata(self) -> RowMetadata:
        """The metadata of every shard's schema."""
        return RowMetadata.of(self.config.pairing, self.config.masking, self.vocabulary)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all that determines the bytes of the shards: settings, tokenizer and input files."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()

    def identity(self) -> dict[str, Any]:
        """What `fingerprint` covers, as JSON."""
        return {
            "metadata": asdict(self.metadata),
            "config": self.config.to_dict(),
            "tokenizer": self.tokenizer_identity,
            "inputs": [list(entry) for entry in self.inputs],
            "given_splits": [list(entry) for entry in self.given_splits],
        }

    def __getstate__(self) -> dict[str, Any]:
        """Pickles the fields and the options of the object stores; cached properties are recomputed."""
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.listed:
            state |= {"inputs": (), "versions": (), "fingerprint": self.fingerprint}
        return {**state, OPTIONS: options.configured()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """See `__getstate__`."""
        options.receive(state.pop(OPTIONS, ()))
        self.__dict__.update(state)
