"""Exports to an object store and imports from one: the same bytes as on the local disk, and resumed the same way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import nspdata
from nspdata.exporting import parts, run
from nspdata.exporting.options import FORMATS, ExportOptions
from nspdata.exporting.plan import make_plan
from nspdata.exporting.run import run_export
from nspdata.files.any import AnyFiles
from tests.datasets import write_dataset
from tests.exporting.readers import dataset_rows
from tests.servers import Server, s3_server

pytest.importorskip("moto")


@pytest.fixture(scope="module")
def store() -> Iterator[Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("remote") / "data", rows=60, num_shards=3, validation_rows=5)


@pytest.mark.parametrize("to", FORMATS)
def test_a_bucket_gets_the_bytes_of_the_local_disk(to: str, data: Path, tmp_path: Path, store: Server) -> None:
    """Every format; the second call finds the export finished and returns it."""
    dataset = nspdata.open_dataset(data)
    dataset.export(tmp_path / "out", to=to, workers=1)
    exported = dataset.export(f"{store.url}/{to}", to=to, workers=1)
    local = {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    assert store.files(to) == {path: content for path, content in local.items() if not path.startswith(".build")}
    assert dataset.export(f"{store.url}/{to}", to=to, workers=1) == exported


def test_an_interrupted_export_to_a_bucket_is_resumed(
    data: Path, store: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished parts are kept in the bucket; nothing else is in the destination before the end."""
    target = f"{store.url}/resumed"
    plan = make_plan(nspdata.open_dataset(data).directory, target, ExportOptions.of("mds"))
    written: list[int] = []

    def stopping(*given: object) -> object:
        if given[2] == 2:
            raise KeyboardInterrupt
        return parts.export_part(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "export_part", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_export(plan, num_workers=1)
    assert all(path.startswith(".build/") for path in store.files("resumed"))
    monkeypatch.setattr(run, "export_part", lambda *given: written.append(given[2]) or parts.export_part(*given))
    assert run_export(plan, num_workers=1).rows == 65
    assert written == [2, 3]
    assert not AnyFiles().listing(f"{target}/.build")


@pytest.mark.parametrize("kind", ["csv", "tfrecord"])
def test_rows_are_imported_from_a_bucket_into_a_bucket(kind: str, data: Path, store: Server) -> None:
    """Files, tokenizer and the dataset are all at URLs."""
    nspdata.open_dataset(data).export(f"{store.url}/rows-{kind}", to=kind, workers=1)
    for number, name in enumerate((f"rows-{kind}", f"rows-{kind}/*/*.{kind}")):
        target = f"{store.url}/imported-{kind}-{number}"
        imported = nspdata.import_rows(
            f"{store.url}/{name}", target, kind=kind, tokenizer=f"{store.url}/rows-{kind}/tokenizer"
        )
        assert {split: size.rows for split, size in imported.splits.items()} == {"train": 60, "validation": 5}
        assert imported.table("train")["input_ids"] == nspdata.open_dataset(data).table("train")["input_ids"]


def test_rows_are_imported_through_fsspec(data: Path, tmp_path: Path) -> None:
    """A scheme that only fsspec knows."""
    url = "memory://exports/csv"
    nspdata.open_dataset(data).export(url, to="csv", workers=1)
    nspdata.import_rows(url, tmp_path / "again", kind="csv", tokenizer=data / "tokenizer")
    assert dataset_rows(tmp_path / "again") == dataset_rows(data)
