"""A dataset as a value: figures, rows, report, loader, notebook."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import nspdata
from nspdata.dataset.manifest import MANIFEST
from nspdata.statistics import to_dict, to_json
from nspdata.statistics.recompute import recompute
from tests.datasets import write_dataset


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A small dataset of two splits."""
    return write_dataset(tmp_path / "data", rows=60, num_shards=2, validation_rows=7)


def test_sizes_are_those_of_the_manifest(directory: Path) -> None:
    """Shards, rows, tokens and bytes of each split equal the manifest's."""
    dataset = nspdata.open_dataset(directory)
    train = dataset.splits["train"]
    assert (train.shards, train.rows) == (2, 60)
    assert train.bytes == sum(path.stat().st_size for path in (directory / "train").glob("*.arrow"))
    assert repr(dataset) == (
        f"Dataset({str(directory)!r}: train 60 rows, {train.tokens:,} tokens; validation 7 rows, "
        f"{dataset.splits['validation'].tokens:,} tokens; nsp, max_seq_length 64)"
    )
    assert nspdata.open_dataset(dataset) is dataset


def test_rows_are_the_rows_of_the_shards(directory: Path) -> None:
    """`rows` and `table` give all the rows of a split in order, and what `datasets` would give."""
    dataset = nspdata.open_dataset(directory)
    rows = list(dataset.rows("validation"))
    assert rows == dataset.table("validation").to_pylist()
    assert len(rows) == 7
    assert len(list(dataset.rows())) == dataset.table().num_rows == 60
    with pytest.raises(nspdata.ShardError, match="no split 'test' in this dataset; it has train, validation"):
        dataset.table("test")


def test_statistics_are_read_once_and_recomputed_on_request(directory: Path) -> None:
    """Figures come from statistics.json; `recompute` reads the shards and warns if they differ."""
    other = write_dataset(directory.parent / "other", rows=61)
    (directory / "statistics.json").write_text(to_json(to_dict(recompute(other))))
    dataset = nspdata.open_dataset(directory)
    assert dataset.figures["rows"] == 61
    again = dataset.recompute()
    assert again.figures["rows"] == 67
    assert any("does not match the rows" in warning.message for warning in again.warnings)
    assert to_dict(again.statistics)["rows"] == to_dict(recompute(directory))["rows"]


def test_show_gives_rows_as_values(directory: Path) -> None:
    """`show` selects rows as `nspdata show` does; rows print as text."""
    dataset = nspdata.open_dataset(directory)
    examples = dataset.show(3)
    assert [row.row for row in examples] == [0, 20, 40]
    assert [row.row for row in dataset.show(row=9)] == [9]
    assert {row.label for row in dataset.show(20, label=1)} == {1}
    assert repr(examples).startswith("train row 0, label ")
    assert json.loads(json.dumps(examples.to_json()))[0]["shard"] == "train/data-00000-of-00002.arrow"
    assert repr(dataset.show(contains="[PAD]")) == "no row matches"
    assert [row.split for row in examples[:2]] == ["train", "train"]


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps the name."""
        self.tags.append(tag)


def test_a_notebook_shows_figures_warnings_and_rows(tmp_path: Path) -> None:
    """The HTML has the sizes and some rows; a path and tokens with markup in them are escaped."""
    directory = write_dataset(tmp_path / "<script>alert(1)<" / "script>", rows=60, num_shards=1)
    (directory / "statistics.json").write_text(to_json(to_dict(recompute(write_dataset(tmp_path / "other", rows=9)))))
    dataset = nspdata.open_dataset(directory).recompute()
    found = dataset._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in found
    assert "<td class=n>60</td>" in found
    assert found.count("<div class=row>") == 2
    assert "label 0: B follows A" in found
    assert "label 1: B is from another document" in found
    assert "<mark title=" in dataset.show(1)._repr_html_()
    parser = Tags()
    parser.feed(found)
    assert set(parser.tags) <= {"style", "div", "p", "b", "bdi", "small", "table", "tr", "td", "th", "mark"}
    assert found.count("class=warning>") == len(dataset.warnings) > 0


def test_the_loader_and_the_report_are_those_of_the_dataset(directory: Path) -> None:
    """`loader` takes the options of `Loader`, `report` writes one HTML file, for two datasets too."""
    dataset = nspdata.open_dataset(directory)
    ours = next(iter(dataset.loader(batch_size=4, seed=3, split="validation")))
    theirs = next(iter(nspdata.Loader(directory, batch_size=4, seed=3, split="validation")))
    np.testing.assert_array_equal(ours["input_ids"], theirs["input_ids"])
    page = dataset.report(directory.parent / "report.html", compare=directory)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_an_unfinished_directory_is_refused(directory: Path) -> None:
    """A directory without a manifest is not a dataset."""
    (directory / MANIFEST).unlink()
    with pytest.raises(nspdata.ShardError, match=r"no manifest\.json, so this is not a finished dataset"):
        nspdata.open_dataset(directory)


def test_a_dataset_is_opened_from_a_url(directory: Path, tmp_path: Path) -> None:
    """What can be read locally can be read from a URL; shards go through the cache."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.put(str(directory), "/front-data", recursive=True)
    cache = nspdata.Cache(directory=tmp_path / "cache", threads=0)
    try:
        remote = nspdata.open_dataset("memory://front-data", cache=cache)
        local = nspdata.open_dataset(directory)
        assert remote.splits == local.splits
        assert remote.figures == local.figures
        assert repr(remote.show(2)) == repr(local.show(2))
        assert remote.table("validation").equals(local.table("validation"))
    finally:
        memory.rm("/front-data", recursive=True)
