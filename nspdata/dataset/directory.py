"""A dataset directory: manifest, vocabulary and metadata, read and checked once."""

from __future__ import annotations

import hashlib
import json
import mmap
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from nspdata.config.build import Config, MaskingConfig
from nspdata.config.parsing import from_dict
from nspdata.dataset.manifest import VOCABULARY, split_entries
from nspdata.dataset.schema import SAME_DOCUMENT, RowMetadata
from nspdata.dataset.shards import read_shard
from nspdata.dataset.stores import open_store
from nspdata.errors import ConfigError, ShardError
from nspdata.instances.rows import Rows
from nspdata.tokenization.vocabulary import TOKENIZER_FILES, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.dataset.local import Store
    from nspdata.dataset.manifest import Manifest, ShardEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A shard of an open dataset.

    Attributes:
        store: where it is stored.
        entry: its entry in the manifest.
        metadata: the metadata that its schema must have.
    """

    store: Store
    entry: ShardEntry
    metadata: RowMetadata

    @property
    def name(self) -> str:
        """The full path, for messages."""
        return f"{self.store.name.rstrip('/')}/{self.entry.path}"

    def open(self) -> BinaryIO:
        """See `Store.open`."""
        return self.store.open(self.entry)

    def table(self) -> pa.Table:
        """The rows, memory-mapped: nothing is copied.

        Raises:
            ShardError: the file is missing, corrupt, or not what the manifest says.
        """
        if not self.entry.bytes:
            raise ShardError(f"{self.name}: empty; a shard is at least an Arrow schema. Copy the shard again")
        with self.open() as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return read_shard(pa.py_buffer(mapped), self.entry, name=self.name)[0]

    def batches(self) -> Iterator[Rows]:
        """The rows, one record batch at a time, as views of the mapped file."""
        for batch in self.table().to_batches():
            yield Rows.from_batch(batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split of a dataset, as the loader reads it.

    Attributes:
        name: path or URL of the dataset directory.
        shards: the shards of the split, in order.
        metadata: what the rows have in common.
        masking: the settings of the stored masks.
        vocabulary: the tokens by id.
        fingerprint: hexadecimal hash of the split's shards and vocabulary.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSize:
    """The size of a split.

    Attributes:
        shards: number of files.
        rows: number of rows.
        tokens: number of tokens, [CLS] and [SEP] included.
        bytes: size of the files.
    """

    shards: int
    rows: int
    tokens: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Directory:
    """A finished dataset directory: manifest, vocabulary and metadata, read and checked once.

    Attributes:
        store: where it is stored.
        manifest: the parsed `manifest.json`.
        vocabulary: the parsed `tokenizer/vocab.txt`, which is the one that the manifest names.
        metadata: what the rows have in common.
        masking: the settings of the stored masks.
    """

    store: Store
    manifest: Manifest
    vocabulary: Vocabulary
    metadata: RowMetadata
    masking: MaskingConfig

    @property
    def name(self) -> str:
        """The path or URL."""
        return self.store.name

    @cached_property
    def config(self) -> Config:
        """Every setting of the build.

        Raises:
            ShardError: the settings are not those of this version of nspdata.
        """
        try:
            return from_dict(Config, self.manifest.config)
        except ConfigError as error:
            raise _bad_settings(self.store, error) from error

    def tokenizer_files(self) -> dict[str, bytes]:
        """The content of the files of the tokenizer, by name."""
        found = {name: self.store.read(f"tokenizer/{name}") for name in TOKENIZER_FILES}
        return {name: content for name, content in found.items() if content is not None}

    @property
    def sizes(self) -> dict[str, SplitSize]:
        """The size of each split, by its name."""
        return {
            name: SplitSize(
                shards=len(entries),
                rows=sum(entry.rows for entry in entries),
                tokens=sum(entry.tokens for entry in entries),
                bytes=sum(entry.bytes for entry in entries),
            )
            for name, entries in self.manifest.splits.items()
        }

    def shards(self, split: str | None = None) -> list[Shard]:
        """The shards of a split, or of all splits in the order of their names.

        Raises:
            ShardError: there is no such split.
        """
        if split is None:
            entries = [entry for _, part in sorted(self.manifest.splits.items()) for entry in part]
        else:
            try:
                entries = split_entries(self.manifest, split)
            except ShardError as error:
                raise ShardError(f"{self.name}: {error}") from error
        return [Shard(store=self.store, entry=entry, metadata=self.metadata) for entry in entries]

    def split(self, name: str) -> Split:
        """One split for the loader; checks that its shards exist if the check is cheap.

        Raises:
            ShardError: there is no such split, or a shard is missing.
        """
        shards = self.shards(name)
        self.store.check([shard.entry for shard in shards])
        named = [[shard.entry.path, shard.entry.rows, shard.entry.sha256] for shard in shards]
        return Split(
            name=self.name,
            shards=shards,
            metadata=self.metadata,
            masking=self.masking,
            vocabulary=self.vocabulary,
            fingerprint=hashlib.sha256(json.dumps([name, self.vocabulary.sha256, named]).encode()).hexdigest()[:32],
        )


def open_directory(place: Directory | Store | str | Path) -> Directory:
    """Opens a dataset directory: reads the manifest and the vocabulary and checks them against each other.

    Args:
        place: a local path, a URL, or a store. An open directory is returned as it is.

    Raises:
        ShardError: the dataset is unfinished or corrupt, or the tokenizer is not the one it was built with.

    >>> open_directory("no/such/directory")
    Traceback (most recent call last):
    nspdata.errors.ShardError: no/such/directory: no manifest.json, so this is not a finished dataset (no such directory)
    """
    if isinstance(place, Directory):
        return place
    store = open_store(str(place)) if isinstance(place, str | Path) else place
    manifest = store.manifest()
    vocabulary = _vocabulary(store, manifest)
    config = _row_settings(store, manifest)
    return Directory(
        store=store,
        manifest=manifest,
        vocabulary=vocabulary,
        metadata=RowMetadata.of(config.pairing, config.masking, vocabulary),
        masking=config.masking,
    )


def _vocabulary(store: Store, manifest: Manifest) -> Vocabulary:
    where = f"{store.name.rstrip('/')}/{VOCABULARY}"
    try:
        vocabulary = Vocabulary.parse(store.vocabulary())
    except (ConfigError, UnicodeDecodeError) as error:
        raise ShardError(f"{where}: {error}. Copy the whole dataset directory again") from error
    expected = str(manifest.tokenizer.get("sha256"))
    if vocabulary.sha256 != expected:
        raise ShardError(
            f"{where}: sha256 {vocabulary.sha256[:12]}..., the manifest says {expected[:12]}...: this is not the tokenizer that the "
            "rows were built with. Copy the whole dataset directory again"
        )
    return vocabulary


def _row_settings(store: Store, manifest: Manifest) -> Config:
    """The settings that describe the rows; settings of a newer nspdata are ignored."""
    known = {field.name for field in fields(MaskingConfig)}
    given = manifest.config.get("pairing", {})
    pairing = {key: given.get(key) for key in ("objective", "max_seq_length")}
    if given.get("negatives") == SAME_DOCUMENT:  # of the other values only the build needs to know
        pairing["negatives"] = SAME_DOCUMENT
    masking = {key: value for key, value in manifest.config.get("masking", {}).items() if key in known}
    try:
        return from_dict(Config, {"pairing": pairing, "masking": masking})
    except ConfigError as error:
        raise _bad_settings(store, error) from error


def _bad_settings(store: Store, error: ConfigError) -> ShardError:
    return ShardError(f"{store.name.rstrip('/')}/manifest.json: its settings are corrupt: {error}")
