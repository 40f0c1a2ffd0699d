"""A round trip gives the same rows: every format is read back by the reader of another project."""

from __future__ import annotations

import importlib.util
import json
import struct
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nspdata
from nspdata.exporting.mds import _ndarrays
from nspdata.exporting.tfrecord import masked, varints
from tests.datasets import write_dataset
from tests.exporting.readers import (
    dataset_rows,
    files_of,
    from_csv,
    from_google,
    from_ibm,
    from_padded,
    read_csv,
    read_mds,
    read_tfrecord,
)
from tests.skips import require

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # readers leave files open

SHAPES = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 40),
        "num_shards": st.integers(1, 3),
        "max_seq_length": st.sampled_from([8, 64, 300]),
        "vocab_size": st.sampled_from([405, 70_000]),
        "strategy": st.sampled_from(["token", "span", "none"]),
        "objective": st.sampled_from(["nsp", "sop", "none"]),
        "seed": st.integers(0, 5),
    }
)
"""Small datasets: shards may be empty, ids uint16 or uint32, masks absent."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(
        tmp_path_factory.mktemp("exports") / "data", rows=150, num_shards=2, validation_rows=20, max_seq_length=300
    )


@settings(max_examples=5)
@given(shape=SHAPES)
def test_tfrecord_csv_and_parquet_give_the_same_rows(
    shape: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """For datasets of any shape; the TFRecord files by the `tfrecord` package."""
    place = tmp_path_factory.mktemp("shape")
    dataset = nspdata.open_dataset(write_dataset(place / "data", **shape))  # type: ignore[arg-type]
    expected = dataset_rows(place / "data")
    for to, convention in (("csv", "hf"), ("csv", "ibm"), ("tfrecord", "hf"), ("parquet", "hf")):
        dataset.export(place / f"{to}-{convention}", to=to, convention=convention, workers=1)
    assert [from_csv(record) for record in read_csv(place / "csv-hf")] == expected
    pad_id = dataset.metadata.special_ids["[PAD]"]
    assert [from_ibm(record, pad_id) for record in read_csv(place / "csv-ibm")] == expected
    if importlib.util.find_spec("tfrecord"):
        assert [from_google(row) for row in read_tfrecord(place / "tfrecord-hf")] == expected
    files = files_of(place / "parquet-hf", "train", "parquet")
    rows = [row for path in files for row in pq.read_table(path, page_checksum_verification=True).to_pylist()]
    assert rows == dataset.table().to_pylist()


def test_mds_is_read_by_mosaicml_streaming(data: Path, tmp_path: Path) -> None:
    """By default the ids are without masks, as the trainers mask them, and ModernBERT's loader gets `input_ids` of uint16.

    With `--masking static --trace` there are dense labels and the origin of each row.
    """
    require("streaming")
    dataset = nspdata.open_dataset(data)
    dataset.export(tmp_path / "mds", to="mds", workers=2)
    traced = dataset.export(tmp_path / "full", to="mds", masking="static", trace=True, splits=["validation"], workers=1)
    assert list(traced.splits) == ["validation"]
    plain, full = read_mds((tmp_path / "mds", "train"), (tmp_path / "full", "validation"))
    expected = dataset_rows(data, masks=False)
    assert [(row["input_ids"], row["token_type_ids"], row["next_sentence_label"]) for row in plain["rows"]] == [
        (ids, types, label) for ids, types, _, label in expected
    ]
    assert plain["arrays"][0] == {"input_ids": ["uint16", expected[0][0]], "token_type_ids": ["uint8", expected[0][1]]}
    assert len(plain["arrays"]) == 150
    names = ("input_ids", "token_type_ids", "labels", "next_sentence_label")
    assert [tuple(row[name] for name in names) for row in full["rows"]] == dataset_rows(data, "validation")
    table = dataset.table("validation").to_pylist()
    for name in ("document_a", "document_b", "sentence_a", "sentence_b"):
        assert [row[name] for row in full["rows"]] == [row[name] for row in table]


def test_mds_files_are_limited(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard becomes several files at the limit of a file's size; all are in the index, in order."""
    from nspdata.exporting import mds

    monkeypatch.setattr(mds, "SIZE_LIMIT", 1)
    shard = nspdata.open_dataset(write_dataset(tmp_path / "data", rows=5000, num_shards=1, max_seq_length=8))
    shard.export(tmp_path / "mds", to="mds", workers=1)
    index = json.loads((tmp_path / "mds/train/index.json").read_text())
    assert [info["raw_data"]["basename"] for info in index["shards"]] == [
        "data-00000-of-00001.mds",
        "data-00000-of-00001.01.mds",
        "data-00000-of-00001.02.mds",
    ]
    assert [info["samples"] for info in index["shards"]] == [2048, 2048, 904]


