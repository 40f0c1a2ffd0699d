"""Datasets behind URLs: the same batches as from the disk, whatever the network does, through a cache that keeps its bounds."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

from nspdata.dataset.cache import STALE_S
from nspdata.dataset.manifest import read_manifest
from nspdata.errors import ConfigError, ShardError
from nspdata.files.any import remote_files
from nspdata.files.user_cache import user_cache
from nspdata.loading import Cache, Loader, Mixture
from tests.datasets import rewrite_manifest, write_dataset
from tests.loading.rows import assert_same
from tests.loading.servers import FaultyServer

FAULTS = ["", "error", "truncated", "short", "altered", "no ranges"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("remote") / "data", rows=300, num_shards=6, max_seq_length=32)


@pytest.fixture
def server(directory: Path) -> Iterator[FaultyServer]:
    with FaultyServer(directory).running() as running:
        yield running


def cache_in(path: Path, **options: Any) -> Cache:
    return Cache(directory=path / "cache", **{"back_off_s": 0.001, "range_bytes": 3000} | options)


def make(source: Any, **options: Any) -> Loader:
    return Loader(source, **{"batch_size": 16, "window_rows": 50, "seed": 1} | options)


def cached(cache: Cache) -> list[Path]:
    return sorted(Path(cache.directory).glob("??/*"))


def test_batches_are_those_of_the_disk(directory: Path, server: FaultyServer, tmp_path: Path) -> None:
    """A URL gives the batches and the states of the directory behind it; a second epoch asks for nothing."""
    loader, local = make(server.url, cache=cache_in(tmp_path)), make(directory)
    assert_same(local, loader)
    assert loader.state_dict() == local.state_dict()
    asked = sum(server.requests.values())
    for each in (loader, local):
        each.set_epoch(1)
    assert_same(local, loader)
    assert sum(server.requests.values()) == asked


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=st.lists(st.sampled_from(FAULTS), max_size=60), threads=st.integers(0, 2))
def test_whatever_the_network_does(
    directory: Path, tmp_path_factory: pytest.TempPathFactory, faults: list[str], threads: int
) -> None:
    """Failing, short, cut and altered answers are asked for again: all batches come, and never a wrong row."""
    left = iter(faults)
    cache = cache_in(tmp_path_factory.mktemp("faults"), tries=80, threads=threads, back_off_s=0.0)
    with FaultyServer(directory).running() as server:
        server.fault = lambda path, _: next(left, "") if path.endswith(".arrow") else ""
        assert_same(make(directory), make(server.url, cache=cache))
    assert not [path for path in cached(cache) if path.suffix != ".arrow"]


def test_an_answer_that_never_comes(directory: Path, server: FaultyServer, tmp_path: Path) -> None:
    """A request without an answer times out and is retried."""
    server.fault = lambda path, number: "hangs" if number == 1 and path.endswith("00002-of-00006.arrow") else ""
    assert_same(make(directory), make(server.url, cache=cache_in(tmp_path, timeout_s=0.5, threads=0)))


@pytest.mark.parametrize("fault", ["error", "truncated", "short", "altered"])
def test_what_never_gets_better_is_reported(server: FaultyServer, tmp_path: Path, fault: str) -> None:
    """After the last try the error names the shard and what happened; nothing wrong stays in the cache."""
    bad = "train/data-00003-of-00006.arrow"
    server.fault = lambda path, _: fault if path == bad else ""
    cache = cache_in(tmp_path, tries=3)
    with pytest.raises(ShardError, match=f"{server.url}/{bad}: cannot be fetched, tried 3 times"):
        list(make(server.url, cache=cache))
    entries = {entry.sha256: entry for entry in read_manifest(server.directory).splits["train"]}
    assert all(path.read_bytes() == (server.directory / entries[path.stem].path).read_bytes() for path in cached(cache))


def test_what_is_missing_is_reported_at_once(server: FaultyServer, tmp_path: Path) -> None:
    """A missing manifest, vocabulary or shard is not retried."""
    cache = cache_in(tmp_path, threads=0)
    with pytest.raises(ShardError, match=r"nowhere: no manifest\.json"):
        make(f"{server.url}/nowhere", cache=cache)
    other = write_dataset(tmp_path / "other", rows=30, num_shards=2, max_seq_length=32)
    (other / "train" / "data-00001-of-00002.arrow").unlink()
    with FaultyServer(other).running() as holes:
        with pytest.raises(ShardError, match=r"data-00001-of-00002\.arrow: missing"):
            list(make(holes.url, cache=cache))
        assert holes.requests["train/data-00001-of-00002.arrow"] == 1
        (other / "tokenizer" / "vocab.txt").unlink()
        with pytest.raises(ShardError, match=r"tokenizer/vocab\.txt: missing"):
            make(holes.url, cache=cache)


def test_the_cache_is_bounded(directory: Path, server: FaultyServer, tmp_path: Path) -> None:
    """The cache never holds more than it may; shards that had to leave are fetched again, and every batch is right."""
    largest = max(entry.bytes for entry in read_manifest(directory).splits["train"])
    cache = cache_in(tmp_path, max_bytes=2 * largest, threads=1)
    loader = make(server.url, cache=cache)
    for epoch in range(3):
        loader.set_epoch(epoch)
        for batch, expected in zip(loader, make(directory, epoch=epoch), strict=True):
            assert_same([expected], [batch])
            assert sum(path.stat().st_size for path in cached(cache) if path.suffix == ".arrow") <= 2 * largest


def test_the_least_recently_used_leaves(tmp_path: Path, directory: Path) -> None:
    """Room is made by removing what was used longest ago, and parts of interrupted downloads."""
    cache = cache_in(tmp_path, max_bytes=250)
    entries = read_manifest(directory).splits["train"]
    for age, entry in enumerate(entries[:3]):
        cache.path(entry).parent.mkdir(parents=True, exist_ok=True)
        cache.path(entry).write_bytes(bytes(60))
        os.utime(cache.path(entry), (1e9 - age, 1e9 - age))
    stale, fresh = (cache.path(entries[3]).with_name(name) for name in (".stale.part", ".fresh.part"))
    stale.parent.mkdir(parents=True, exist_ok=True)
    for path in (stale, fresh):
        path.write_bytes(bytes(20))
    os.utime(stale, (time.time() - STALE_S - 5,) * 2)
    part = cache.path(entries[4]).with_name(".new.part")
    cache.make_room(part, 150)
    assert [cache.path(entry).exists() for entry in entries[:3]] == [True, False, False]
    assert (stale.exists(), fresh.exists(), part.stat().st_size) == (False, True, 150)


def test_the_part_of_a_killed_process_leaves(tmp_path: Path, directory: Path) -> None:
    """Parts whose lock is free count as room, whatever their age; the part of a running download stays."""
    cache = cache_in(tmp_path, max_bytes=250)
    paths = {cache.path(entry).parent.name: cache.path(entry) for entry in read_manifest(directory).splits["train"]}
    first, second, third = list(paths.values())[:3]
    for path in (first, second):
        path.parent.mkdir(parents=True)
        path.with_name(f".{path.stem}.1.2.part").write_bytes(bytes(100))
    with cache.locked(second.parent.name), cache.locked(third.parent.name):
        cache.make_room(third.with_name(f".{third.stem}.3.4.part"), 150)
    assert not first.with_name(f".{first.stem}.1.2.part").exists()
    assert second.with_name(f".{second.stem}.1.2.part").exists()


def test_a_cache_too_small_is_refused(server: FaultyServer, tmp_path: Path) -> None:
    """A shard that is larger than the cache is reported before anything is fetched."""
    with pytest.raises(ConfigError, match="give it a larger max_bytes"):
        make(server.url, cache=cache_in(tmp_path, max_bytes=100))
    with pytest.raises(ConfigError, match="tries must be 1 or more, not 0"):
        Cache(tries=0)


def test_a_damaged_cache_is_mended(directory: Path, server: FaultyServer, tmp_path: Path) -> None:
    """A file in the cache of another size is fetched again; with `verify`, so is one of other bytes."""
    cache = cache_in(tmp_path)
    list(make(server.url, cache=cache))
    first, second, *_ = cached(cache)
    first.write_bytes(first.read_bytes()[:-8])
    assert_same(make(directory), make(server.url, cache=cache))
    second.write_bytes(second.read_bytes()[:-1] + b"\xff")
    assert_same(make(directory), make(server.url, cache=cache, verify="always"))


def load_all(url: str, cache: Cache, results: Any) -> None:
    results.put(sum(int(batch["input_ids"].sum()) for batch in make(url, cache=cache)))


def test_processes_share_the_cache(directory: Path, server: FaultyServer, tmp_path: Path) -> None:
    """Processes that load at the same time download each shard once."""
    cache = cache_in(tmp_path, range_bytes=1 << 20)
    started = multiprocessing.get_context("fork")
    results = started.Queue()
    processes = [started.Process(target=load_all, args=(server.url, cache, results)) for _ in range(3)]
    for process in processes:
        process.start()
    reported = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert reported == [sum(int(batch["input_ids"].sum()) for batch in make(directory))] * 3
    assert {count for path, count in server.requests.items() if path.endswith(".arrow")} == {1}


def test_workers_fetch_for_themselves(directory: Path, server: FaultyServer, tmp_path: Path) -> None:
    """A loader that was opened here loads in torch's forked workers: no connection is carried over."""
    pytest.importorskip("torch")
    from nspdata.loading.torch import DataLoader

    batches = DataLoader(make(server.url, cache=cache_in(tmp_path)), num_workers=2, context="fork")
    assert_same(make(directory), ({name: array.numpy() for name, array in batch.items()} for batch in batches))


