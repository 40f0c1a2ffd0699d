"""Rows of Google's script and of IBM's course become datasets that every command accepts."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import nspdata
from nspdata.errors import ConfigError, InputError
from nspdata.loading import Loader
from nspdata.validation.skipping import SKIPPED
from tests.datasets import small_vocabulary, write_dataset
from tests.exporting.readers import dataset_rows, read_csv
from tests.exporting.test_formats import SHAPES

FORMATS = st.sampled_from([("tfrecord", "hf"), ("csv", "hf"), ("csv", "ibm")])


@settings(max_examples=5)
@given(shape=SHAPES, form=FORMATS, trace=st.booleans())
def test_a_round_trip_gives_the_same_rows(
    shape: dict[str, object], form: tuple[str, str], *, trace: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Export and import through each format keep the rows and what their labels mean; with `--trace`, every column."""
    if form[0] == "tfrecord":  # has no place for another objective
        shape = {**shape, "objective": "nsp"}
    place = tmp_path_factory.mktemp("trip")
    dataset = nspdata.open_dataset(write_dataset(place / "data", validation_rows=3, **shape))  # type: ignore[arg-type]
    dataset.export(place / "out", to=form[0], convention=form[1], trace=trace, workers=1)
    imported = nspdata.import_rows(
        place / "out", place / "again", kind=form[0], tokenizer=place / "data" / "tokenizer" / "vocab.txt"
    )
    assert imported.metadata.labels == dataset.metadata.labels
    for split in ("train", "validation"):
        assert dataset_rows(place / "again", split) == dataset_rows(place / "data", split)
        if trace:
            assert imported.table(split).to_pylist() == dataset.table(split).to_pylist()


@pytest.mark.parametrize("convention", ["hf", "ibm"])
def test_negatives_of_the_same_document_stay_what_they_are(convention: str, tmp_path: Path) -> None:
    """The CSV file names them in `label_convention`; the import has them in its metadata, settings and documents."""
    data = nspdata.open_dataset(write_dataset(tmp_path / "data", rows=30, negatives="same_document"))
    data.export(tmp_path / "out", to="csv", convention=convention, workers=1)
    value = "0=next" if convention == "hf" else "1=next"
    assert {row["label_convention"] for row in read_csv(tmp_path / "out")} == {f"{value}, negatives=same_document"}
    again = nspdata.import_rows(tmp_path / "out", tmp_path / "again", kind="csv", tokenizer=tmp_path / "data/tokenizer")
    assert again.metadata == replace(data.metadata, max_predictions_per_seq=again.metadata.max_predictions_per_seq)
    assert again.metadata.labels[1] == "B is from the same document as A, but not adjacent to A"
    assert again.manifest.config["pairing"]["negatives"] == "same_document"
    rows = again.table("train").to_pylist()
    assert {(row["next_sentence_label"], row["sentence_a"], row["sentence_b"]) for row in rows} == {
        (0, 0, 1),
        (1, 0, 2),
    }
    assert all(row["document_a"] == row["document_b"] for row in rows)
    assert "B is from the same document as A" in (tmp_path / "again/README.md").read_text()


def test_rows_of_two_kinds_are_not_mixed(tmp_path: Path) -> None:
    """One dataset has one objective and one kind of negatives; a kind that does not exist is an error."""
    for negatives in ("other", "same_document"):
        data = write_dataset(tmp_path / negatives, rows=3, num_shards=1, negatives=negatives)  # type: ignore[arg-type]
        nspdata.open_dataset(data).export(tmp_path / "out" / negatives, to="csv", workers=1)
    vocabulary = tmp_path / "other/tokenizer/vocab.txt"
    with pytest.raises(InputError, match="record 0: all rows must have one objective and one kind of negatives"):
        nspdata.import_rows(tmp_path / "out", tmp_path / "mixed", kind="csv", tokenizer=vocabulary)
    (path,) = (tmp_path / "out/same_document/train").glob("*.csv")
    path.write_text(path.read_text().replace("negatives=same_document", "negatives=similar"))
    with pytest.raises(InputError, match=r"record 0: label_convention .*'negatives=similar'"):
        nspdata.import_rows(path, tmp_path / "unknown", kind="csv", tokenizer=vocabulary)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A CSV file of two rows with the header and the values of IBM's course, and `vocab.txt`."""
    (tmp_path / "vocab.txt").write_text(small_vocabulary(40).text)
    rows = [
        ("w1 w2 w3", [2, 6, 4, 3, 8, 3, 0, 0], [0, 0, 7, 0, 0, 0, 0, 0], [1, 1, 1, 1, 2, 2, 0, 0], 1),
        ("w1 w4", [2, 6, 3, 4, 3, 0, 0, 0], [0, 0, 0, 9, 0, 0, 0, 0], [1, 1, 1, 2, 2, 0, 0, 0], 0),
    ]
    path = tmp_path / "bert_train_data.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Original Text", "BERT Input", "BERT Label", "Segment Label", "Is Next"])
        writer.writerows(rows)
    return path


def test_ibms_labels_are_turned_round(records: Path, tmp_path: Path) -> None:
    """1 = next becomes label 0; segments 1 and 2 become token types 0 and 1; padding is removed."""
    dataset = nspdata.import_rows(records, tmp_path / "data", kind="csv", tokenizer=tmp_path / "vocab.txt")
    rows = dataset.table().to_pylist()
    assert [row["next_sentence_label"] for row in rows] == [0, 1]
    assert rows[0]["input_ids"] == [2, 6, 4, 3, 8, 3]
    assert rows[0]["token_type_ids"] == [0, 0, 0, 0, 1, 1]
    assert (rows[0]["masked_lm_positions"], rows[0]["masked_lm_labels"]) == ([2], [7])
    assert rows[0]["document_a"] == rows[0]["document_b"]
    assert rows[1]["document_a"] != rows[1]["document_b"]
    assert dataset.metadata.max_seq_length == 8


