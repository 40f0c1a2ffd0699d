"""TFRecord files of `tf.train.Example` with the features of Google's `create_pretraining_data.py`, written without TensorFlow.

A record is its length (uint64), a checksum of the length, the bytes, a checksum of the bytes. The checksum is CRC-32C, rotated and
shifted so that a checksum of data that has checksums in it stays useful.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.ragged import offsets as offsets_of
from nspdata.errors import ConfigError
from nspdata.exporting.batches import TRACE, padded_for_google

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from nspdata.exporting.files import NewFile
    from nspdata.exporting.options import Context
    from nspdata.instances.rows import Rows

SUFFIX = "tfrecord"

INT64_LIST, FLOAT_LIST = 3, 2
"""Field numbers of the two kinds of lists in `tf.train.Feature`."""


def write(batches: Iterable[Rows], context: Context, new_file: NewFile) -> None:
    """Writes one file."""
    checksum = crc32c()
    with new_file() as file:
        for rows in batches:
            for example in examples(rows, context):
                length = struct.pack("<Q", len(example))
                file.write(length)
                file.write(struct.pack("<I", masked(checksum(length))))
                file.write(example)
                file.write(struct.pack("<I", masked(checksum(example))))
            file.add(rows=len(rows), tokens=len(rows.input_ids))


def crc32c() -> Callable[[bytes], int]:
    """The function that computes CRC-32C.

    Raises:
        ConfigError: google-crc32c is not installed.
    """
    try:
        import google_crc32c
    except ImportError as error:
        raise ConfigError("TFRecord files need google-crc32c; pip install 'nspdata[tfrecord]'") from error
    return google_crc32c.value  # type: ignore[no-any-return]


def masked(checksum: int) -> int:
    """The checksum as it is stored.

    >>> hex(masked(0x12345678))
    '0x4f730f40'
    """
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def examples(rows: Rows, context: Context) -> Iterator[bytes]:
    """One serialized `tf.train.Example` per row, every list padded as Google's are."""
    batch = padded_for_google(rows, context)
    batch["next_sentence_labels"] = batch["next_sentence_labels"][:, None]
    if context.options.trace:
        batch |= {name: getattr(rows, name)[:, None] for name in TRACE}
    features = [_features(name, values) for name, values in sorted(batch.items())]
    for parts in zip(*features, strict=True):
        body = b"".join(parts)
        yield b"\x0a" + _varint(len(body)) + body


def _features(name: str, values: NDArray[Any]) -> Iterator[bytes]:
    """An entry of the map of features for each row, shape (num_rows, width)."""
    floats = values.dtype.kind == "f"
    kind = bytes([(FLOAT_LIST if floats else INT64_LIST) << 3 | 2])
    head = b"\x0a" + _varint(len(name)) + name.encode() + b"\x12"
    for payload in _float_payloads(values) if floats else _varint_payloads(values):
        items = b"\x0a" + _varint(len(payload)) + payload
        feature = kind + _varint(len(items)) + items
        body = head + _varint(len(feature)) + feature
        yield b"\x0a" + _varint(len(body)) + body


def _float_payloads(values: NDArray[Any]) -> Iterator[bytes]:
    for row in values.astype("<f4"):
        yield row.tobytes()


def _varint_payloads(values: NDArray[Any]) -> Iterator[bytes]:
    """The varints of each row, concatenated; a value is an unsigned integer of 64 bits."""
    num_rows, width = values.shape
    data, lengths = varints(values.reshape(-1))
    ends = offsets_of(lengths)[::width] if width else np.zeros(num_rows + 1, np.int64)
    buffer = data.tobytes()
    for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        yield buffer[begin:end]


def varints(values: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Varints of 7 bits per byte, least significant first, concatenated, and the bytes of each.

    >>> data, lengths = varints(np.array([1, 300]))
    >>> data.tobytes().hex(), lengths.tolist()
    ('01ac02', [1, 2])
    """
    left = values.astype(np.uint64)
    lengths = np.ones(len(left), np.int64)
    for bits in range(7, 64, 7):
        longer = left >= np.uint64(1 << bits)
        if not longer.any():
            break
        lengths += longer
    starts = offsets_of(lengths)
    out = np.empty(int(starts[-1]), np.uint8)
    for number in range(int(lengths.max(initial=0))):
        there = lengths > number
        byte = (left[there] >> np.uint64(7 * number)).astype(np.uint8) & 0x7F
        out[starts[:-1][there] + number] = byte | ((lengths[there] > number + 1) * np.uint8(0x80))
    return out, lengths


@cache
def _varint(value: int) -> bytes:
    return varints(np.array([value]))[0].tobytes()