def test_a_mixture_of_here_and_elsewhere(directory: Path, server: FaultyServer, tmp_path: Path) -> None:
    """A directory and a URL mix; a state does not know where its datasets lie."""
    other = write_dataset(tmp_path / "other", rows=80, num_shards=2, max_seq_length=32, seed=4)
    here = make(Mixture({str(directory): 2, str(other): 1}))
    away = make(Mixture({server.url: 2, f"file://{other}": 1}), cache=cache_in(tmp_path))
    assert_same(here, away)
    assert here.state_dict() == away.state_dict()


def test_names_in_a_manifest_from_elsewhere(directory: Path, tmp_path: Path) -> None:
    """A remote manifest cannot name files outside its directory."""
    import dataclasses
    import shutil

    other = Path(shutil.copytree(directory, tmp_path / "data"))
    entries = read_manifest(other).splits["train"]
    rewrite_manifest(other, splits={"train": [dataclasses.replace(entries[0], path="../x.arrow")]})
    with FaultyServer(other).running() as server, pytest.raises(ShardError, match="not a plain path"):
        make(server.url, cache=cache_in(tmp_path))


def test_shards_are_fetched_ahead(server: FaultyServer, tmp_path: Path) -> None:
    """While the first batch is out, the shards of the windows to come arrive by themselves."""
    cache = cache_in(tmp_path, threads=2)
    run = iter(make(server.url, cache=cache, batch_size=4))
    next(run)
    deadline = time.monotonic() + 60
    while len([path for path in cached(cache) if path.suffix == ".arrow"]) < 6:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    asked = sum(server.requests.values())
    list(run)
    assert sum(server.requests.values()) == asked