def test_every_command_accepts_an_import(records: Path, tmp_path: Path) -> None:
    """stats, show, validate and the loader; validate says what it does not check."""
    from nspdata.cli import app

    data = str(tmp_path / "data")
    options = ["--from", "csv", "--tokenizer", str(tmp_path / "vocab.txt"), "-o", data]
    done = CliRunner().invoke(app, ["import", str(records), *options])
    assert done.exit_code == 0, done.output
    assert "2 rows in train; at most 8 tokens per row" in done.output
    done = CliRunner().invoke(app, ["validate", data])
    assert done.exit_code == 0, done.output
    assert all(f"  {rule}: " in done.output for rule in SKIPPED)
    assert CliRunner().invoke(app, ["stats", data]).exit_code == 0
    assert "w1" in CliRunner().invoke(app, ["show", data]).output
    assert next(iter(Loader(data, batch_size=2)))["labels"].shape == (2, 6)
    assert CliRunner().invoke(app, ["import", str(records), *options]).exit_code == 2
    (Path(data) / "rejected").mkdir()  # of a build that was here before
    (Path(data) / "rejected" / "0.jsonl").write_text("{}\n")
    assert CliRunner().invoke(app, ["import", str(records), *options, "--overwrite"]).exit_code == 0
    assert not (Path(data) / "rejected").exists()


def test_validate_still_checks_the_rows(records: Path, tmp_path: Path) -> None:
    """An altered shard of an import is found."""
    nspdata.import_rows(records, tmp_path / "data", kind="csv", tokenizer=tmp_path / "vocab.txt")
    shard = next((tmp_path / "data" / "train").glob("*.arrow"))
    content = bytearray(shard.read_bytes())
    content[-60] ^= 1
    shard.write_bytes(content)
    assert "file_sha256" in {finding.rule for finding in nspdata.validate(tmp_path / "data")}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("BERT Input", "[2, 6, 400, 3, 8, 3, 0, 0]", "record 0: id 400 is not in the vocabulary of 40 tokens"),
        ("BERT Input", "[101, 6, 4, 3, 8, 3, 0, 0]", "not in the vocabulary"),
        ("BERT Input", "[6, 6, 4, 3, 8, 3, 0, 0]", r"the ids at its ends are \[6, 3, 3\]"),
        ("BERT Input", "2 6 4", "bert_input must be a JSON list of integers, not '2 6 4'"),
        ("BERT Input", "[2, 3]", "the lists must have one length, not 2, 8 and 8"),
        ("Segment Label", "[2, 1, 1, 1, 2, 2, 0, 0]", "the token types must be 0"),
        ("Is Next", "yes", "the label must be 0 or 1, not 'yes'"),
    ],
)
def test_a_wrong_record_is_named(column: str, value: str, message: str, records: Path, tmp_path: Path) -> None:
    """A wrong record is an error with its file, number and remedy; OUT stays empty."""
    rows = list(csv.DictReader(records.read_text().splitlines()))
    rows[0][column] = value
    with records.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(InputError, match=message):
        nspdata.import_rows(records, tmp_path / "data", kind="csv", tokenizer=tmp_path / "vocab.txt")
    assert not (tmp_path / "data" / "manifest.json").exists()


def test_damaged_and_compressed_tfrecords(tmp_path: Path) -> None:
    """A flipped bit and a cut file are found by the checksums; a gzip-compressed file is read."""
    data = write_dataset(tmp_path / "data", rows=5, num_shards=1)
    nspdata.open_dataset(data).export(tmp_path / "out", to="tfrecord", workers=1)
    path = next((tmp_path / "out" / "train").glob("*.tfrecord"))
    whole, vocabulary = path.read_bytes(), data / "tokenizer" / "vocab.txt"
    packed = tmp_path / "packed.tfrecord.gz"
    packed.write_bytes(gzip.compress(whole))
    nspdata.import_rows(packed, tmp_path / "packed", kind="tfrecord", tokenizer=vocabulary)
    assert dataset_rows(tmp_path / "packed") == dataset_rows(data)
    for damaged in (whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], whole[:-3]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"record [04]: cut or corrupt \(checksum of the data\)"):
            nspdata.import_rows(path, tmp_path / "new", kind="tfrecord", tokenizer=vocabulary, overwrite=True)
    path.write_text("this is no TFRecord file")
    with pytest.raises(InputError, match="record 0: not a TFRecord file"):
        nspdata.import_rows(path, tmp_path / "new", kind="tfrecord", tokenizer=vocabulary, overwrite=True)


def test_other_files_are_refused(tmp_path: Path, records: Path) -> None:
    """Unsupported files are refused: an unknown kind, no file, a CSV file without the columns."""
    vocabulary = tmp_path / "vocab.txt"
    with pytest.raises(ConfigError, match="--from must be one of tfrecord, csv, not 'hdf5'"):
        nspdata.import_rows(records, tmp_path / "data", kind="hdf5", tokenizer=vocabulary)
    with pytest.raises(InputError, match="matches no tfrecord file"):
        nspdata.import_rows(tmp_path, tmp_path / "data", kind="tfrecord", tokenizer=vocabulary)
    records.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="the columns must be input_ids, labels"):
        nspdata.import_rows(records, tmp_path / "data", kind="csv", tokenizer=vocabulary)
