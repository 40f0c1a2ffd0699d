"""Sentences as the command shows them: spans, tokens, and cuts with their reasons."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from nspdata.cli import app
from nspdata.config.build import SentencesConfig
from nspdata.tokenization.encoders import DocumentSplitter
from nspdata.tokenization.inspecting import inspect_sentences
from tests.building.corpus import write_vocabulary
from tests.tokenization.texts import BUNDLED, wordpiece

TEXT = "The people of the Union, the Senate of the people, and the citizens.\n\nIt is so. “The end.”"


def test_sentences_have_tokens_and_cuts() -> None:
    """A long sentence is shown with its cuts at clause marks; its pieces are in the text."""
    tokenizer = wordpiece(BUNDLED)
    (found,) = inspect_sentences([TEXT], DocumentSplitter(SentencesConfig()), tokenizer, max_tokens=8)
    assert [TEXT[sentence.start : sentence.end] for sentence in found] == [
        *TEXT.split("\n\n")[:1],
        "It is so.",
        "“The end.”",
    ]
    assert [sentence.tokens for sentence in found] == [len(tokenizer.encode([TEXT[s.start : s.end]])[0]) for s in found]
    assert [(TEXT[place : place + 3], reason) for place, reason in found[0].cuts] == [
        ("the", "clause_mark"),
        ("and", "clause_mark"),
    ]
    assert not found[1].cuts
    (plain,) = inspect_sentences([TEXT], DocumentSplitter(SentencesConfig()))
    assert [(s.start, s.end, s.tokens, s.cuts) for s in plain] == [(s.start, s.end, None, ()) for s in found]


def test_the_command_prints_sentences(tmp_path: Path) -> None:
    """`sentences` prints lines, or JSON with `--json`."""
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "1", "text": TEXT}) + "\n", encoding="utf-8")
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    arguments = [
        "sentences",
        str(tmp_path / "a.jsonl"),
        "-n",
        "9",
        "--tokenizer",
        str(vocabulary),
        "--set",
        "sentences.max_tokens=8",
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0].endswith(
        "Union, |cut: clause_mark| the Senate of the people, |cut: clause_mark| and the citizens."
    )
    rows = [json.loads(line) for line in CliRunner().invoke(app, [*arguments, "--json"]).output.splitlines()]
    assert [row["text"] for row in rows][1:] == ["It is so.", "“The end.”"]
    assert [cut["reason"] for cut in rows[0]["cuts"]] == ["clause_mark", "clause_mark"]
