"""Writes and reads shards, and compares each file with its entry in the manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from nspdata.dataset.manifest import ShardEntry
from nspdata.dataset.schema import row_metadata
from nspdata.errors import ShardError
from nspdata.files.local import join
from nspdata.instances.rows import Rows, record_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nspdata.dataset.schema import RowMetadata
    from nspdata.files.growing import GrowingFile
    from nspdata.files.local import Files


OPTIONS = pa.ipc.IpcWriteOptions()
"""The options of Arrow streams; without them pyarrow asks the environment for each stream."""

BUFFER_BYTES = 1 << 16
"""Small writes of `pyarrow` are collected: a batch has a dozen."""


class _Output:
    """A file for `pyarrow` that hashes what it writes.

    Attributes:
        bytes: number of bytes written.
        sha256: of these bytes.
    """

    closed = False

    def __init__(self, file: GrowingFile) -> None:
        self._file, self.bytes, self.sha256 = file, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._file.write(memoryview(data))
        self.sha256.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def start_shard(
    files: Files, directory: str, path: str, parts: Iterable[Rows], schema: pa.Schema
) -> tuple[GrowingFile, ShardEntry]:
    """Like `write_shard`, but the caller finishes the file, or discards it."""
    file = files.create(join(directory, path))
    output = _Output(file)
    try:
        with pa.BufferedOutputStream(pa.PythonFile(output, "w"), BUFFER_BYTES) as sink:
            num_rows, num_tokens = _write_stream(sink, parts, schema)
    except BaseException:
        file.discard()
        raise
    return file, ShardEntry(
        path=path, rows=num_rows, tokens=num_tokens, bytes=output.bytes, sha256=output.sha256.hexdigest()
    )


def write_shard(files: Files, directory: str, path: str, parts: Iterable[Rows], schema: pa.Schema) -> ShardEntry:
    """Writes one shard under its final name, as one uncompressed Arrow IPC stream; returns its entry for the manifest.

    Args:
        files: where it is written.
        directory: the dataset directory.
        path: the path of the shard in it.
        parts: the rows; one part at a time is in memory.
        schema: of the rows.
    """
    file, entry = start_shard(files, directory, path, parts, schema)
    try:
        file.finish()
    finally:
        file.discard()
    return entry


def encode_shard(rows: Rows, schema: pa.Schema) -> pa.Buffer:
    """The bytes of the shard of these rows."""
    sink = pa.BufferOutputStream()
    _write_stream(sink, [rows], schema)
    return sink.getvalue()


def _write_stream(sink: pa.NativeFile, parts: Iterable[Rows], schema: pa.Schema) -> tuple[int, int]:
    num_rows = num_tokens = 0
    with pa.ipc.new_stream(sink, schema, options=OPTIONS) as writer:
        for batch in record_batches(parts, schema):
            writer.write_batch(batch)
            num_rows += batch.num_rows
            num_tokens += len(batch["input_ids"].values)
    return num_rows, num_tokens


def open_shard(directory: str | Path, entry: ShardEntry) -> tuple[pa.Table, RowMetadata]:
    """Memory-maps one shard of a local dataset directory; no row is read.

    A stream that was cut between two batches reads as a complete, shorter one, so size and rows are compared with the manifest.

    Raises:
        ShardError: the file is missing, not of the size or the rows that the manifest names, or not a shard.
    """
    path = shard_path(directory, entry)
    return read_shard(pa.memory_map(str(path)), entry, name=str(path))


def shard_path(directory: str | Path, entry: ShardEntry) -> Path:
    """The file of a shard in a local dataset directory, checked for the size that the manifest names.

    Raises:
        ShardError: it is missing, or of another size.
    """
    path = Path(directory) / entry.path
    if path.is_symlink() and not path.resolve().is_relative_to(Path(directory).resolve()):
        raise ShardError(
            f"{path}: a symbolic link to {path.resolve()}, outside of the dataset directory; copy the files themselves (cp -rL)"
        )
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise ShardError(
            f"{path}: missing, though the manifest names it; build again or copy the shard again"
        ) from error
    if size != entry.bytes:
        raise ShardError(f"{path}: {size} bytes, the manifest says {entry.bytes}; copy the shard again")
    return path


def read_shard(source: pa.Buffer | pa.NativeFile, entry: ShardEntry, *, name: str) -> tuple[pa.Table, RowMetadata]:
    """Reads the stream of a shard, checked for the rows that the manifest names; nothing is copied if the source is mapped.

    Raises:
        ShardError: the stream is not a shard, or not of these rows.
    """
    try:
        with pa.ipc.open_stream(source) as reader:
            metadata = row_metadata(reader.schema, name=name)
            table = reader.read_all()
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise ShardError(f"{name}: not a readable Arrow stream ({error}); copy the shard again") from error
    if table.num_rows != entry.rows:
        raise ShardError(f"{name}: {table.num_rows} rows, the manifest says {entry.rows}; copy the shard again")
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
