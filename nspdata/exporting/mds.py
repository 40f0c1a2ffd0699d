"""MDS, the format of mosaicml-streaming and of the ModernBERT trainers.

A file is: number of samples (uint32), their offsets (uint32, one more than samples), a JSON header, the samples. A sample is
the sizes (uint32) of its columns of variable size, then all columns in the order of their names. An `ndarray:uint16` is one byte
(dimensions and width of the shape), the shape, the values.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.ragged import offsets as offsets_of
from nspdata.arrays.ragged import ragged_indices
from nspdata.exporting.batches import TRACE, flat_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from nspdata.dataset.manifest import ShardEntry
    from nspdata.exporting.files import NewFile
    from nspdata.exporting.options import Context
    from nspdata.instances.rows import Rows

SUFFIX = "mds"

SIZE_LIMIT = 1 << 26
"""Bytes of a file, the default of mosaicml-streaming: a reader downloads files as a whole."""


def columns(context: Context) -> dict[str, str]:
    """The encoding of each column, in the order of their names.

    `input_ids` is an ndarray of uint16 (uint32 if the vocabulary needs it). With masks there are `labels`, -100 where nothing is
    predicted. Scalars are dropped by ModernBERT's loader.
    """
    ids = context.vocabulary.dtype.name
    found = {"input_ids": f"ndarray:{ids}", "token_type_ids": "ndarray:uint8", "next_sentence_label": "uint8"}
    if context.options.masking == "static":
        found["labels"] = "ndarray:int32"
    if context.options.trace:
        found |= {"document_a": "uint64", "document_b": "uint64", "sentence_a": "uint32", "sentence_b": "uint32"}
    return dict(sorted(found.items()))


def write(batches: Iterable[Rows], context: Context, new_file: NewFile) -> None:
    """Writes files of at most `SIZE_LIMIT` bytes; one record batch may exceed it."""
    encodings = columns(context)
    samples: list[NDArray[np.uint8]] = []
    sizes: list[NDArray[np.int64]] = []
    waiting = rows = tokens = 0

    def flush() -> None:
        nonlocal samples, sizes, waiting, rows, tokens
        with new_file() as file:
            for chunk in _framed(np.concatenate(sizes) if sizes else np.zeros(0, np.int64), samples, encodings):
                file.write(chunk)
            file.add(rows=rows, tokens=tokens)
        samples, sizes, waiting, rows, tokens = [], [], 0, 0, 0

    for batch in batches:
        data, lengths = encode(batch, encodings)
        if rows and waiting + len(data) + 4 * len(lengths) > SIZE_LIMIT:
            flush()
        samples.append(data)
        sizes.append(lengths)
        waiting += len(data) + 4 * len(lengths)
        rows += len(batch)
        tokens += len(batch.input_ids)
    flush()


def encode(rows: Rows, encodings: Mapping[str, str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The samples of some rows, concatenated, and the bytes of each, shape (num_rows,)."""
    parts = {name: _column(rows, name, encoding) for name, encoding in encodings.items()}
    head = [lengths for name, (_, lengths) in parts.items() if encodings[name].startswith("ndarray")]
    sizes = sum((lengths for _, lengths in parts.values()), np.full(len(rows), 4 * len(head), np.int64))
    out = np.empty(int(sizes.sum()), np.uint8)
    at = offsets_of(sizes)[:-1]
    for lengths in head:
        _scatter(out, at, lengths.astype("<u4").view(np.uint8), np.full(len(rows), 4, np.int64))
        at = at + 4
    for data, lengths in parts.values():
        _scatter(out, at, data, lengths)
        at = at + lengths
    return out, sizes


def index(entries: Sequence[ShardEntry], context: Context) -> bytes:
    """The `index.json` of a split."""
    encodings = columns(context)
    shards = [
        {
            **_header(encodings),
            "raw_data": {
                "basename": entry.path.rpartition("/")[2],
                "bytes": entry.bytes,
                "hashes": {"sha256": entry.sha256},
            },
            "samples": entry.rows,
            "zip_data": None,
        }
        for entry in entries
    ]
    return json.dumps({"shards": shards, "version": 2}, sort_keys=True).encode()


def _header(encodings: Mapping[str, str]) -> dict[str, Any]:
    sizes = [None if kind.startswith("ndarray") else np.dtype(kind).itemsize for kind in encodings.values()]
    return {
        "column_encodings": list(encodings.values()),
        "column_names": list(encodings),
        "column_sizes": sizes,
        "compression": None,
        "format": "mds",
        "hashes": ["sha256"],
        "size_limit": SIZE_LIMIT,
        "version": 2,
    }


def _framed(
    sizes: NDArray[np.int64], samples: Sequence[NDArray[np.uint8]], encodings: Mapping[str, str]
) -> Iterable[bytes | memoryview]:
    header = json.dumps(_header(encodings), sort_keys=True).encode()
    starts = offsets_of(sizes) + 4 + 4 * (len(sizes) + 1) + len(header)
    yield np.uint32(len(sizes)).tobytes()
    yield starts.astype("<u4").tobytes()
    yield header
    yield from (sample.data for sample in samples)


def _column(rows: Rows, name: str, encoding: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of a column, concatenated, and the bytes of each row."""
    kind = np.dtype(encoding.removeprefix("ndarray:")).newbyteorder("<")
    if name in TRACE or name == "next_sentence_label":
        values = np.ascontiguousarray(getattr(rows, name), kind)
        return values.view(np.uint8), np.full(len(rows), kind.itemsize, np.int64)
    if name == "input_ids":
        flat: NDArray[Any] = rows.input_ids
    else:
        flat = rows.token_type_ids() if name == "token_type_ids" else flat_labels(rows)
    return _ndarrays(np.ascontiguousarray(flat, kind), rows.lengths)


def _ndarrays(values: NDArray[Any], lengths: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """One-dimensional arrays with their shape: a byte for dimensions and width of the shape, then 1 or 2 bytes for the length."""
    wide = lengths >= 1 << 8
    prefix, size = 2 + wide, lengths * values.itemsize
    out = np.empty(int((prefix + size).sum()), np.uint8)
    at = offsets_of(prefix + size)[:-1]
    out[at] = 1 << 2 | wide
    out[at + 1] = lengths & 0xFF
    out[at[wide] + 2] = lengths[wide] >> 8
    _scatter(out, at + prefix, values.view(np.uint8), size)
    return out, prefix + size


def _scatter(
    out: NDArray[np.uint8], at: NDArray[np.int64], data: NDArray[np.uint8], lengths: NDArray[np.int64]
) -> None:
    """Copies runs of bytes, concatenated in `data`, to their places."""
    out[ragged_indices(at, lengths)] = data
