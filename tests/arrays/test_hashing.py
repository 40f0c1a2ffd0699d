"""Hashes of document ids and texts: xxh3, the same on every machine and in every version."""

from __future__ import annotations

import numpy as np
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.hashing import document_hash, document_hashes, text_hashes


def test_the_hashes_are_those_of_xxh3() -> None:
    """Goldens: the empty string's hashes as the specification gives them, and one of a text that is not ASCII."""
    assert document_hash("") == 0x2D06800538D394C2
    assert text_hashes([b""]).tolist() == [[0x99AA06D3014798D8, 0x6001C324468D497F]]
    assert document_hash("inaugural/1789-Washington") == xxhash.xxh3_64_intdigest(b"inaugural/1789-Washington")
    assert document_hash("ü") == xxhash.xxh3_64_intdigest("ü".encode())


@given(names=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_many_are_hashed_as_one_is(names: list[str]) -> None:
    """Hashes are in the order of the names; equal names have equal hashes, different names have different ones."""
    found = document_hashes(names)
    assert found.dtype == np.uint64
    assert found.tolist() == [document_hash(name) for name in names]
    assert len(set(found.tolist())) == len(set(names))


@given(texts=st.lists(st.binary(max_size=300), max_size=8))
def test_texts_are_hashed_with_the_high_word_first(texts: list[bytes]) -> None:
    """A text hash is two 64-bit words, the high word first."""
    found = text_hashes(texts)
    assert (found.shape, str(found.dtype)) == ((len(texts), 2), "uint64")
    assert [(high << 64) | low for high, low in found.tolist()] == [xxhash.xxh3_128_intdigest(text) for text in texts]
