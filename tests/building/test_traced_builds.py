"""Builds of real and damaged texts in many languages: every row is found in the documents that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nspdata.building.prepare import prepare
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.files.any import AnyFiles
from nspdata.pipelines.run import run_build
from tests.building.corpus import INAUGURAL, records, write_jsonl, write_vocabulary
from tests.shared import documents, shared
from tests.tracing import Trace, trace

UNCASED, CHINESE = "vocab/bert-base-uncased.vocab.txt", "vocab/bert-base-chinese.vocab.txt"


def long(*values: Any) -> Any:
    """Parameters of a test that only the slow run has."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vocabulary(tmp_path_factory.mktemp("tokenizer") / "vocab.txt")


def build(inputs: list[Path], output: Path, tokenizer: Path, settings: dict[str, Any]) -> Path:
    """A build in this process."""
    limits = {"max_unused_tokens": 1, "max_label_error": 1}  # pieces of documents, some of them without punctuation
    config = from_dict(Config, {"limits": limits, **settings})
    prepared = prepare([str(path) for path in inputs], str(output), str(tokenizer), config, AnyFiles())
    run_build(prepared, num_workers=1)
    return output


def sampled(name: str, characters: int) -> list[dict[str, Any]]:
    """Some documents from all over a corpus, each cut at a line end or a space so that a dozen or more share the characters."""
    found = documents(shared(name))
    step = max(1, sum(min(len(record["text"]), characters // 12) for record in found) // characters)
    return [dict(record, text=record["text"][: characters // 12]) for record in found[::step]]


SETTINGS: dict[str, dict[str, Any]] = {
    "default": {"output": {"num_shards": 2, "validation_fraction": 0.2}},
    "sop": {"pairing": {"objective": "sop"}, "output": {"num_shards": 3}},
    "none": {"pairing": {"objective": "none", "max_seq_length": 64}, "masking": {"strategy": "span"}},
    "sentences": {"pairing": {"unit": "sentences"}, "masking": {"strategy": "whole_word"}, "duplicate_factor": 2},
    "similar": {"pairing": {"negatives": "similar", "max_seq_length": 48, "short_seq_prob": 0.5}},
    "same_document": {"pairing": {"negatives": "same_document", "max_seq_length": 64}, "output": {"num_shards": 2}},
    "lines": {"sentences": {"paragraphs": "line"}, "pairing": {"max_seq_length": 512}, "masking": {"strategy": "none"}},
}


@pytest.mark.parametrize(
    "name", [long(name) if name in {"none", "lines", "sentences", "similar", "sop"} else name for name in SETTINGS]
)
def test_every_row_of_the_bundled_corpus_is_found(name: str, vocabulary: Path, tmp_path: Path) -> None:
    """Every row is traced to its source, for all objectives, units and paragraph rules."""
    found = trace(build([INAUGURAL], tmp_path / "out", vocabulary, SETTINGS[name]), records())
    assert found.rows > 400
    assert len(set().union(*found.documents.values())) == len(records())
    assert share_is_right(found, tmp_path / "out", within=0.02) or name == "none"


def share_is_right(found: Trace, directory: Path, *, within: float) -> bool:
    """Half of the rows have label 1, or more if more rows can only have label 1."""
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    forced: float = manifest["counts"]["built"]["forced_negatives"] / found.rows
    return abs(found.negatives / found.rows - max(0.5, forced)) <= within


ENGLISH = [("english/books_20mb.jsonl.gz", "en", UNCASED), ("english/abstracts_20mb.jsonl.gz", "en", UNCASED)]

LANGUAGES = [
    ("languages/de_novels_6mb.jsonl.gz", "de", UNCASED),
    ("languages/ru_novels_6mb.jsonl.gz", "ru", UNCASED),
    ("languages/he_wlc_pointed.jsonl.gz", "he", UNCASED),
    ("languages/ja_jaquad.jsonl.gz", "xx", CHINESE),
    ("languages/zh-hans_cmrc2018.jsonl.gz", "zh", CHINESE),
    ("languages/zh-hant_drcd.jsonl.gz", "zh", CHINESE),
    ("languages/fixture_multilingual.jsonl", "xx", CHINESE),
]


def traced(texts: list[dict[str, Any]], language: str, vocabulary: str, directory: Path, **more: Any) -> Trace:
    """Builds these documents with some [UNK] allowed, for these vocabularies do not know every script, and traces every row."""
    source = write_jsonl(directory / "in.jsonl", texts)
    settings = {
        "sentences": {"language": language},
        "tokenizer": {"max_unknown": 0.9},
        "output": {"num_shards": 2},
        **more,
    }
    return trace(build([source], directory / "out", shared(vocabulary), settings), usable(texts))


def usable(texts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records that can be encoded as UTF-8."""
    return [record for record in texts if record["text"] and not surrogate(record["text"])]


def surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


LATER = ("abstracts", "ru_novels", "ja_jaquad", "zh-hant")


@pytest.mark.parametrize(
    ("name", "language", "vocabulary"),
    [long(*corpus) if any(part in corpus[0] for part in LATER) else corpus for corpus in ENGLISH + LANGUAGES],
)
def test_every_row_of_a_sample_is_found(name: str, language: str, vocabulary: str, tmp_path: Path) -> None:
    """Every row is traced to its source: a few documents of each corpus, with its language setting."""
    found = traced(sampled(name, 120_000), language, vocabulary, tmp_path)
    assert found.rows > 30
    assert share_is_right(found, tmp_path / "out", within=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "language", "vocabulary"), ENGLISH + LANGUAGES)
def test_every_row_of_a_corpus_is_found(name: str, language: str, vocabulary: str, tmp_path: Path) -> None:
    """Every row is traced to its source: all documents of each corpus."""
    found = traced(documents(shared(name)), language, vocabulary, tmp_path)
    assert share_is_right(found, tmp_path / "out", within=0.01)


def test_every_row_of_dirty_texts_is_found(tmp_path: Path) -> None:
    """Hostile strings, stacked marks, every line end, equal ids and equal texts are built; what is not text is rejected."""
    texts = documents(shared("dirty/blns_docs.jsonl")) + documents(shared("dirty/made_edge_docs.jsonl"))
    found = traced(
        texts, "en", UNCASED, tmp_path, input={"max_rejected": 0.1}, output={"num_shards": 1}, duplicate_factor=3
    )
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    rejected = manifest["counts"]["read"]["rejected"]
    paths = (tmp_path / "out" / "rejected").iterdir()
    kept = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(rejected.values()) == len(kept) == len(texts) - manifest["counts"]["read"]["documents"]
    assert {"empty_text", "nul_character", "lone_surrogate"} <= set(rejected)
    assert manifest["counts"]["built"]["duplicates_dropped"] >= 1
    assert found.rows > 1000


def test_every_row_of_broken_files_is_found(tmp_path: Path, vocabulary: Path) -> None:
    """The good records of a broken file are built and found; the others are kept with their reasons."""
    broken = shared("dirty/made_broken.jsonl")
    source = write_jsonl(tmp_path / "in" / "good.jsonl", records())
    (tmp_path / "in" / "made_broken.jsonl").write_bytes(broken.read_bytes())
    settings = {"input": {"max_rejected": 0.2}}
    directory = build([source.parent], tmp_path / "out", vocabulary, settings)
    place = broken.read_bytes().index(b'{"text"')
    good = [
        {"id": "ok", "text": "Fine one. Fine two."},
        {"id": "last", "text": "No newline at end of file."},
        {"id": f"made_broken.jsonl:{place}", "text": "no id. second."},
    ]
    trace(directory, [*records(), *good])
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["counts"]["read"]["rejected"] == {
        "broken_json": 1,
        "invalid_utf8": 1,
        "missing_text": 2,
        "not_an_object": 1,
    }


@pytest.mark.slow
def test_every_row_of_ten_megabytes_without_a_space_is_found(tmp_path: Path) -> None:
    """A line ten times as long as spaCy takes, without white space to cut it at."""
    texts = documents(shared("dirty/made_10mb_no_whitespace.jsonl.gz")) + records()
    assert traced(texts, "en", UNCASED, tmp_path, output={"num_shards": 1}).rows > 1000


def test_given_sentences_are_kept(tmp_path: Path, vocabulary: Path) -> None:
    """Google's format: a sentence a line, documents between blank lines, and no sentence is split again."""
    given = [
        ["First. Second? One sentence all the same.", "the next one", "a third."],
        ["Another document", "with two lines; both. Are. Sentences."],
        *([f"Line {line} of {document}. Not split." for line in range(12)] for document in range(30)),
    ]
    text = "\n\n".join("\n".join(sentences) for sentences in given) + "\n"
    (tmp_path / "in.txt").write_text(text, encoding="utf-8")
    places = [text.index("\n".join(sentences)) for sentences in given]
    settings = {"input": {"format": "text_sentence"}, "pairing": {"unit": "sentences"}}
    directory = build([tmp_path / "in.txt"], tmp_path / "out", vocabulary, settings)
    found = trace(
        directory,
        [{"id": f"in.txt:{place}", "sentences": part} for place, part in zip(places, given, strict=True)],
    )
    assert found.rows == 2 + 1 + 30 * 11


@pytest.mark.slow
def test_a_trace_notices_a_wrong_document(tmp_path: Path, vocabulary: Path) -> None:
    """Rows of one text are not found in another text, so the check can fail."""
    directory = build([INAUGURAL], tmp_path / "out", vocabulary, {})
    changed = [dict(record, text=record["text"].replace("people", "peoples")) for record in records()]
    shifted = [dict(record, text=f"One more. {record['text']}") for record in records()]
    swapped = [dict(record, id=other["id"]) for record, other in zip(records(), records()[1:], strict=False)]
    for other in (changed, shifted, swapped):
        with pytest.raises((AssertionError, KeyError)):
            trace(directory, other)
