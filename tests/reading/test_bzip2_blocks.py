"""bzip2 in threads gives the bytes, and the errors, of the plain decompressor."""

from __future__ import annotations

import bz2
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.files.local import LocalFiles
from nspdata.reading import Source, bzip2_blocks
from nspdata.reading.bzip2_blocks import UnexpectedStreamError, decompressed_blocks
from nspdata.reading.compression import CutShortError, blocks

TEXT = b"".join(b"%d lines of text, %d words. " % (n, n * n % 1013) for n in range(60_000))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of any size are decompressed in three threads, and read in pieces that cut blocks and marks."""
    monkeypatch.setattr(bzip2_blocks, "LEAST_BYTES", 0)
    monkeypatch.setattr(bzip2_blocks, "READ_BYTES", 10_007)
    monkeypatch.setattr(bzip2_blocks, "num_threads", lambda: 3)


def write(path: Path, data: bytes) -> Source:
    """A file with this content."""
    path.write_bytes(data)
    return Source(path=str(path), name=path.name, format="text_line", compression="bzip2", size_bytes=len(data))


def outcome(source: Source) -> tuple[bytes, str]:
    """What is decompressed, and the error after it."""
    found = []
    try:
        found.extend(blocks(source, LocalFiles()))
    except CutShortError as error:
        return b"".join(found), f"{error} {error.read_bytes}"
    return b"".join(found), ""


def plain(source: Source, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, str]:
    """`outcome` without threads."""
    with monkeypatch.context() as patch:
        patch.setattr(bzip2_blocks, "num_threads", lambda: 1)
        return outcome(source)


STREAMS = {
    "one stream": bz2.compress(TEXT),
    "small blocks": bz2.compress(TEXT, 1),
    "several streams": bz2.compress(TEXT, 1) + bz2.compress(b"") + bz2.compress(b"more") + bz2.compress(TEXT, 2),
    "padded": bz2.compress(TEXT, 1) + bytes(5000) + bz2.compress(TEXT[:70_000], 3) + bytes(512),
    "nothing": bz2.compress(b""),
}


@pytest.mark.parametrize("name", STREAMS)
def test_the_blocks_are_the_text(tmp_path: Path, name: str) -> None:
    """In order, all of them, without the plain decompressor; one stream of small blocks has many."""
    path = tmp_path / "a.bz2"
    path.write_bytes(STREAMS[name])
    with path.open("rb") as stream:
        found = list(decompressed_blocks(stream))
    text = {"several streams": TEXT + b"more" + TEXT, "padded": TEXT + TEXT[:70_000], "nothing": b""}.get(name, TEXT)
    assert b"".join(found) == text
    assert len(found) > 10 or name != "small blocks"


@pytest.mark.parametrize("name", STREAMS)
def test_the_same_as_the_plain_decompressor(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole files."""
    source = write(tmp_path / "a.bz2", STREAMS[name])
    assert outcome(source) == plain(source, monkeypatch)


@pytest.mark.parametrize("place", [0.0, 0.001, 0.3, 0.55, 0.9, 0.99999])
@pytest.mark.parametrize("how", ["cut", "changed", "zeros"])
def test_damage_gives_the_same_error(tmp_path: Path, place: float, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of the plain decompressor, and at least its text: of damaged blocks, it loses those before them that it read with them."""
    data = bytearray(STREAMS["small blocks"])
    at = int(place * len(data))
    if how == "cut":
        del data[at:]
    else:
        data[at : at + 40] = bytes(40) if how == "zeros" else bytes(byte ^ 0x55 for byte in data[at : at + 40])
    source = write(tmp_path / "a.bz2", bytes(data))
    (found, message), (expected, expected_message) = outcome(source), plain(source, monkeypatch)
    assert TEXT.startswith(found)
    assert len(found) >= len(expected)
    assert message == expected_message
    assert message or not data


@given(seed=st.integers(0, 10_000), size=st.integers(0, 3000))
def test_text_that_is_hard_to_compress(tmp_path_factory: pytest.TempPathFactory, seed: int, size: int) -> None:
    """Random bytes, and the marks themselves, which are text here."""
    chosen = random.Random(seed)
    text = bzip2_blocks.BLOCK.to_bytes(6, "big") + chosen.randbytes(size) + bzip2_blocks.END.to_bytes(6, "big")
    path = tmp_path_factory.mktemp("bzip2") / "a.bz2"
    path.write_bytes(bz2.compress(text) + bz2.compress(text[::-1], 1))
    with path.open("rb") as stream:
        assert b"".join(decompressed_blocks(stream)) == text + text[::-1]


def test_a_wrong_checksum_of_the_stream_is_found(tmp_path: Path) -> None:
    """Each block is right, but one is missing."""
    data = bytearray(bz2.compress(b"text"))
    data[-2] ^= 0x10  # in the checksum of the stream, which ends with up to seven bits of padding
    path = tmp_path / "a.bz2"
    path.write_bytes(data)
    with path.open("rb") as stream, pytest.raises(UnexpectedStreamError):
        list(decompressed_blocks(stream))


def test_few_blocks_are_decompressed_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks at the beginning of a file does not wait for much more, and the threads end."""
    calls = []
    decompress = bzip2_blocks._decompressed
    monkeypatch.setattr(bzip2_blocks, "_decompressed", lambda *block: (calls.append(1), decompress(*block))[1])
    source = write(tmp_path / "a.bz2", STREAMS["small blocks"])
    reading = blocks(source, LocalFiles())
    assert TEXT.startswith(next(reading))
    assert len(calls) == 1
    reading.close()
