"""Proof of learning: what random weights could never pass, and a small model does in two minutes."""

from __future__ import annotations

import json
import sys

import pytest
import transformers

from nspdata.errors import InputError
from nspdata.train.data import open_dataset
from nspdata.train.metrics import read_metrics
from nspdata.train.proof import Proof, proof
from tests.shared import shared
from tests.train.runs import ROOT, run_command, train_small

HELD = {"mlm_loss": 5.5, "unigram": 6.0, "nsp_accuracy": 0.6, "chance": 0.5, "rows": 1000}


def test_a_proof_counts_a_pass_once():
    """Ten passes over the same documents are ten times the rows, but no more independent ones."""
    assert Proof(**HELD).sigmas == pytest.approx(0.1 / (0.25 / 1000) ** 0.5)
    assert Proof(**HELD | {"rows": 10_000}, passes=10).sigmas == pytest.approx(Proof(**HELD).sigmas)


@pytest.mark.parametrize("weak", [{"mlm_loss": 5.9}, {"nsp_accuracy": 0.56}, {"passes": 10}])
def test_a_weak_proof_does_not_hold(weak):
    """Both figures must be well beyond guessing; a little above it is not."""
    assert Proof(**HELD).holds
    assert not Proof(**HELD | weak).holds


def test_random_weights_prove_nothing(dataset, tmp_path):
    """A model that was not trained passes none of it."""
    outcome = train_small(dataset, tmp_path / "run", steps=1, optimizer={"learning_rate": 1e-12})
    shown = proof(outcome.lines, passes=1)
    assert not shown.holds
    assert shown.mlm_loss > shown.unigram
    assert str(shown).startswith("on 24 held-out rows: MLM loss ")


def test_nothing_is_proved_of_what_was_not_trained(dataset, tmp_path):
    """Without held-out pairs there is no proof, and the remedy is told."""
    outcome = train_small(dataset, tmp_path / "run", steps=1, objective="mlm")
    with pytest.raises(InputError, match="train with mlm"):
        proof(outcome.lines, passes=1)


@pytest.mark.slow
def test_tiny_learns_the_corpus_of_the_package(pretrained):
    """`tiny` on the bundled corpus: held-out MLM well below the unigram entropy, pairs significantly above chance."""
    shown = proof(read_metrics(pretrained), passes=open_dataset(pretrained.parent / "data").passes)
    assert shown.mlm_loss < shown.unigram - 0.3, str(shown)
    assert shown.sigmas > 4, str(shown)
    assert shown.holds


def example(name, *arguments):
    """What an example prints last, as JSON."""
    done = run_command([sys.executable, str(ROOT / "examples" / f"{name}.py"), *map(str, arguments)], timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_model_learns_kinds_of_passages(pretrained, tmp_path):
    """Fine-tuned, it tells novels, addresses, proposals and fact sheets of held-out documents apart."""
    told = example(
        "finetune_classification", pretrained / "model", shared("english/fixture_english.jsonl"), "-o", tmp_path / "out"
    )
    assert told["held_out"] > 200
    assert told["accuracy"] > told["commonest"] + 0.1
    transformers.BertForSequenceClassification.from_pretrained(tmp_path / "out")


@pytest.mark.slow
def test_the_model_learns_to_find_answers(pretrained, tmp_path):
    """Fine-tuned, it finds the span that is asked for in passages of held-out documents, exactly."""
    told = example(
        "finetune_question_answering",
        pretrained / "model",
        shared("english/abstracts_20mb.jsonl.gz"),
        "-o",
        tmp_path / "out",
    )
    assert told["held_out"] > 200
    assert told["exact"] > 0.25
    transformers.BertForQuestionAnswering.from_pretrained(tmp_path / "out")
