"""A dataset directory is opened once, and checked when it is opened."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from nspdata.dataset.directory import open_directory
from nspdata.dataset.manifest import Manifest
from nspdata.errors import ShardError
from nspdata.inspection import overview
from nspdata.inspection.report.page import page
from tests.datasets import rewrite_manifest, small_vocabulary, write_dataset


def test_a_report_reads_the_manifest_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics, warnings, sample rows and the shortcut test share one open directory."""
    directory = write_dataset(tmp_path / "data", rows=60, num_shards=2)
    reads, read = [], Manifest.from_json

    def counted(text: str | bytes, **options: str) -> Manifest:
        reads.append(text)
        return read(text, **options)

    monkeypatch.setattr(Manifest, "from_json", staticmethod(counted))
    assert "label" in page([overview(directory, shortcuts=True)])
    assert len(reads) == 1


def test_rows_are_mapped_not_copied(tmp_path: Path) -> None:
    """The tables of the shards hold all the rows of the manifest, and Arrow allocates nothing for them."""
    opened = open_directory(write_dataset(tmp_path / "data", rows=60, num_shards=2, validation_rows=7))
    before = pa.total_allocated_bytes()
    tables = [shard.table() for shard in opened.shards()]
    assert [table.num_rows for table in tables] == [30, 30, 7]
    assert pa.total_allocated_bytes() == before
    assert [shard.entry.path.partition("/")[0] for shard in opened.shards("validation")] == ["validation"]
    assert sum(len(rows) for shard in opened.shards("train") for rows in shard.batches()) == 60


def test_another_tokenizer_is_refused(tmp_path: Path) -> None:
    """A vocabulary that is not the one of the manifest would decode ids to other tokens."""
    directory = write_dataset(tmp_path / "data")
    (directory / "tokenizer" / "vocab.txt").write_text(small_vocabulary(500).text, encoding="utf-8")
    with pytest.raises(ShardError, match="this is not the tokenizer that the rows were built with"):
        open_directory(directory)


def test_settings_of_a_newer_version_do_not_hide_the_rows(tmp_path: Path) -> None:
    """Rows can be read if the settings have an unknown key; only reading the settings is an error."""
    directory = write_dataset(tmp_path / "data", rows=9)
    rewrite_manifest(directory, config=open_directory(directory).manifest.config | {"later": 1})
    opened = open_directory(directory)
    assert sum(opened.split("train").shard_rows) == 9
    with pytest.raises(ShardError, match="later"):
        _ = opened.config


def test_an_empty_shard_is_named(tmp_path: Path) -> None:
    """A shard of no bytes cannot be mapped; the error names it."""
    directory = write_dataset(tmp_path / "data", rows=9, num_shards=1)
    entry = open_directory(directory).manifest.splits["train"][0]
    (directory / entry.path).write_bytes(b"")
    rewrite_manifest(directory, splits={"train": [type(entry)(**{**vars_of(entry), "bytes": 0})]})
    with pytest.raises(ShardError, match=r"data-00000-of-00001\.arrow: empty"):
        open_directory(directory).shards("train")[0].table()


def vars_of(entry: object) -> dict[str, object]:
    """The fields of a slotted dataclass."""
    return {name: getattr(entry, name) for name in type(entry).__slots__}  # type: ignore[attr-defined]
