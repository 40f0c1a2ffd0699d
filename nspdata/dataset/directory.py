"""A dataset directory: manifest, vocabulary and metadata, read and checked once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from nspdata.config.build import Config, MaskingConfig
from nspdata.config.parsing import from_dict
from nspdata.dataset.manifest import read_manifest, split_entries
from nspdata.dataset.schema import RowMetadata
from nspdata.dataset.shards import file_sha256, shard_path
from nspdata.errors import ConfigError, ShardError
from nspdata.tokenization.vocabulary import Vocabulary

if TYPE_CHECKING:
    from nspdata.dataset.manifest import Manifest, ShardEntry


class Store(Protocol):
    """A dataset directory, on this machine or elsewhere."""

    name: str

    def manifest(self) -> Manifest:
        """The manifest; ShardError where there is none."""
        ...

    def vocabulary(self) -> str:
        """The text of `tokenizer/vocab.txt`; ShardError where there is none."""
        ...

    def check(self, entries: list[ShardEntry]) -> None:
        """Looks for every shard as far as that is cheap; ShardError names the first that is wrong."""
        ...

    def open(self, entry: ShardEntry) -> BinaryIO:
        """The shard as a local file of the right size; ShardError where it cannot be had."""
        ...

    def ahead(self, entries: list[ShardEntry]) -> None:
        """Says which shards will be fetched next."""
        ...


class LocalStore:
    """A directory on this machine."""

    def __init__(self, directory: str | Path, *, verify: bool = False) -> None:
        """Nothing is read yet; `verify` holds each shard to its sha256 when it is first opened."""
        self.name = str(directory)
        self._verify = verify
        self._verified: set[str] = set()

    def manifest(self) -> Manifest:
        """See `Store.manifest`."""
        return read_manifest(self.name)

    def vocabulary(self) -> str:
        """See `Store.vocabulary`."""
        path = Path(self.name) / "tokenizer" / "vocab.txt"
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise ShardError(f"{path}: cannot be read ({error.strerror}); copy the whole dataset directory") from error

    def check(self, entries: list[ShardEntry]) -> None:
        """See `Store.check`."""
        for entry in entries:
            shard_path(self.name, entry)

    def open(self, entry: ShardEntry) -> BinaryIO:
        """See `Store.open`."""
        path = shard_path(self.name, entry)
        if self._verify and entry.path not in self._verified:
            digest = file_sha256(path)
            if digest != entry.sha256:
                raise ShardError(
                    f"{path}: sha256 {digest[:12]}..., the manifest says {entry.sha256[:12]}...; copy the shard anew"
                )
            self._verified.add(entry.path)
        return path.open("rb")

    def ahead(self, entries: list[ShardEntry]) -> None:
        """See `Store.ahead`: the disk needs no notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A shard of a dataset that is being loaded.

    Attributes:
        store: where it is.
        entry: as the manifest names it.
        metadata: what its own must be.
    """

    store: Store
    entry: ShardEntry
    metadata: RowMetadata

    @property
    def name(self) -> str:
        """Its full name, for a person."""
        return f"{self.store.name.rstrip('/')}/{self.entry.path}"

    def open(self) -> BinaryIO:
        """See `Store.open`."""
        return self.store.open(self.entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One split of a dataset directory.

    Attributes:
        name: the directory.
        shards: those of the split, in order.
        metadata: of its rows.
        masking: the settings that its masks were made with.
        vocabulary: of its ids.
        fingerprint: of the split's shards, hexadecimal: another dataset has another one.
    """

    name: str
    shards: list[Shard]
    metadata: RowMetadata
    masking: MaskingConfig
    vocabulary: Vocabulary
    fingerprint: str

    @property
    def shard_rows(self) -> list[int]:
        """Rows of each shard."""
        return [shard.entry.rows for shard in self.shards]


def open_dataset(store: Store, split: str) -> Dataset:
    """Reads what a dataset directory says of itself, and looks for its shards.

    Raises:
        ShardError: it is unfinished, damaged, or its tokenizer is not the one that it was built with.
    """
    manifest = store.manifest()
    try:
        entries = split_entries(manifest, split)
    except ShardError as error:
        raise ShardError(f"{store.name}: {error}") from error
    vocabulary = _vocabulary(store, manifest)
    config = _config(store, manifest)
    metadata = RowMetadata(
        objective=config.pairing.objective,
        max_seq_length=config.pairing.max_seq_length,
        max_predictions_per_seq=config.masking.predictions(config.pairing.max_seq_length),
        vocab_size=len(vocabulary),
        special_ids=vocabulary.special_ids,
        tokenizer_sha256=vocabulary.sha256,
    )
    store.check(entries)
    named = [[entry.path, entry.rows, entry.sha256] for entry in entries]
    return Dataset(
        name=store.name,
        shards=[Shard(store=store, entry=entry, metadata=metadata) for entry in entries],
        metadata=metadata,
        masking=config.masking,
        vocabulary=vocabulary,
        fingerprint=hashlib.sha256(json.dumps([split, vocabulary.sha256, named]).encode()).hexdigest()[:32],
    )


def _vocabulary(store: Store, manifest: Manifest) -> Vocabulary:
    where = f"{store.name.rstrip('/')}/tokenizer/vocab.txt"
    try:
        vocabulary = Vocabulary.parse(store.vocabulary())
    except (ConfigError, UnicodeDecodeError) as error:
        raise ShardError(f"{where}: {error}. Copy the whole dataset directory anew") from error
    expected = str(manifest.tokenizer.get("sha256"))
    if vocabulary.sha256 != expected:
        raise ShardError(
            f"{where}: sha256 {vocabulary.sha256[:12]}..., the manifest says {expected[:12]}...: this is not the tokenizer that the "
            "rows were built with. Copy the whole dataset directory anew"
        )
    return vocabulary


def _config(store: Store, manifest: Manifest) -> Config:
    """The settings that say what the rows are; settings that an older nspdata does not know do not matter here."""
    known = {field.name for field in fields(MaskingConfig)}
    pairing = {key: manifest.config.get("pairing", {}).get(key) for key in ("objective", "max_seq_length")}
    masking = {key: value for key, value in manifest.config.get("masking", {}).items() if key in known}
    try:
        return from_dict(Config, {"pairing": pairing, "masking": masking})
    except ConfigError as error:
        raise ShardError(f"{store.name.rstrip('/')}/manifest.json: its settings are damaged: {error}") from error


def read_vocabulary(directory: str | Path) -> Vocabulary:
    """The vocabulary of a dataset directory.

    Raises:
        ShardError: it is not there, or not the one that the manifest names.
    """
    path, expected = Path(directory) / "tokenizer" / "vocab.txt", read_manifest(directory).tokenizer["sha256"]
    if not path.exists():
        raise ShardError(f"{path}: missing; copy the dataset directory anew")
    vocabulary = Vocabulary.read(path)
    if vocabulary.sha256 != expected:
        raise ShardError(
            f"{path}: sha256 {vocabulary.sha256[:12]}..., the manifest says {expected[:12]}...; ids would be read as other "
            "tokens, copy the dataset directory anew"
        )
    return vocabulary
