"""Every write, rename and removal in the cache of remote shards fails, one after the other: never a wrong batch."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.shards import file_sha256
from nspdata.errors import NspdataError
from nspdata.files.disk import Disk
from nspdata.loading import Cache, Loader
from nspdata.testing import FAULTS, FaultyFiles, Stopped
from tests.datasets import write_dataset
from tests.faults import memory, replaced
from tests.loading.rows import assert_same
from tests.loading.servers import FaultyServer

__all__ = ["memory"]


def loader(url: str, directory: Path, most: int, disk: Disk) -> Loader:
    cache = Cache(directory=directory, max_bytes=most, tries=2, back_off_s=0.0, threads=0, disk=disk)
    return Loader(url, cache=cache, batch_size=16, window_rows=20, seed=1)


@pytest.mark.parametrize("every", [len(FAULTS), pytest.param(1, marks=pytest.mark.slow)])
def test_every_fault_of_the_cache(memory: Path, every: int) -> None:
    """A cache of two shards for three; after the fault another process loads with the same cache."""
    data, cache = write_dataset(memory / "data", rows=60, num_shards=3, max_seq_length=16), memory / "cache"
    entries = read_manifest(data).splits["train"]
    most, tried = 2 * max(entry.bytes for entry in entries), 0
    expected = list(Loader(data, batch_size=16, window_rows=20, seed=1))
    with FaultyServer(data).running() as server:
        sound = FaultyFiles()
        assert_same(expected, loader(server.url, cache, most, sound.disk))
        for number, fault in enumerate(FAULTS):
            for step in range(number % every, sound.steps, every):
                replaced(cache, None)
                files = FaultyFiles(fail_at=step, fault=fault)
                with contextlib.suppress(Stopped, OSError, NspdataError):
                    assert_same(expected, loader(server.url, cache, most, files.disk))
                assert_same(expected, loader(server.url, cache, most, Disk()))
                shards = list(cache.glob("??/*.arrow"))
                assert all(file_sha256(path) == path.stem for path in shards), (fault, step)
                tried += 1
    assert tried >= 10 * len(FAULTS) // every
