"""Reads TFRecord files with the features of Google's `create_pretraining_data.py`, without TensorFlow."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from nspdata.errors import InputError
from nspdata.exporting.batches import TRACE
from nspdata.exporting.tfrecord import FLOAT_LIST, INT64_LIST, crc32c, masked
from nspdata.importing.record import Record, length_of_a

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

NEEDED = ("input_ids", "input_mask", "segment_ids", "next_sentence_labels")

MAX_RECORD_BYTES = 1 << 26
"""The largest record that is read."""


def read_records(stream: BinaryIO, name: str) -> Generator[Record]:
    """The rows of a file; one that is gzip-compressed is recognized by its first bytes.

    Raises:
        InputError: a record is cut, altered, or lacks a feature.
    """
    try:
        with _plain(stream) as plain:
            for number, example in enumerate(read_frames(plain, name)):
                where = f"{name}, record {number}"
                yield to_record(features(example, where), where)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{name}: not a whole gzip file ({error}); copy the file again") from error


def read_frames(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """The bytes of each record, compared with their checksums."""
    checksum = crc32c()
    number = 0
    while head := stream.read(12):
        where = f"{name}, record {number}"
        if len(head) < 12 or struct.unpack_from("<I", head, 8)[0] != masked(checksum(head[:8])):
            raise InputError(f"{where}: not a TFRecord file, or corrupt (checksum of the length); copy the file again")
        (length,) = struct.unpack_from("<Q", head)
        if length > MAX_RECORD_BYTES:
            raise InputError(f"{where}: {length:,} bytes; a record has at most {MAX_RECORD_BYTES:,}")
        body = stream.read(length + 4)
        if len(body) < length + 4 or struct.unpack_from("<I", body, length)[0] != masked(checksum(body[:length])):
            raise InputError(f"{where}: cut or corrupt (checksum of the data); copy the file again")
        yield body[:length]
        number += 1


def to_record(found: dict[str, NDArray[np.int64]], where: str) -> Record:
    """The row of an example's features."""
    if missing := [name for name in NEEDED if name not in found]:
        raise InputError(
            f"{where}: no feature {missing[0]}; it has {', '.join(sorted(found)) or 'none'}. The files must be those of "
            "create_pretraining_data.py"
        )
    length = int(found["input_mask"].sum())
    weights = found.get("masked_lm_weights", np.zeros(0, np.int64)) > 0
    empty = np.zeros(0, np.int64)
    origin = tuple(int(found[name][0]) & (1 << 64) - 1 for name in TRACE) if set(TRACE) <= set(found) else None
    return Record(
        where=where,
        ids=found["input_ids"][:length],
        length_a=length_of_a(found["segment_ids"][:length], where),
        label=int(found["next_sentence_labels"][0]) if len(found["next_sentence_labels"]) else -1,
        positions=found.get("masked_lm_positions", empty)[: len(weights)][weights],
        originals=found.get("masked_lm_ids", empty)[: len(weights)][weights],
        width=len(found["input_ids"]),
        origin=cast("tuple[int, int, int, int] | None", origin),
    )


def features(example: bytes, where: str) -> dict[str, NDArray[np.int64]]:
    """The features of a serialized `tf.train.Example`, floats rounded.

    Raises:
        InputError: the bytes are no such message.
    """
    found = {}
    try:
        for entry in (entry for body in fields(example, 1) for entry in fields(body, 1)):
            name = next(fields(entry, 1)).decode()
            for feature in fields(entry, 2):
                found[name] = _values(feature)
    except (IndexError, StopIteration, struct.error, UnicodeDecodeError, ValueError) as error:
        raise InputError(
            f"{where}: not a tf.train.Example; the files must be those of create_pretraining_data.py"
        ) from error
    return found


def fields(message: bytes, wanted: int) -> Iterator[bytes]:
    """The values of a field of a protobuf message, of wire type 2 (bytes, messages, packed lists).

    >>> [value.hex() for value in fields(bytes([0x0A, 2, 7, 8, 0x10, 5]), 1)]
    ['0708']
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 2:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise IndexError(at)
            if tag >> 3 == wanted:
                yield message[at : at + length]
            at += length
        elif kind == 0:
            _, at = _varint(message, at)
        elif kind in {1, 5}:
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(kind)


def _values(feature: bytes) -> NDArray[np.int64]:
    for items in fields(feature, INT64_LIST):
        packed = b"".join(fields(items, 1))
        return varint_values(packed) if packed else _unpacked(items)
    for items in fields(feature, FLOAT_LIST):
        packed = b"".join(fields(items, 1))
        data = packed or b"".join(items[at + 1 : at + 5] for at in range(0, len(items), 5))
        rounded: NDArray[np.int64] = np.rint(np.frombuffer(data, "<f4")).astype(np.int64)
        return rounded
    return np.zeros(0, np.int64)


def _unpacked(items: bytes) -> NDArray[np.int64]:
    """A list that was written value by value."""
    values, at = [], 0
    while at < len(items):
        _, at = _varint(items, at)
        value, at = _varint(items, at)
        values.append(value)
    return np.array(values, np.uint64).astype(np.int64)


def varint_values(data: bytes) -> NDArray[np.int64]:
    """The integers of a packed list.

    >>> varint_values(bytes([1, 0xAC, 2])).tolist()
    [1, 300]
    """
    array = np.frombuffer(data, np.uint8)
    last = np.flatnonzero(array < 0x80)
    if not len(array) or not len(last) or last[-1] != len(array) - 1:
        if len(array):
            raise ValueError(len(array))
        return np.zeros(0, np.int64)
    starts = np.concatenate([[0], last[:-1] + 1])
    shifts = 7 * (np.arange(len(array)) - np.repeat(starts, last - starts + 1))
    parts = (array & 0x7F).astype(np.uint64) << shifts.astype(np.uint64)
    values: NDArray[np.int64] = np.add.reduceat(parts, starts).astype(np.int64)
    return values


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError(shift)


def _plain(stream: BinaryIO) -> BinaryIO:
    compressed = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    return cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if compressed else stream