def test_hf_is_ready_for_a_trainer(data: Path, tmp_path: Path) -> None:
    """`load_from_disk` gives padded rows that a default collator turns into the arguments of BertForPreTraining."""
    datasets, transformers = pytest.importorskip("datasets"), pytest.importorskip("transformers")
    nspdata.open_dataset(data).export(tmp_path / "hf", to="hf", workers=1)
    loaded = datasets.load_from_disk(str(tmp_path / "hf"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 150, "validation": 20}
    assert [from_padded(row) for row in loaded["train"]] == dataset_rows(data)
    batch = transformers.default_data_collator([loaded["train"][index] for index in range(4)])
    config = transformers.BertConfig(
        vocab_size=405, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    assert float(transformers.BertForPreTraining(config)(**batch).loss.detach()) > 0
    assert batch["input_ids"].shape == (4, 300)


def test_parquet_is_streamed_by_datasets(data: Path, tmp_path: Path) -> None:
    """`load_dataset(..., streaming=True)` finds the splits; a flipped byte is noticed by the page checksum."""
    datasets = pytest.importorskip("datasets")
    nspdata.open_dataset(data).export(tmp_path / "parquet", to="parquet", workers=1)
    loaded = datasets.load_dataset(str(tmp_path / "parquet"), streaming=True, cache_dir=str(tmp_path / "cache"))
    assert {split: sum(1 for _ in rows) for split, rows in loaded.items()} == {"train": 150, "validation": 20}
    assert list(loaded["train"]) == nspdata.open_dataset(data).table().to_pylist()
    path = Path(files_of(tmp_path / "parquet", "train", "parquet")[0])
    page = pq.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    damaged = bytearray(path.read_bytes())
    damaged[page + 100] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(OSError, match=r"CRC|checksum"):
        pq.read_table(path, page_checksum_verification=True)


def test_csv_names_its_convention(data: Path, tmp_path: Path) -> None:
    """IBM's convention is the other way round: 1 = next, segments 1 and 2, 0 for padding; each row says so."""
    dataset = nspdata.open_dataset(data)
    dataset.export(tmp_path / "ibm", to="csv", convention="ibm", workers=1)
    dataset.export(tmp_path / "hf", to="csv", workers=1)
    ibm, plain = read_csv(tmp_path / "ibm")[0], read_csv(tmp_path / "hf")[0]
    assert (ibm["label_convention"], plain["label_convention"]) == ("1=next", "0=next")
    assert int(ibm["Is Next"]) == 1 - int(plain["next_sentence_label"])
    assert ibm["Original Text"] == f"{plain['text_a']} {plain['text_b']}"
    assert {len(json.loads(ibm[name])) for name in ("BERT Input", "BERT Label", "Segment Label")} == {300}
    assert set(json.loads(ibm["Segment Label"])) <= {0, 1, 2}
    assert json.loads((tmp_path / "ibm/manifest.json").read_text())["labels"] == {
        "0": "B is from another document",
        "1": "B follows A",
    }
    assert "`Is Next`: 0 = B is from another document; 1 = B follows A" in (tmp_path / "ibm/README.md").read_text()


def test_tfrecord_has_googles_features(data: Path, tmp_path: Path) -> None:
    """Names, types and widths of create_pretraining_data.py, and checksums that TensorFlow accepts."""
    google_crc32c = pytest.importorskip("google_crc32c")
    nspdata.open_dataset(data).export(tmp_path / "tf", to="tfrecord", workers=1)
    raw = Path(files_of(tmp_path / "tf", "train", "tfrecord")[0]).read_bytes()
    (length,) = struct.unpack_from("<Q", raw)
    assert struct.unpack_from("<I", raw, 8)[0] == masked(google_crc32c.value(raw[:8]))
    assert struct.unpack_from("<I", raw, 12 + length)[0] == masked(google_crc32c.value(raw[12 : 12 + length]))
    example_pb2 = pytest.importorskip("tfrecord.example_pb2")
    example = example_pb2.Example.FromString(raw[12 : 12 + length])
    features = example.features.feature
    assert {name: features[name].WhichOneof("kind") for name in features} == {
        "input_ids": "int64_list",
        "input_mask": "int64_list",
        "segment_ids": "int64_list",
        "masked_lm_positions": "int64_list",
        "masked_lm_ids": "int64_list",
        "masked_lm_weights": "float_list",
        "next_sentence_labels": "int64_list",
    }
    assert len(features["input_ids"].int64_list.value) == 300
    assert (
        len(features["masked_lm_ids"].int64_list.value) == nspdata.open_dataset(data).metadata.max_predictions_per_seq
    )


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_varints_are_those_of_protobuf(values: list[int]) -> None:
    """Each value as protobuf's own encoder writes it."""
    encoder = pytest.importorskip("google.protobuf.internal.encoder")
    data, lengths = varints(np.array(values, np.uint64))
    expected = [encoder._VarintBytes(value) for value in values]
    assert data.tobytes() == b"".join(expected)
    assert lengths.tolist() == [len(value) for value in expected]


def test_an_ndarray_of_mds_starts_with_its_shape() -> None:
    """One dimension, its length in one byte or two."""
    data, lengths = _ndarrays(np.arange(302, dtype="<u2"), np.array([2, 300]))
    assert lengths.tolist() == [2 + 4, 3 + 600]
    assert data[:6].tolist() == [0b100, 2, 0, 0, 1, 0]
    assert data[6:9].tolist() == [0b101, 300 & 0xFF, 300 >> 8]
