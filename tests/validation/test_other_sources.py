"""A sound dataset and documents that it was not built from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nspdata.validation import spilling, validate, validate_source
from tests.validation.builds import build, make_documents, settings, write_corpus


def other_text(documents: list[dict[str, str]]) -> None:
    documents[20]["text"] += " One sentence more."


def other_id(documents: list[dict[str, str]]) -> None:
    documents[20]["id"] = "document XX"


SOURCES: dict[str, tuple[set[str], Callable[[list[dict[str, str]]], object]]] = {
    "another text": ({"source_files", "source_counts", "source_statistics"}, other_text),
    "another id": ({"unknown_document"}, other_id),
    "a document less": ({"source_files", "source_counts", "unknown_document"}, lambda documents: documents.pop(20)),
    "a document more": (
        {"source_files", "source_counts", "missing_document"},
        lambda documents: documents.append({"id": "more", "text": "River stone light. Morning paper."}),
    ),
    "a copy less": ({"source_files", "source_counts"}, lambda documents: documents.pop(240)),
}


@pytest.mark.parametrize("name", SOURCES)
def test_another_source_is_caught_by_name(name: str, sound: Callable[[str], Path], tmp_path: Path) -> None:
    """A valid dataset is distinguished from one of other documents."""
    expected, change = SOURCES[name]
    documents = make_documents()
    change(documents)
    path = write_corpus(tmp_path / "corpus.jsonl", documents)
    assert expected <= {finding.rule for finding in validate_source(sound("nsp"), [str(path)])}


def test_records_that_are_broken_otherwise(sound: Callable[[str], Path], tmp_path: Path) -> None:
    """A different number of rejected records than in the manifest is found."""
    path = write_corpus(tmp_path / "corpus.jsonl", broken=3)
    found = {finding.rule for finding in validate_source(sound("nsp"), [str(path)])}
    assert found == {"source_files", "source_counts", "source_statistics", "rejected"}


def test_another_file_is_reported_by_name(sound: Callable[[str], Path], corpus: Path, tmp_path: Path) -> None:
    """Inputs that the dataset was not built from, and inputs that were not given, are named."""
    renamed = tmp_path / "other.jsonl"
    renamed.write_bytes(corpus.read_bytes())
    messages = [
        finding.message for finding in validate_source(sound("nsp"), [str(renamed)]) if finding.rule == "source_files"
    ]
    assert messages == [
        "corpus.jsonl is not among the inputs given",
        "other.jsonl was given, but the dataset was not built from it",
    ]


def test_files_may_be_many(sound: Callable[[str], Path], place: Path, tmp_path: Path) -> None:
    """Inputs in several files, of which one holds a copy of another's text, are read as one."""
    documents = make_documents()
    paths = [write_corpus(tmp_path / "in" / f"{part}.jsonl", documents[part::3], broken=part) for part in range(3)]
    directory = tmp_path / "data"
    build(paths, directory, place / "vocab.txt", settings("duplicate_factor=2"))
    assert validate(directory) == []
    assert validate_source(directory, [str(tmp_path / "in")]) == []
    assert {finding.rule for finding in validate_source(directory, [str(path) for path in paths[:2]])} >= {
        "source_files",
        "source_counts",
        "unknown_document",
    }


def test_small_spills_make_no_difference(
    sound: Callable[[str], Path], corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents that are spilled in many parts are found like those that fit in one."""
    monkeypatch.setattr(spilling, "SPILL_TOKENS", 100)
    assert validate_source(sound("nsp"), [str(corpus)]) == []


def test_documents_without_ids_are_found(place: Path, tmp_path: Path) -> None:
    """A document that is named by its file and place is found by that name, in lines of text and in sentences a line."""
    text = "River stone light. Morning paper winter.\nGarden letter window silver. Market engine harbour.\n" * 9
    for index, name in enumerate(["text_line", "text_sentence"]):
        lines = "".join(
            line if number % 4 else f"{line}\n" for number, line in enumerate(text.splitlines(keepends=True))
        )
        path = tmp_path / f"{index}.txt"
        path.write_text(lines if name == "text_sentence" else text.replace(" ", "  ", 3))
        config = settings(f"input.format={name}", "output.num_shards=1", "pairing.objective=sop")
        build([path], tmp_path / name, place / "vocab.txt", config)
        assert validate(tmp_path / name) == []
        assert validate_source(tmp_path / name, [str(path)]) == []
