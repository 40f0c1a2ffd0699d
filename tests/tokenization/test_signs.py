"""Signs of characters, eight at once: the arithmetic on bytes, and texts whose words and chunks end at every place of eight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.compiled import is_compiled
from nspdata.arrays.eights import bytes_before, eight_from, num_bytes
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.fast.signs import ENDS_WORD, IS_SPACE, OTHER, room_for
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter
from tests.tokenization.texts import BUNDLED, assert_same, wordpiece

pytestmark = pytest.mark.skipif(not is_compiled(), reason="numba is not installed, or switched off")


@given(st.binary(max_size=40))
def test_eight_bytes_from_every_place(data: bytes) -> None:
    """The first byte is the lowest; after the end there are at least 16 that end a word and are white space."""
    signs, eights = room_for(len(data))
    signs[: len(data)] = np.frombuffer(data, np.uint8)
    padded = data + bytes([OTHER | IS_SPACE | ENDS_WORD]) * 16
    for at in range(len(data) + 9):
        assert int(eight_from(eights, at)) == int.from_bytes(padded[at : at + 8], "little")


@pytest.mark.parametrize("place", range(9))
def test_bytes_before_the_first_highest_bit(place: int) -> None:
    """Whatever bits follow the first one; 8 bytes without one."""
    for more in range(256):
        bits = sum(0x80 << 8 * byte for byte in range(place, 8) if byte == place or more >> byte & 1)
        mask = np.uint64(bytes_before(np.uint64(bits)))
        assert int(mask) == (1 << 8 * place) - 1
        assert num_bytes(mask) == place


def test_words_and_chunks_of_every_length_and_place() -> None:
    """Words of 1 to 20 letters with marks, accents, marks that are dropped and line ends after them, at every place of eight characters."""
    tokenizer = wordpiece(BUNDLED)
    fast, plain = FastEncoder(Splitter("en"), tokenizer), PlainEncoder(Splitter("en"), tokenizer)
    endings = [
        "",
        " ",
        ".",
        ". A",
        "\u00e9",
        "e\u0301x",
        "\u00ad",
        "\u00ad.",
        "\u0416 b",
        "\n\nC",
        "\u3000d",
        "[SEP]",
        "\u4e2d",
    ]
    texts = [
        "x" * shift + " " + "Abcdefghijklmnopqrst"[:length] + ending
        for shift in range(8)
        for length in range(1, 21)
        for ending in endings
    ]
    assert_same(fast, plain, texts)
    assert_same(fast, plain, texts)
