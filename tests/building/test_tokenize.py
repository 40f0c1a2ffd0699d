"""The first half of a build: batches that span files, and spills that hold little beside the token ids."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nspdata.building.encoders import encoder_of
from nspdata.building.plan import BuildPlan
from nspdata.building.prepare import make_plan
from nspdata.building.tokenize import (
    ReadSummary,
    _batches,
    _Read,
    spill,
    tokenize_batch,
    tokenize_batches,
    tokenize_unit,
    unspill,
)
from nspdata.files.local import LocalFiles
from nspdata.reading import Source, expand_inputs
from nspdata.reading import text as text_files
from nspdata.reading.documents import DocumentBatch, LongText
from nspdata.tokenization.encoded import Encoded, Encoder, TokenizedDocuments
from nspdata.tokenization.wordpiece import WordPiece
from tests.building.corpus import records, write_jsonl, write_vocabulary
from tests.building.plainly import settings

HEAD_BYTES, DOCUMENT_BYTES, SENTENCE_BYTES, TOKEN_BYTES = 32, 28, 2, 2


class Counting:
    """An encoder that records how many texts it was given in each call."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.calls: list[int] = []

    def encode(self, texts: Sequence[str], *more: Any) -> Encoded:
        self.calls.append(len(texts))
        return self.encoder.encode(texts, *more)


def plan_for(directory: Path, inputs: list[str], *assignments: str) -> BuildPlan:
    config = settings(*assignments)
    sources = expand_inputs(inputs, LocalFiles(), config.input)
    wordpiece = WordPiece.load(write_vocabulary(directory / "vocab.txt"))
    return make_plan(sources, str(directory / "out"), wordpiece, config)


def tokenized(
    plan: BuildPlan, inputs: list[str], encoder: Encoder
) -> tuple[dict[int, list[TokenizedDocuments]], ReadSummary]:
    """The spilled documents of all inputs as one unit, by shard, and the summary."""
    sources = [source for path in inputs for source in _sources(path, plan)]
    spills: dict[int, list[TokenizedDocuments]] = {}
    for value in tokenize_unit(plan, sources, LocalFiles(), encoder):
        if isinstance(value, ReadSummary):
            summary = value
        else:
            spills.setdefault(value[0], []).append(unspill(value[1]))
    return spills, summary


def _sources(path: str, plan: BuildPlan) -> list[Source]:
    return expand_inputs([path], LocalFiles(), plan.config.input)


def test_a_batch_spans_small_files(tmp_path: Path) -> None:
    """Fifty files of one document are encoded in one call, each with its content and its rejected records."""
    found = [{"id": f"{n}", "text": f"{n}. {records()[n % 20]['text'][:2000]}"} for n in range(50)]
    inputs = [
        str(write_jsonl(tmp_path / f"in/{n:02d}.jsonl", [document, {"id": "x"}])) for n, document in enumerate(found)
    ]
    plan = plan_for(tmp_path, inputs)
    counting = Counting(encoder_of(plan))
    spills, summary = tokenized(plan, inputs, counting)
    assert counting.calls == [50]
    assert sum(len(part) for parts in spills.values() for part in parts) == 50
    assert {key: summary.counts[key] for key in ("records", "documents", "rejected.missing_text")} == {
        "records": 100,
        "documents": 50,
        "rejected.missing_text": 50,
    }
    assert len(summary.contents) == 50
    assert len(list((tmp_path / "out").rglob("*.jsonl"))) == 50


