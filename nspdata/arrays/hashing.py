"""Hashes of document ids and texts: xxh3, the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xxhash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def document_hash(document_id: str) -> int:
    """xxh3-64, seed 0, of the UTF-8 document id: the value of `document_a` and `document_b`."""
    return xxhash.xxh3_64_intdigest(document_id.encode())


def document_hashes(document_ids: Sequence[str]) -> NDArray[np.uint64]:
    """`document_hash` of each: shape (n,), uint64."""
    return np.array([xxhash.xxh3_64_intdigest(name.encode()) for name in document_ids], np.uint64)


def text_hashes(texts: Sequence[bytes | bytearray]) -> NDArray[np.uint64]:
    """xxh3-128, seed 0, of each UTF-8 text: shape (n, 2), uint64, high word first; equal texts only have equal hashes."""
    digests = b"".join(xxhash.xxh3_128_digest(text) for text in texts)
    return np.frombuffer(digests, ">u8").reshape(-1, 2).astype(np.uint64)
