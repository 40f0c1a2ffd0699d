"""Several processes find what one finds; the fast encoder is compared with the plain one on a sample."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nspdata.dataset.directory import open_directory
from nspdata.files.any import AnyFiles
from nspdata.reading import expand_inputs
from nspdata.tokenization.encoders import DocumentEncoder
from nspdata.tokenization.wordpiece import WordPiece
from nspdata.validation import validate, validate_source
from nspdata.validation.findings import Findings
from nspdata.validation.shard_source import SourceReport
from nspdata.validation.source_totals import check_totals
from nspdata.validation.spec import RowSpec
from nspdata.validation.spilling import Spiller, append_to
from tests.validation.builds import settings
from tests.validation.damage import edit_rows, swap_and_repeat

TEXT = 'It is here. "The text has three sentences." Here it is.'
"""Split differently where a quotation mark stays with the sentence before it."""


def test_a_sound_dataset(place: Path, sound: Callable[[str], Path], corpus: Path) -> None:
    """Three processes find nothing wrong with it, also if the input is several units of work."""
    assert validate(sound("nsp"), num_workers=3) == []
    assert validate_source(sound("nsp"), [str(corpus)], num_workers=3, fast=True) == []


def test_damage(copied: Callable[[str], Path], corpus: Path) -> None:
    """The findings of three processes are those of one: the same rules, files, rows, counts and messages, in the same order."""
    directory = copied("nsp")
    edit_rows(directory, swap_and_repeat)
    found, source = validate(directory), validate_source(directory, [str(corpus)])
    assert len(found) > 2
    assert len(source) > 1
    assert validate(directory, num_workers=3) == found
    assert validate_source(directory, [str(corpus)], num_workers=3) == source


def test_an_encoder_that_differs(place: Path, sound: Callable[[str], Path], tmp_path: Path) -> None:
    """A document to which the plain encoder gives other sentences is a finding; here it splits by another setting."""
    corpus, config, wordpiece = tmp_path / "corpus.jsonl", settings(), WordPiece.load(place / "vocab.txt")
    corpus.write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    spec, sources = RowSpec.of(config, wordpiece.vocabulary), expand_inputs([str(corpus)], AnyFiles(), config.input)
    fast = DocumentEncoder(wordpiece, config.sentences)
    for marks, number in (("next", 0), ("as_spacy", 1)):
        plain = DocumentEncoder(wordpiece, replace(config.sentences, opening_marks=marks), fast=False)
        report, findings = SourceReport(), Findings()
        report.reading = Spiller(spec, AnyFiles(), fast, plain, append_to(tmp_path)).lay_down(sources)
        check_totals(sound("nsp"), open_directory(sound("nsp")).manifest, report, findings)
        assert report.reading.compared == 1
        assert [finding.count for finding in findings.to_list() if finding.rule == "encoder"] == [1] * number
