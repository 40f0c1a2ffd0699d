"""A sample of the input: spread over all of it, of about the size asked for, the same each time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nspdata.config.input import InputConfig
from nspdata.errors import InputError
from nspdata.files.local import LocalFiles
from nspdata.reading import expand_inputs, sample_documents
from tests.reading.formats import COMPRESSIONS, jsonl


def plant(directory: Path, num_files: int, documents_a_file: int, compression: str = "") -> Path:
    """Files of documents that say where they stand, of about 130 bytes each."""
    directory.mkdir(parents=True)
    source = random.Random(0)
    for file in range(num_files):
        documents = [
            (f"{file}-{index}", f"{file} {index} {source.randbytes(60).hex()}") for index in range(documents_a_file)
        ]
        path = directory / f"{file:03d}.jsonl{compression}"
        path.write_bytes(COMPRESSIONS[compression](jsonl(documents)))
    return directory


def sample(*inputs: Path, sample_bytes: int, text_field: str = "text") -> list[str]:
    files = LocalFiles()
    sources = expand_inputs([str(path) for path in inputs], files)
    return list(sample_documents(sources, files, InputConfig(text_field=text_field), sample_bytes=sample_bytes))


def test_a_small_input_is_taken_whole(tmp_path: Path) -> None:
    """The sample of a small input is the whole input, in order."""
    found = sample(plant(tmp_path / "in", 3, 10), sample_bytes=1 << 20)
    assert [text.split()[:2] for text in found] == [[str(file), str(index)] for file in range(3) for index in range(10)]


@pytest.mark.parametrize("compression", ["", ".gz"])
@pytest.mark.parametrize(("num_files", "documents_a_file"), [(100, 100), (1, 20_000)])
def test_a_sample_is_spread_and_of_its_size(
    num_files: int, documents_a_file: int, compression: str, tmp_path: Path
) -> None:
    """From many places, or from the one there is; near the bytes that were asked for."""
    found = sample(plant(tmp_path / "in", num_files, documents_a_file, compression), sample_bytes=400_000)
    size = sum(map(len, found))
    assert 200_000 < size < 480_000
    if not compression or num_files > 1:
        places = {(int(text.split()[0]), int(text.split()[1]) // 1000) for text in found}
        assert len(places) >= 4
    assert len(set(found)) == len(found)


def test_the_order_and_the_place_of_files_make_no_difference(tmp_path: Path) -> None:
    """The same sample from another directory, and from the same files named in another order."""
    one, other = plant(tmp_path / "one", 40, 100), plant(tmp_path / "deep" / "other", 40, 100)
    found = sample(one, sample_bytes=200_000)
    assert sample(other, sample_bytes=200_000) == found
    assert sample(*sorted(other.iterdir(), reverse=True), sample_bytes=200_000) == found


def test_an_input_of_bad_records_only_says_why(tmp_path: Path) -> None:
    """The error has the most frequent reason, the first record, and the flag that may fix it."""
    with pytest.raises(InputError, match=r"no text field.*--text-field"):
        sample(plant(tmp_path / "in", 2, 10), sample_bytes=1000, text_field="body")
