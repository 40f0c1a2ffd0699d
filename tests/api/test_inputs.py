"""Inputs in memory become the file that the same records would be."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import nspdata
from nspdata.api.inputs import as_paths, describe, named_paths
from nspdata.config.input import InputConfig
from nspdata.files.local import LocalFiles
from nspdata.reading import expand_inputs
from tests.api.conftest import as_lines, shard_digests

RECORDS = [
    {"id": "a", "text": "First text. It has two sentences."},
    {"id": "b", "text": "Zweiter Text, mit Umlaut: ä."},
    {"id": "c", "text": "第三段。"},
]

TEXTS = [record["text"] for record in RECORDS]


def staged(inputs: Any, settings: InputConfig | None = None) -> bytes:
    """The bytes of the temporary file; the file is gone afterwards."""
    with as_paths(inputs, settings or InputConfig()) as paths:
        assert len(paths) == 1
        data = Path(paths[0]).read_bytes()
    assert not Path(paths[0]).exists()
    return data


def frame() -> Any:
    """The records as a pandas DataFrame, with a column that no build reads."""
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(RECORDS).assign(length=[1, 2, 3])


def table() -> pa.Table:
    """The records as an Arrow table of several chunks, with a column that no build reads."""
    parts = [pa.table({"text": [r["text"]], "length": [1], "id": [r["id"]]}) for r in RECORDS]
    return pa.concat_tables(parts)


def hf_dataset() -> Any:
    """The records as a `datasets.Dataset`."""
    return pytest.importorskip("datasets").Dataset.from_list(RECORDS)


def generated() -> Iterator[dict[str, str]]:
    """The records, one by one."""
    yield from RECORDS


@pytest.mark.parametrize("make", [lambda: RECORDS, generated, frame, table, lambda: table().to_reader(), hf_dataset])
def test_records_of_every_kind_are_the_same_lines(make: Any) -> None:
    """A list, an iterator, a DataFrame, an Arrow table, a reader and a `datasets.Dataset` give the same file."""
    lines = [json.loads(line) for line in staged(make()).splitlines()]
    assert lines == RECORDS


def test_lines_are_plain_json() -> None:
    """Records are written as one compact JSON object per line, in UTF-8, in their order."""
    assert staged(RECORDS) == as_lines(RECORDS)


def test_texts_have_no_id() -> None:
    """Texts in a list, a generator, a numpy array and a pandas Series are documents without an id."""
    expected = as_lines([{"text": text} for text in TEXTS])
    pandas = pytest.importorskip("pandas")
    for texts in (iter(TEXTS), np.array(TEXTS), pandas.Series(TEXTS), dict.fromkeys(TEXTS).keys()):
        assert staged(texts) == expected


def test_fields_are_those_of_the_settings() -> None:
    """`input.text_field` and `input.id_field` name the fields of the text and the id."""
    records = [{"key": 7, "body": "One.", "text": "not this"}]
    assert staged(records, InputConfig(text_field="body", id_field="key")) == b'{"key":7,"body":"One."}\n'


def test_missing_and_odd_values_are_left_to_the_reader() -> None:
    """None and NaN become null, bytes become text, other ids become strings; a lone surrogate is kept."""
    name = uuid.UUID(int=1)
    records = [{"id": name, "text": b"One."}, {"id": np.int64(3), "text": float("nan")}, {"id": None, "text": "\ud800"}]
    lines = [json.loads(line) for line in staged(records).splitlines()]
    assert lines == [{"id": str(name), "text": "One."}, {"id": 3, "text": None}, {"id": None, "text": "\ud800"}]
    pandas = pytest.importorskip("pandas")
    with_holes = pandas.DataFrame({"text": ["One.", None], "id": [1, 2]})
    assert [json.loads(line)["text"] for line in staged(with_holes).splitlines()] == ["One.", None]


def test_paths_are_passed_on(tmp_path: Path) -> None:
    """Strings and paths are passed on as file names; nothing is copied."""
    (tmp_path / "with space.jsonl").touch()
    for inputs, expected in (
        ("corpus/*.jsonl", ["corpus/*.jsonl"]),
        (tmp_path, [str(tmp_path)]),
        (["a.jsonl", "gs://bucket/b"], ["a.jsonl", "gs://bucket/b"]),
        ((str(tmp_path / "with space.jsonl"),), [str(tmp_path / "with space.jsonl")]),
        (["My Texts/a.jsonl", tmp_path / "b"], ["My Texts/a.jsonl", str(tmp_path / "b")]),
    ):
        with as_paths(inputs, InputConfig()) as paths:
            assert paths == expected


def test_a_list_of_texts_is_read_as_texts() -> None:
    """Strings that are no paths are texts; one that may be a path makes all of them paths, so that a typo is an error."""
    assert named_paths(TEXTS[:2]) is None
    assert staged(TEXTS[:2]) == as_lines([{"text": text} for text in TEXTS[:2]])
    assert named_paths([*TEXTS[:2], "corpus.jsonl"]) is not None


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (3, "inputs cannot be a int"),
        ({"text": "One."}, "inputs cannot be a dict"),
        ([3.5], "input 0 is a float, not a text or a record"),
        (pa.table({"body": ["One."]}), "the table has no column 'text', only 'body'; name the text with text_field="),
    ],
)
def test_other_inputs_are_refused(inputs: Any, message: str) -> None:
    """An input of an unsupported type raises an error that names the type and the supported ones."""
    with pytest.raises(nspdata.ConfigError, match=message), as_paths(inputs, InputConfig()):
        pass


def test_a_dataset_dict_keeps_its_splits() -> None:
    """It is staged as `datasets` saves it, with every split, so that the build keeps them apart."""
    datasets = pytest.importorskip("datasets")
    one, other = (datasets.Dataset.from_list(part) for part in (RECORDS[:2], RECORDS[2:]))
    with as_paths(datasets.DatasetDict({"train": one, "test": other}), InputConfig()) as paths:
        assert {source.split for source in expand_inputs(paths, LocalFiles())} == {"train", "test"}


def test_values_in_memory_stay_on_this_machine(inside: Path) -> None:
    """A remote runner refuses values in memory: its workers could not read the temporary file."""
    options = ["--runner=DataflowRunner"]
    with pytest.raises(nspdata.ConfigError, match="values in memory are built on this machine"):
        nspdata.build(RECORDS, "remote", tokenizer="tokenizer", beam_options=options)


@pytest.mark.parametrize("name", ["text_field", "id_field"])
def test_rules_by_file_name_are_for_files(name: str) -> None:
    """Values in memory have no file names, so a rule would match nothing and the field would be ignored."""
    with pytest.raises(nspdata.ConfigError, match=r"GLOB=FIELD rules describe files.*'web/\*=body'"):
        nspdata.estimate(RECORDS, tokenizer="tokenizer", **{name: "web/*=body"})


def test_a_format_is_for_files() -> None:
    """Values in memory have no file format."""
    with pytest.raises(nspdata.ConfigError, match=r"input\.format describes files"):
        staged(RECORDS, InputConfig(format="csv"))


def test_inputs_are_described_for_the_card() -> None:
    """Paths are shown as they are, values by their type."""
    assert describe("a.jsonl") == "'a.jsonl'"
    assert describe(["a.jsonl", "b.jsonl"]) == "['a.jsonl', 'b.jsonl']"
    assert describe(RECORDS) == "<list>"
    assert describe(table()) == "<pyarrow.Table>"


def test_records_in_memory_give_the_bytes_of_a_file(inside: Path, corpus: list[dict[str, str]]) -> None:
    """A build of an iterator writes the shards that the file of the same records gives, and leaves no temporary file."""
    built = nspdata.build(iter(corpus), "from-memory", tokenizer="tokenizer", seed=1, workers=1, progress=False)
    assert shard_digests(built) == shard_digests(nspdata.open_dataset("data"))
    assert [entry["name"] for entry in built.manifest.inputs] == ["records.jsonl"]
    assert not list(inside.glob(".nspdata-*"))
    assert built.validate(corpus) == []
