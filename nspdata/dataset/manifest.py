"""The manifest of a dataset directory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from nspdata.dataset.schema import SCHEMA_VERSION
from nspdata.errors import ShardError
from nspdata.files.any import AnyFiles
from nspdata.files.checked_json import (
    BOOLEAN,
    COUNT,
    INTEGER,
    OBJECT,
    SHA256,
    TEXT,
    check,
    exactly,
    list_of,
    map_of,
    one_of,
    parse,
    record,
)
from nspdata.files.local import join
from nspdata.files.swap import settle

if TYPE_CHECKING:
    from pathlib import Path

    from nspdata.files.local import Files

MANIFEST = "manifest.json"

STATISTICS = "statistics.json"

VOCABULARY = "tokenizer/vocab.txt"
"""The tokens of a dataset, one per line."""

FILE = exactly({"path": TEXT, "rows": COUNT, "tokens": COUNT, "bytes": COUNT, "sha256": SHA256})
"""A shard in a manifest; see `ShardEntry`."""

SCHEMA = exactly(
    {
        "version": INTEGER,
        "config": OBJECT,
        "config_fingerprint": TEXT,
        "tokenizer": record({"sha256": SHA256, "vocab_size": COUNT}, {"lowercase": BOOLEAN, "strip_accents": BOOLEAN}),
        "inputs": list_of(record({"name": TEXT, "bytes": COUNT})),
        "counts": record({}, {"read": map_of(one_of(COUNT, map_of(COUNT))), "built": map_of(COUNT)}),
        "splits": map_of(list_of(FILE)),
    }
)
"""What every reader needs of a manifest; `schemas/manifest.schema.json` is stricter about settings."""


SPLITS = ("train", "validation", "test")
"""The order of splits; JSON sorts them by name."""

OWNED = (
    MANIFEST,
    STATISTICS,
    "README.md",
    "croissant.json",
    "dataset_dict.json",
    "report.html",
    "tokenizer",
    "rejected",
    *SPLITS,
)
"""Names that a build or an import replaces in a dataset directory; it removes nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEntry:
    """A shard as the manifest names it.

    Attributes:
        path: relative to the dataset directory, such as `train/data-00000-of-00016.arrow`.
        rows: rows in it.
        tokens: tokens in it, [CLS] and [SEP] included.
        bytes: size of the file.
        sha256: of the file, hexadecimal.
    """

    path: str
    rows: int
    tokens: int
    bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """The attributes; ten times as fast as `dataclasses.asdict`, for there may be very many entries."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a finished dataset directory holds; written last.

    Attributes:
        version: version of the schema and of this file.
        config: every setting, as nested tables.
        config_fingerprint: sha256 of the settings.
        tokenizer: `sha256`, `vocab_size`, `lowercase`.
        inputs: for each input file `name`, `bytes` and `content` (the hash of its bytes, see `nspdata.reading.content`), sorted
            by name.
        counts: what was read, dropped, rejected and forced.
        splits: the shards of each split, in order.
    """

    version: int = SCHEMA_VERSION
    config: dict[str, Any]
    config_fingerprint: str
    tokenizer: dict[str, Any]
    inputs: list[dict[str, Any]]
    counts: dict[str, Any]
    splits: dict[str, list[ShardEntry]] = field(default_factory=dict)

    @property
    def imported(self) -> bool:
        """Whether another program made the rows: their build and their documents are unknown."""
        return bool(self.counts.get("read", {}).get("imported"))

    def to_json(self) -> str:
        """The manifest as JSON text, the same for equal values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["splits"] = {split: [entry.to_dict() for entry in entries] for split, entries in self.splits.items()}
        return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str | bytes, *, name: str = MANIFEST) -> Manifest:
        """Reads `to_json` back.

        Raises:
            ShardError: the text is no manifest, is of another version, or names a file outside its directory.
        """
        title = f"{name}: not a manifest of nspdata"
        values = parse(text, name=title, schema=record({"version": INTEGER}))
        if "export" in values:
            raise ShardError(
                f"{name}: this directory is an export for other training loops, not a dataset; use the dataset it was made from, "
                "or make one of it with nspdata import (tfrecord, csv)"
            )
        if values["version"] != SCHEMA_VERSION:
            raise ShardError(f"{name}: version {values['version']}; this nspdata reads version {SCHEMA_VERSION}")
        check(values, SCHEMA, name=title)
        found = values.pop("splits")
        ordered = sorted(
            found, key=lambda split: (split not in SPLITS, SPLITS.index(split) if split in SPLITS else 0, split)
        )
        splits = {split: [ShardEntry(**entry) for entry in found[split]] for split in ordered}
        manifest = Manifest(**values, splits=splits)
        for entry in (entry for entries in splits.values() for entry in entries):
            _check_entry(entry, name=name)
        return manifest


def _check_entry(entry: ShardEntry, *, name: str) -> None:
    path = entry.path
    inside = path and not path.startswith("/") and "\\" not in path and ":" not in path
    if not inside or any(part in {"", ".", ".."} for part in path.split("/")):
        raise ShardError(f"{name}: shard path {path!r} is not a plain path below the dataset directory")


def shard_name(split: str, shard: int, num_shards: int) -> str:
    """The path of a shard in its dataset directory.

    >>> shard_name("train", 3, 16)
    'train/data-00003-of-00016.arrow'
    """
    return f"{split}/data-{shard:05d}-of-{num_shards:05d}.arrow"


def read_manifest(directory: str | Path, *, files: Files | None = None) -> Manifest:
    """Reads the manifest of a dataset directory; if a new dataset was being put in place, that is completed first.

    Raises:
        ShardError: there is none (the directory is unfinished, or no dataset at all), or it is damaged.
    """
    files = files or AnyFiles()
    settle(str(directory), files)
    path = join(str(directory), MANIFEST)
    if not files.exists(path):
        remedy = "run the same build again to resume it" if files.exists(str(directory)) else "no such directory"
        raise ShardError(f"{directory}: no {MANIFEST}, so this is not a finished dataset ({remedy})")
    with files.open(path) as stream:
        return Manifest.from_json(stream.read(), name=path)


def split_entries(manifest: Manifest, split: str) -> list[ShardEntry]:
    """The shards of a split.

    Raises:
        ShardError: there is no such split.
    """
    if split not in manifest.splits:
        raise ShardError(f"no split {split!r} in this dataset; it has {', '.join(sorted(manifest.splits))}")
    return manifest.splits[split]
