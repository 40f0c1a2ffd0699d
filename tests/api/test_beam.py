"""The transforms for custom pipelines give the same bytes as the file job."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that

import nspdata
import nspdata.beam
from nspdata.pipelines.options import LOCAL_RUNNER
from tests.api.conftest import shard_digests
from tests.building.corpus import write_jsonl

EXAMPLES = Path(__file__).parents[2] / "examples"


def pipeline() -> beam.Pipeline:
    """A pipeline on the engine in this process."""
    return beam.Pipeline(runner=LOCAL_RUNNER)


def pairs(corpus: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Returns the documents as a PCollection of (id, text)."""
    return [(record["id"], record["text"]) for record in corpus]


def test_shards_are_those_of_the_file_job(inside: Path, corpus: list[dict[str, str]]) -> None:
    """The same documents and settings give the same shards; rejected elements are counted and kept."""
    documents = [*pairs(corpus)[::-1], ("empty", "  "), ("none", None)]
    with pipeline() as root:
        built = nspdata.beam.BuildShards("from-beam", tokenizer="tokenizer", num_shards=1, seed=1, max_rejected=0.1)
        root | beam.Create(documents) | built
    dataset = nspdata.open_dataset("from-beam")
    assert shard_digests(dataset) == shard_digests(nspdata.open_dataset("data"))
    read = dataset.manifest.counts["read"]
    assert read["records"] == len(documents)
    assert read["rejected"] == {"empty_text": 1, "missing_text": 1}
    files = [path.read_text(encoding="utf-8") for path in Path("from-beam/rejected").iterdir()]
    kept = [json.loads(line) for text in files for line in text.splitlines()]
    assert sorted(record["reason"] for record in kept) == ["empty_text", "missing_text"]
    assert dataset.validate() == []


def test_tokenized_documents_are_those_of_the_tokenizer(inside: Path) -> None:
    """Each document has its sentences as token ids, as the tokenizer of `transformers` gives them."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file("tokenizer/tokenizer.json")
    sentences = ["He left.", "She stayed at home."]
    expected = [("a", [tokenizer.encode(text, add_special_tokens=False).ids for text in sentences])]

    def same(found: list[Any]) -> None:
        assert found == expected

    with pipeline() as root:
        documents = root | beam.Create([("a", " ".join(sentences)), ("b", "")])
        assert_that(documents | nspdata.beam.TokenizeDocuments(tokenizer="tokenizer"), same)


def test_mistakes_are_found_before_the_pipeline_runs(inside: Path) -> None:
    """A missing number of shards, a wrong keyword and a directory that is not empty are refused."""
    with pytest.raises(nspdata.ConfigError, match="num_shards is required"):
        nspdata.beam.BuildShards("new", tokenizer="tokenizer")
    with pytest.raises(nspdata.ConfigError, match="did you mean 'pairing__max_seq_length'"):
        nspdata.beam.BuildShards("new", tokenizer="tokenizer", num_shards=1, max_sequence_length=64)
    with pytest.raises(nspdata.ConfigError, match="data is not empty"):
        nspdata.beam.BuildShards("data", tokenizer="tokenizer", num_shards=1)


@pytest.mark.parametrize("element", [("", "text"), (3, "text"), "text"])
def test_an_element_of_another_shape_is_named(inside: Path, element: Any) -> None:
    """An element that is not an (id, text) pair raises an error that says what an element must be."""
    with pytest.raises(Exception, match=r"must be \(id, text\)|must be a string that is not empty"), pipeline() as root:
        root | beam.Create([element]) | nspdata.beam.TokenizeDocuments(tokenizer="tokenizer")


def test_the_example_runs(inside: Path, corpus: list[dict[str, str]]) -> None:
    """examples/beam_pipeline.py reads JSON lines, cleans them, and builds a dataset."""
    write_jsonl(inside / "few.jsonl", corpus[:12])
    specification = importlib.util.spec_from_file_location("beam_pipeline", EXAMPLES / "beam_pipeline.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    runner = f"--runner={LOCAL_RUNNER}"
    module.main(["--input", "few.jsonl", "--output", "example", "--tokenizer", "tokenizer", runner])
    assert nspdata.open_dataset("example").manifest.counts["read"]["documents"] == 12
