"""Shards and the manifest that binds them: names, writing, reading, and holding every file to what was written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nspdata.errors import ShardError
from nspdata.files import LocalFiles, join
from nspdata.rows import Rows
from nspdata.schema import VERSION, row_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files import Files
    from nspdata.schema import RowMetadata

MANIFEST = "manifest.json"
STATISTICS = "statistics.json"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a finished dataset directory holds; written last.

    Attributes:
        version: version of the schema and of this file.
        config: every setting, as nested tables.
        config_fingerprint: sha256 of the settings.
        tokenizer: `sha256`, `vocab_size`, `lowercase`.
        inputs: for each input file `name` and `bytes`, sorted by name.
        counts: what was read, dropped, rejected and forced.
        splits: the shards of each split, in order.
    """

    version: int = VERSION
    config: dict[str, Any]
    config_fingerprint: str
    tokenizer: dict[str, Any]
    inputs: list[dict[str, Any]]
    counts: dict[str, Any]
    splits: dict[str, list[ShardEntry]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The manifest as JSON text, the same for equal values."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str | bytes, *, name: str = MANIFEST) -> Manifest:
        """Reads `to_json` back.

        Raises:
            ShardError: the text is no manifest, is of another version, or names a file outside its directory.
        """
        try:
            values = json.loads(text)
            version = values["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise ShardError(f"{name}: not a manifest of nspdata ({error!r})") from error
        if version != VERSION:
            raise ShardError(f"{name}: version {version!r}; this nspdata reads version {VERSION}")
        try:
            splits = {
                split: [ShardEntry(**entry) for entry in entries] for split, entries in values.pop("splits").items()
            }
            manifest = Manifest(**values, splits=splits)
        except (KeyError, TypeError, AttributeError) as error:
            raise ShardError(f"{name}: not a manifest of nspdata ({error})") from error
        for entry in (entry for entries in splits.values() for entry in entries):
            _check_entry(entry, name=name)
        return manifest


def _check_entry(entry: ShardEntry, *, name: str) -> None:
    path = entry.path
    inside = isinstance(path, str) and path and not path.startswith("/") and "\\" not in path and ":" not in path
    if not inside or any(part in {"", ".", ".."} for part in path.split("/")):
        raise ShardError(f"{name}: shard path {path!r} is not a plain path below the dataset directory")
    numbers = (entry.rows, entry.tokens, entry.bytes)
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise ShardError(f"{name}: {path}: rows, tokens and bytes must be whole numbers, not {numbers}")


def shard_name(split: str, shard: int, num_shards: int) -> str:
    """The path of a shard in its dataset directory.

    >>> shard_name("train", 3, 16)
    'train/data-00003-of-00016.arrow'
    """
    return f"{split}/data-{shard:05d}-of-{num_shards:05d}.arrow"


def encode_shard(rows: Rows, schema: pa.Schema) -> bytes:
    """The rows as the bytes of one uncompressed Arrow IPC stream; measured first, so that no buffer must grow."""
    measured, batches = pa.MockOutputStream(), list(rows.to_batches(schema))
    _write_stream(measured, batches, schema)
    buffer = pa.allocate_buffer(measured.size())
    _write_stream(pa.FixedSizeBufferWriter(buffer), batches, schema)
    return memoryview(buffer)  # type: ignore[return-value]


def _write_stream(sink: pa.NativeFile, batches: list[pa.RecordBatch], schema: pa.Schema) -> None:
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_shard(files: Files, directory: str, path: str, rows: Rows, schema: pa.Schema) -> ShardEntry:
    """Writes one shard under its final name and says what was written."""
    data = encode_shard(rows, schema)
    files.write(join(directory, path), data)
    digest = hashlib.sha256(data).hexdigest()
    return ShardEntry(path=path, rows=len(rows), tokens=len(rows.input_ids), bytes=len(data), sha256=digest)


def read_manifest(directory: str | Path, *, files: Files | None = None) -> Manifest:
    """Reads the manifest of a dataset directory.

    Raises:
        ShardError: there is none (the directory is unfinished, or no dataset at all), or it is damaged.
    """
    files = files or LocalFiles()
    path = join(str(directory), MANIFEST)
    if not files.exists(path):
        remedy = (
            "run the same build again: it goes on where it stopped"
            if files.exists(str(directory))
            else "no such directory"
        )
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


def open_shard(directory: str | Path, entry: ShardEntry) -> tuple[pa.Table, RowMetadata]:
    """Memory-maps one shard of a local dataset directory; no row is read.

    A stream that was cut between two batches reads as a whole, shorter one, so size and rows are held to the manifest.

    Raises:
        ShardError: the file is missing, not of the size or the rows that the manifest names, or not a shard.
    """
    path = shard_path(directory, entry)
    return read_shard(pa.memory_map(str(path)), entry, name=str(path))


def shard_path(directory: str | Path, entry: ShardEntry) -> Path:
    """The file of a shard in a local dataset directory, held to the size that the manifest names.

    Raises:
        ShardError: it is missing, or of another size.
    """
    path = Path(directory) / entry.path
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise ShardError(
            f"{path}: missing, though the manifest names it; build again or copy the shard anew"
        ) from error
    if size != entry.bytes:
        raise ShardError(f"{path}: {size} bytes, the manifest says {entry.bytes}; copy the shard anew")
    return path


def read_shard(source: pa.Buffer | pa.NativeFile, entry: ShardEntry, *, name: str) -> tuple[pa.Table, RowMetadata]:
    """Reads the stream of a shard, held to the rows that the manifest names; nothing is copied where the source is mapped.

    Raises:
        ShardError: the stream is not a shard, or not of these rows.
    """
    try:
        with pa.ipc.open_stream(source) as reader:
            metadata = row_metadata(reader.schema, name=name)
            table = reader.read_all()
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise ShardError(f"{name}: not a readable Arrow stream ({error}); copy the shard anew") from error
    if table.num_rows != entry.rows:
        raise ShardError(f"{name}: {table.num_rows} rows, the manifest says {entry.rows}; copy the shard anew")
    return table, metadata


def read_rows(directory: str | Path, entry: ShardEntry) -> Iterator[Rows]:
    """The rows of a shard, one record batch at a time, as views of the memory-mapped file."""
    table, _ = open_shard(directory, entry)
    for batch in table.to_batches():
        yield Rows.from_batch(batch)


def file_sha256(path: str | Path) -> str:
    """The sha256 of a local file, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