def test_files_with_sentences_and_without_are_not_joined(tmp_path: Path) -> None:
    """One sentence a line gives its own sentences; documents a line are split."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("One. Two\nthree.\n\nFour.\n")
    write_jsonl(tmp_path / "in/b.jsonl", [{"id": "b", "text": "One. Two. Three."}])
    inputs = [str(tmp_path / "in/a.txt"), str(tmp_path / "in/b.jsonl")]
    plan = plan_for(tmp_path, [inputs[1]])
    sources = [
        dataclasses.replace(_sources(inputs[0], plan)[0], format="text_sentence"),
        *_sources(inputs[1], plan),
    ]
    counting = Counting(encoder_of(plan))
    values = list(tokenize_unit(plan, sources, LocalFiles(), counting))
    assert counting.calls == [2, 1]
    documents = [unspill(value[1]) for value in values if isinstance(value, tuple)]
    assert sorted(count for part in documents for count in np.diff(part.document_offsets).tolist()) == [1, 2, 3]


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("num_shards", [1, 7, 5000])
def test_a_spill_holds_the_documents_of_a_group_and_little_else(
    tmp_path: Path, num_shards: int, *, local: bool
) -> None:
    """Of any number of shards: each document once, in its group of shards; 32 bytes per spill, 28 per document, 2 per sentence and token."""
    path = str(write_jsonl(tmp_path / "in.jsonl", records()))
    plan = plan_for(tmp_path, [path], f"output.num_shards={num_shards}")
    if local:
        (tmp_path / "spill").mkdir()
        plan = dataclasses.replace(plan, spill_directory=str(tmp_path / "spill"))
    texts = [record["text"] for record in records()]
    batch = DocumentBatch(ids=[record["id"] for record in records()], texts=texts)
    documents, _ = tokenize_batch(plan, batch, encoder_of(plan))
    spills = dict(spill(plan, [documents]))
    keys = plan.groups_of(plan.assign(documents.text_hashes))
    assert sorted(spills) == sorted(set(keys.tolist()))
    for key, data in spills.items():
        expected, found = documents.take(np.flatnonzero(keys == key)), unspill(data)
        for name in TokenizedDocuments.__slots__:
            assert getattr(found, name).tolist() == getattr(expected, name).tolist()
    sizes = (len(spills), len(documents), documents.num_sentences, len(documents.ids))
    expected_bytes = sum(
        number * size
        for number, size in zip(sizes, (HEAD_BYTES, DOCUMENT_BYTES, SENTENCE_BYTES, TOKEN_BYTES), strict=True)
    )
    if local:
        assert sum(file.stat().st_size for file in (tmp_path / "spill").iterdir()) == expected_bytes
    else:
        assert sum(map(len, spills.values())) == expected_bytes + len(spills)


def test_a_sentence_of_over_65535_tokens_is_spilled(tmp_path: Path) -> None:
    """Spilled documents store sentence lengths in four bytes if two are not enough."""
    path = str(write_jsonl(tmp_path / "in.jsonl", records()))
    plan = plan_for(tmp_path, [path], "output.num_shards=1")
    batch = DocumentBatch(ids=["long", "short"], texts=["the " * 70_000, "of the people"])
    documents, _ = tokenize_batch(plan, batch, encoder_of(plan))
    found = unspill(next(spill(plan, [documents]))[1])
    assert sorted(np.diff(found.sentence_offsets).tolist()) == [3, 70_000]


@pytest.mark.parametrize("finished", [False, True])
def test_a_long_text_has_the_tokens_and_statistics_of_a_short_one(tmp_path: Path, *, finished: bool) -> None:
    """Kept as UTF-8 and encoded in pieces, or only counted if its shard is finished."""
    text = "\n\n".join(f"{record['text']} Größe — {record['text']}" for record in records())
    plan = plan_for(tmp_path, [str(write_jsonl(tmp_path / "in.jsonl", records()))], "output.num_shards=1")
    plan = dataclasses.replace(plan, finished=frozenset({0} if finished else ()))
    short = DocumentBatch(ids=["a"], texts=[text], languages=[""])
    long = dataclasses.replace(short, texts=LongText(text.encode()), utf8=[text.encode()])
    (documents, summary), (found, counted) = (tokenize_batch(plan, batch, encoder_of(plan)) for batch in (short, long))
    assert counted == summary
    assert len(found) == (not finished)
    for name in TokenizedDocuments.__slots__:
        assert getattr(found, name).tolist() == getattr(documents, name).tolist()


def test_a_long_text_is_released_before_its_tokens_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the reader nor the encoder holds it then."""
    monkeypatch.setattr(text_files, "LONG_BYTES", 10)
    path = tmp_path / "long.txt"
    path.write_text("One. Two. Three.")
    plan = plan_for(tmp_path, [str(path)])
    held: list[weakref.ref[LongText]] = []

    def noted() -> Iterator[tuple[str, DocumentBatch]]:
        for split, batch in _batches(plan, _sources(str(path), plan), LocalFiles(), _Read()):
            held.append(weakref.ref(batch.long))
            found = [(split, batch)]
            del batch
            yield found.pop()

    spills = tokenize_batches(plan, noted(), encoder_of(plan))
    assert next(spills)[1]
    assert [one() for one in held] == [None]


def test_rejected_records_are_kept_in_bounded_memory(tmp_path: Path) -> None:
    """All broken lines are in `rejected/`, and a build holds those of one block of a file at a time."""
    peaks, line = {}, "{" + "x" * 99 + "\n"
    for number in (12_000, 30_000):
        path = tmp_path / str(number) / "in.jsonl"
        path.parent.mkdir()
        path.write_text('{"text": "One."}\n' + line * number)
        plan, read = plan_for(path.parent, [str(path)]), _Read()
        tracemalloc.start()
        try:
            assert [len(batch) for _, batch in _batches(plan, _sources(str(path), plan), LocalFiles(), read)] == [1]
            peaks[number] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert read.counts["rejected.broken_json"] == number
        (kept,) = path.parent.glob("out/rejected/*.jsonl")
        assert len({json.loads(text)["position"] for text in kept.read_text().splitlines()}) == number
    assert peaks[30_000] < peaks[12_000] + 2_000_000
