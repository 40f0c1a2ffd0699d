"""Reads each exported format with the reader of another project, into rows that can be compared."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nspdata

Row = tuple[list[int], list[int], list[int], int]
"""Ids, token types, dense labels, next sentence label; without padding."""

IGNORED = -100


def dataset_rows(directory: Path, split: str = "train", *, masks: bool = True) -> list[Row]:
    """The rows of a dataset, from its shards by pyarrow alone."""
    found = []
    for row in nspdata.open_dataset(directory).table(split).to_pylist():
        ids, labels = list(row["input_ids"]), [IGNORED] * len(row["input_ids"])
        for position, label in zip(row["masked_lm_positions"], row["masked_lm_labels"], strict=True):
            if masks:
                labels[position] = label
            else:
                ids[position] = label
        found.append((ids, row["token_type_ids"], labels, row["next_sentence_label"]))
    return found


def files_of(directory: Path, split: str, suffix: str) -> list[str]:
    return sorted(map(str, (directory / split).glob(f"*.{suffix}")))


def read_mds(*places: tuple[Path, str]) -> list[dict[str, Any]]:
    """Of each directory and split, `rows` as StreamingDataset gives them, and `arrays` as ModernBERT's loader takes them."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            str(Path(__file__).with_name("mds_reader.py")),
            *(str(part) for place in places for part in place),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def read_tfrecord(directory: Path, split: str = "train") -> list[dict[str, list[float]]]:
    """Every feature of every record, by the `tfrecord` package."""
    reader = pytest.importorskip("tfrecord.reader")
    found = []
    for path in files_of(directory, split, "tfrecord"):
        found += [{name: value.tolist() for name, value in row.items()} for row in reader.tfrecord_loader(path, None)]
    return found


def from_google(row: dict[str, list[float]]) -> Row:
    """A record of Google's features without its padding."""
    length = int(sum(row["input_mask"]))
    labels = [IGNORED] * length
    for position, label, weight in zip(
        row["masked_lm_positions"], row["masked_lm_ids"], row["masked_lm_weights"], strict=True
    ):
        if weight:
            labels[int(position)] = int(label)
    return (
        [int(value) for value in row["input_ids"][:length]],
        [int(value) for value in row["segment_ids"][:length]],
        labels,
        int(row["next_sentence_labels"][0]),
    )


def read_csv(directory: Path, split: str = "train") -> list[dict[str, str]]:
    """Every record of every file, by the csv module."""
    found = []
    for path in files_of(directory, split, "csv"):
        with Path(path).open(encoding="utf-8", newline="") as stream:
            found += list(csv.DictReader(stream))
    return found


def from_csv(record: dict[str, str]) -> Row:
    """A record of Hugging Face's convention."""
    lists = [json.loads(record[name]) for name in ("input_ids", "token_type_ids", "labels")]
    return (*lists, int(record["next_sentence_label"]))  # type: ignore[return-value]


def from_ibm(record: dict[str, str], pad_id: int) -> Row:
    """A record of IBM's convention, turned into that of Hugging Face."""
    segments = json.loads(record["Segment Label"])
    length = sum(segment > 0 for segment in segments)
    labels = [label if label != pad_id else IGNORED for label in json.loads(record["BERT Label"])]
    return (
        json.loads(record["BERT Input"])[:length],
        [segment - 1 for segment in segments[:length]],
        labels[:length],
        1 - int(record["Is Next"]),
    )


def from_padded(row: dict[str, Any]) -> Row:
    """A row of a padded `datasets` directory."""
    length = sum(row["attention_mask"])
    return (
        row["input_ids"][:length],
        row["token_type_ids"][:length],
        row["labels"][:length],
        row["next_sentence_label"],
    )
