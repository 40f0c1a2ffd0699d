"""What the commands do, from Python: jobs that are not waited for, runners, samples of sentences, all figures as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import nspdata

RUNNER = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def command(*arguments: str) -> str:
    """The standard output of a command."""
    done = subprocess.run([sys.executable, "-m", "nspdata", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_job_that_ends_with_this_process_is_not_submitted(inside: Path) -> None:
    """`submit` refuses runners that stop when this process ends."""
    with pytest.raises(nspdata.ConfigError, match="needs a runner that outlives this process"):
        nspdata.submit("corpus.jsonl", "submitted", tokenizer="tokenizer", beam_options=[])
    assert not (inside / "submitted").exists()


def test_build_waits_for_its_job(inside: Path) -> None:
    """Options that do not wait are refused before anything is written; the error names `submit`."""
    with pytest.raises(nspdata.ConfigError, match=r"use nspdata\.submit"):
        nspdata.build("corpus.jsonl", "waits", tokenizer="tokenizer", beam_options=["--dry_run"])
    assert not (inside / "waits").exists()


def test_a_runner_trains_the_same_tokenizer(inside: Path) -> None:
    """A worker of a Beam runner writes the files that a local training writes."""
    trained = nspdata.train_tokenizer("corpus.jsonl", "remote", vocab_size=2000, beam_options=[RUNNER])
    assert (trained.vocab_size, trained.text_bytes) == (2000, None)
    assert (inside / "remote/vocab.txt").read_bytes() == (inside / "tokenizer/vocab.txt").read_bytes()


def test_json_of_the_commands_is_that_of_the_interface(inside: Path) -> None:
    """`stats --json`, `check-tokenizer --json` and `sentences --json` print the values of the functions."""
    dataset = nspdata.open_dataset("data")
    assert json.loads(command("stats", "data", "--json")) == json.loads(json.dumps(dataset.to_json()))
    fit = nspdata.check_tokenizer("tokenizer", "corpus.jsonl")
    assert json.loads(command("check-tokenizer", "tokenizer", "corpus.jsonl", "--json")) == fit.to_json()
    lines = command("sentences", "corpus.jsonl", "-n", "7", "--tokenizer", "tokenizer", "--json").splitlines()
    sentences = nspdata.sample_sentences("corpus.jsonl", 7, tokenizer="tokenizer")
    assert [json.loads(line) for line in lines] == [sentence.to_json() for sentence in sentences]
    assert len(sentences) == 7
    assert len({sentence.start == 0 for sentence in sentences}) == 2


def test_a_long_sentence_shows_its_cuts(inside: Path) -> None:
    """The pieces between the cuts are the whole sentence, and each cut has its reason."""
    text = "we the people, we the states, we the union, we the people, we the states, we the union."
    (sentence,) = nspdata.sample_sentences(iter([text]), tokenizer="tokenizer", sentences__max_tokens=12)
    assert "".join(sentence.pieces) == text
    assert sentence.pieces[0].endswith("the union, ")
    assert sentence.tokens == 24
    assert len(sentence.pieces) == 2
    assert {reason for _, reason in sentence.cuts} == {"clause_mark"}


def test_the_report_opens_the_manifest_once(inside: Path) -> None:
    """`stats --html` reads `manifest.json` once."""
    code = (
        "import sys\nopened = []\n"
        "def audit(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).endswith('manifest.json'): opened.append(arguments[0])\n"
        "sys.addaudithook(audit)\nimport nspdata\n"
        "nspdata.open_dataset('data').report('once.html')\nprint(len(opened))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
