"""An export is resumed, never mixed, replaced only when asked for, and says what is wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nspdata
from nspdata.errors import ConfigError, ShardError
from nspdata.exporting import parts, run
from nspdata.exporting.options import ExportOptions
from nspdata.exporting.plan import make_plan
from nspdata.exporting.run import run_export
from tests.datasets import write_dataset
from tests.faults import digests


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data", rows=90, num_shards=3, max_seq_length=32)


def test_the_bytes_do_not_depend_on_the_workers(data: Path, tmp_path: Path) -> None:
    """One process or three: the same files; the manifest has the size and sha256 of each."""
    dataset = nspdata.open_dataset(data)
    dataset.export(tmp_path / "one", to="csv", workers=1)
    exported = dataset.export(tmp_path / "three", to="csv", workers=3)
    assert digests(tmp_path / "one") == digests(tmp_path / "three")
    assert exported.rows == 90
    for entry in exported.splits["train"]:
        written = (tmp_path / "three" / entry.path).read_bytes()
        assert (len(written), hashlib.sha256(written).hexdigest()) == (entry.bytes, entry.sha256)


def test_an_interrupted_export_is_resumed(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished parts are kept, nothing is in DEST before the end, and the result is the same."""
    plan = make_plan(nspdata.open_dataset(data).directory, str(tmp_path / "out"), ExportOptions.of("csv"))
    written: list[int] = []

    def stopping(plan: object, directory: object, number: int, files: object) -> object:
        if number == 2:
            raise KeyboardInterrupt
        written.append(number)
        return parts.export_part(plan, directory, number, files)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "export_part", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_export(plan, num_workers=1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".build"]
    monkeypatch.setattr(run, "export_part", lambda *given: written.append(given[2]) or parts.export_part(*given))
    run_export(plan, num_workers=1)
    assert written == [0, 1, 2]
    nspdata.open_dataset(data).export(tmp_path / "whole", to="csv", workers=1)
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def test_a_changed_dataset_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a finished export and by an unfinished one; --overwrite replaces both."""
    destination = tmp_path / "out"
    first = nspdata.open_dataset(data).export(destination, to="csv", workers=1)
    again = nspdata.open_dataset(data).export(destination, to="csv", workers=1)
    assert again == first
    other = nspdata.open_dataset(write_dataset(tmp_path / "other", rows=90, num_shards=3, max_seq_length=32, seed=1))
    with pytest.raises(ConfigError, match="holds an export of other rows: the dataset has changed"):
        other.export(destination, to="csv", workers=1)
    with pytest.raises(ConfigError, match=r"holds another export \(csv\)"):
        other.export(destination, to="hf", workers=1)
    assert other.export(destination, to="hf", workers=1, overwrite=True).options["to"] == "hf"
    assert not list(destination.rglob("*.csv"))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "index_files", stop)
    with pytest.raises(KeyboardInterrupt):
        other.export(tmp_path / "unfinished", to="csv", workers=1)
    with pytest.raises(ConfigError, match="holds an unfinished export, and the dataset has changed since"):
        nspdata.open_dataset(data).export(tmp_path / "unfinished", to="csv", workers=1)


def test_foreign_directories_are_not_touched(data: Path, tmp_path: Path) -> None:
    """A directory with other files, a dataset, and the dataset itself."""
    dataset = nspdata.open_dataset(data)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"is not empty and holds no export \(there is .*thesis.txt\)"):
        dataset.export(tmp_path / "mine", to="csv")
    with pytest.raises(ConfigError, match="is the dataset itself"):
        dataset.export(data, to="csv", overwrite=True)
    other = write_dataset(tmp_path / "other", rows=5, num_shards=1)
    with pytest.raises(ShardError, match="not the manifest of an export"):
        dataset.export(other, to="csv", overwrite=True)
    assert (other / "train").exists()
    dataset.export(tmp_path / "out", to="csv", workers=1)
    with pytest.raises(ShardError, match="is an export for other training loops, not a dataset"):
        nspdata.open_dataset(tmp_path / "out")


def test_a_corrupt_shard_stops_the_export(data: Path, tmp_path: Path) -> None:
    """A flipped byte in a shard is not copied into the export."""
    shard = data / "train" / "data-00001-of-00003.arrow"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(ShardError, match=r"data-00001-of-00003\.arrow"):
        nspdata.open_dataset(data).export(tmp_path / "out", to="parquet", workers=1)
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "lmdb"}, r"--to must be one of mds, parquet, tfrecord, hf, csv, not 'lmdb'"),
        ({"to": "mds", "masking": "dynamic"}, "a loader draws masks in every epoch, a file cannot"),
        ({"to": "hf", "convention": "ibm"}, "--convention ibm is for --to csv"),
        ({"to": "tfrecord", "masking": "none"}, "does not fit --to tfrecord"),
        ({"to": "csv", "splits": ["tran"]}, "has no split 'tran'; it has train"),
    ],
)
def test_options_are_checked(options: dict[str, object], message: str, data: Path, tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(ConfigError, match=message):
        nspdata.open_dataset(data).export(tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_the_command(data: Path, tmp_path: Path) -> None:
    """`export` prints rows and size; a wrong option exits with code 2."""
    from nspdata.cli import app

    done = CliRunner().invoke(
        app, ["export", str(data), "--to", "parquet", "-o", str(tmp_path / "out"), "--workers", "1"]
    )
    assert done.exit_code == 0, done.output
    assert "90 rows in train" in done.output
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["export"]["to"] == "parquet"
    assert sum(entry["rows"] for entry in manifest["splits"]["train"]) == 90
    assert CliRunner().invoke(app, ["export", str(data), "--to", "x", "-o", str(tmp_path / "x")]).exit_code == 2