def test_urls_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown protocol says so; one whose package is absent says what to install."""
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    remote_files.cache_clear()
    with pytest.raises(ConfigError, match=r"pip install 'nspdata\[remote\]'"):
        make("gs://bucket/data", cache=cache_in(tmp_path))
    with pytest.raises(ConfigError, match="unknown scheme nonsense://"):
        make("nonsense://x/y", cache=cache_in(tmp_path))


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """`NSPDATA_CACHE` sets the cache directory."""
    monkeypatch.setenv("NSPDATA_CACHE", "/somewhere/else")
    assert user_cache() == Cache().directory == Path("/somewhere/else")
    monkeypatch.delenv("NSPDATA_CACHE")
    assert user_cache().name == "nspdata"


@pytest.fixture
def bucket(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The dataset in a bucket of moto's S3 server: what s3fs needs to find it."""
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="corpus")
    for path in directory.rglob("*"):
        if path.is_file():
            client.put_object(Bucket="corpus", Key=f"data/{path.relative_to(directory)}", Body=path.read_bytes())
    yield {"client": client, "storage_options": {"endpoint_url": endpoint}}
    client.close()
    running.stop()


def test_s3(directory: Path, bucket: dict[str, Any], tmp_path: Path) -> None:
    """A bucket gives the batches of the directory, here and in workers; a missing file is reported."""
    torch_loader = pytest.importorskip("nspdata.torch").DataLoader
    options: dict[str, Any] = {"cache": cache_in(tmp_path), "storage_options": bucket["storage_options"]}
    assert_same(make(directory), make("s3://corpus/data", **options))
    options["cache"] = cache_in(tmp_path / "workers")
    batches = torch_loader(make("s3://corpus/data", **options), num_workers=2)
    assert_same(make(directory), ({name: array.numpy() for name, array in batch.items()} for batch in batches))
    with pytest.raises(ShardError, match=r"s3://corpus/nothing: no manifest\.json"):
        make("s3://corpus/nothing", **options)
    bucket["client"].delete_object(Bucket="corpus", Key="data/train/data-00004-of-00006.arrow")
    options["cache"] = cache_in(tmp_path / "again")
    with pytest.raises(ShardError, match=r"s3://corpus/data/train/data-00004-of-00006\.arrow: missing"):
        list(make("s3://corpus/data", **options))
