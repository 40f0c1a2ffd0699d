"""P(B follows A): one pair or a file of them, the same figure however they are batched."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertForNextSentencePrediction

from nspdata.__main__ import main
from nspdata.errors import ConfigError, InputError
from nspdata.training.scoring import Scorer
from tests.training.runs import small_dataset, train_small

WORDS = st.lists(st.sampled_from([f"w{index}" for index in range(0, 160, 7) if index % 5 != 4]), max_size=40).map(
    " ".join
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The directory of a model that was trained a little."""
    directory = tmp_path_factory.mktemp("scoring")
    dataset = small_dataset(directory / "data")
    train_small(dataset, directory / "run", steps=3)
    return directory / "run" / "model"


@pytest.fixture(scope="module")
def scorer(model):
    """The model as it scores."""
    return Scorer.load(model, device="cpu")


def command(monkeypatch, *options):
    """Runs `nspdata score` and hands back its exit code."""
    monkeypatch.setattr("sys.argv", ["nspdata", "score", *options])
    with pytest.raises(SystemExit) as done:
        main()
    return done.value.code or 0


@given(pairs=st.lists(st.tuples(WORDS, WORDS), max_size=9), batch_size=st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_a_score_does_not_depend_on_its_batch(scorer, pairs, batch_size):
    """Each pair scored alone has the score that it has among others, in its place."""
    together = scorer.score(pairs, batch_size=batch_size)
    alone = [scorer.score([pair])[0] for pair in pairs]
    assert together.shape == (len(pairs),)
    np.testing.assert_allclose(together, np.array(alone), atol=1e-6)
    assert ((together > 0) & (together < 1)).all()


def test_a_score_is_the_probability_of_label_0(model, scorer):
    """The score is the share of the softmax that `transformers` gives to label 0: B follows A."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    reference = BertForNextSentencePrediction.from_pretrained(model).eval()
    with torch.inference_mode():
        logits = reference(**tokenizer("w0 w1 w2", "w3", return_tensors="pt")).logits
    assert scorer.score([("w0 w1 w2", "w3")])[0] == pytest.approx(logits.softmax(-1)[0, 0].item(), abs=1e-6)


def test_a_long_pair_is_cut(scorer):
    """A pair longer than the model's positions is scored by what fits."""
    long = " ".join(["w0"] * 600)
    assert 0 < scorer.score([(long, long)])[0] < 1
    assert 0 < scorer.score([("w1", long)])[0] < 1


def test_the_command_scores_one_pair(model, monkeypatch, capsys, scorer):
    """`nspdata score MODEL A B` prints the probability and what it is of."""
    assert command(monkeypatch, str(model), "w0 w1", "w2") == 0
    said = capsys.readouterr().out
    assert said == f"{scorer.score([('w0 w1', 'w2')])[0]:.4f}  P(B follows A)\n"


def test_the_command_scores_a_file(model, monkeypatch, capsys, scorer, tmp_path):
    """`--input FILE` gives every record back with its score, in its place, its other fields kept."""
    records = [{"id": 7, "a": "w0", "b": "w1 w2 w3"}, {"a": "w5 w6", "b": "w7", "note": "é"}]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + "\n")
    assert command(monkeypatch, str(model), "--input", str(path), "--batch-size", "1") == 0
    reported = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    scores = scorer.score([(record["a"], record["b"]) for record in records])
    assert reported == [record | {"score": pytest.approx(score)} for record, score in zip(records, scores, strict=True)]


@pytest.mark.parametrize("line", ['{"a": "x"}', "[]", "no json", '{"a": 1, "b": "x"}', '"ab"'])
def test_a_line_that_is_no_pair_is_reported(scorer, line):
    """The error for a line without two texts names its file and line number."""
    with pytest.raises(InputError, match=r"pairs.jsonl, line 2: not a pair"):
        list(scorer.score_lines(['{"a": "w0", "b": "w1"}\n', line + "\n"], name="pairs.jsonl"))


def test_wrong_usage_is_reported(model, monkeypatch, capsys, tmp_path):
    """Neither two texts nor a file, or a file that is not there, is an error of one line."""
    assert command(monkeypatch, str(model)) == 2
    assert "give two texts A and B, or --input" in capsys.readouterr().err
    assert command(monkeypatch, str(model), "w0") == 2
    assert command(monkeypatch, str(model), "w0", "w1", "--input", "pairs.jsonl") == 2
    assert command(monkeypatch, str(model), "--input", str(tmp_path / "none.jsonl")) == 1
    assert "none.jsonl: cannot be read" in capsys.readouterr().err


def test_a_directory_without_a_model_is_reported(model, tmp_path):
    """No config.json, no weights, or no tokenizer: the error names the directory."""
    with pytest.raises(ConfigError, match=r"no config.json"):
        Scorer.load(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    (copy / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="cannot be read as a BERT"):
        Scorer.load(copy)


def test_a_head_that_was_never_trained_gives_no_scores(tmp_path):
    """A model trained with MLM alone has no P(B follows A), and says so."""
    dataset = small_dataset(tmp_path / "data")
    train_small(dataset, tmp_path / "run", steps=1, objective="mlm")
    with pytest.raises(ConfigError, match="its next-sentence head was never trained"):
        Scorer.load(tmp_path / "run" / "model")


def test_sop_says_what_it_scores(tmp_path):
    """A model of swapped segments gives the probability that A and B stand in order."""
    dataset = small_dataset(tmp_path / "data", objective="sop")
    train_small(dataset, tmp_path / "run", steps=1)
    assert Scorer.load(tmp_path / "run" / "model").meaning == "A and B stand in this order"
