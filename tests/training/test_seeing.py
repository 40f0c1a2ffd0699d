"""What a training reports: the record, the held-out figures, TensorBoard, the page of curves."""

from __future__ import annotations

import json
import math
import re
import sys

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import BertForPreTraining

from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.shards import read_rows
from nspdata.instances.rows import Rows
from nspdata.loading import Loader
from nspdata.training.data import open_training_data
from nspdata.training.evaluation import guessing
from nspdata.training.metrics import Bar, described, read_metrics
from nspdata.training.report import write_report
from nspdata.training.throughput import measured_peak, training_flops
from tests.training.runs import train_small


def lines(run, kind):
    """The lines of one kind in a run's record."""
    return [line for line in read_metrics(run) if line["kind"] == kind]


def split_rows(dataset, split):
    """All the rows of a split."""
    entries = read_manifest(dataset).splits[split]
    return Rows.concatenate([rows for entry in entries for rows in read_rows(dataset, entry)])


def test_a_line_tells_loss_speed_and_waiting(run):
    """Each line of training has the losses, the accuracies, tokens per second, MFU and the share of time waiting for data."""
    reported = lines(run, "train")
    assert [line["step"] for line in reported] == [1, 2, 3, 4, 5, 6]
    for line in reported:
        assert 0 <= line["mlm_accuracy"] <= 1
        assert 0 <= line["nsp_accuracy"] <= 1
        assert line["tokens_per_s"] > 0
        assert line["mfu"] > 0
        assert 0 <= line["data_wait_share"] <= 1
        assert line["learning_rate"] > 0
        assert line["gradient_norm"] > 0


def test_only_real_tokens_are_counted(run, dataset):
    """The tokens of a run are those of its rows, padding not counted; its rows are those that fill the sequences."""
    batches = zip(range(6), Loader(dataset, batch_size=8, seed=12345, layout="packed", drop_last=True), strict=False)
    last = lines(run, "train")[-1]
    read = [batch for _, batch in batches]
    assert last["tokens"] == sum(len(batch["input_ids"]) for batch in read)
    assert last["rows"] == sum(len(batch["cls_positions"]) for batch in read) > 48


def test_held_out_figures_are_those_of_the_saved_model(run, dataset):
    """The last evaluation is what `transformers` computes from RUN/model over the padded validation split."""
    model = BertForPreTraining.from_pretrained(run / "model").eval()
    (batch,) = Loader(dataset, split="validation", batch_size=99)
    tensors = {key: torch.from_numpy(value) for key, value in batch.items()}
    with torch.inference_mode():
        out = model(**tensors)
    last = lines(run, "evaluation")[-1]
    assert last["loss"] == pytest.approx(out.loss.item(), rel=1e-4)
    assert last["rows"] == 24
    assert last["masked"] == int((tensors["labels"] != -100).sum())
    right = (out.seq_relationship_logits.argmax(-1) == tensors["next_sentence_label"]).double().mean()
    assert last["nsp_accuracy"] == pytest.approx(right.item())


def test_evaluation_can_be_of_fewer_rows(dataset, tmp_path):
    """`evaluation.rows` is the number of rows that are evaluated, whatever the batches."""
    train_small(dataset, tmp_path / "run", steps=1, evaluation={"rows": 10, "batch_size": 4})
    assert [line["rows"] for line in lines(tmp_path / "run", "evaluation")] == [10]
    assert not (tmp_path / "run" / "report.html").exists()  # log.report is false


def test_guessing_is_counted_from_the_rows(run, dataset):
    """The figures to beat: the cross entropy of train's token shares on what is masked, and the more frequent label."""
    counts = np.bincount(split_rows(dataset, "train").unmasked_ids(), minlength=205) + 1.0
    counts[:5] = 0  # the special tokens
    rows = split_rows(dataset, "validation")
    shares = counts / counts.sum()
    guessed = guessing(open_training_data(str(dataset)))
    assert guessed["mlm_loss"] == pytest.approx(-np.log(shares[rows.masked_lm_labels]).mean())
    assert guessed["mlm_accuracy"] == pytest.approx((rows.masked_lm_labels == shares.argmax()).mean())
    assert guessed["nsp_accuracy"] == max(rows.next_sentence_label.mean(), 1 - rows.next_sentence_label.mean())
    assert guessed["rows"] == 24
    (reported,) = lines(run, "baseline")
    assert {key: reported[key] for key in guessed} == guessed


def test_tensorboard_has_the_same_figures(run):
    """TensorBoard reads the losses of training and of evaluation at their steps."""
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    for kind in ("train", "evaluation"):
        reported = [(event.step, event.value) for event in events.Scalars(f"{kind}/mlm_loss")]
        assert reported == [(line["step"], pytest.approx(line["mlm_loss"], rel=1e-6)) for line in lines(run, kind)]


def test_the_page_stands_alone(run):
    """The page has each curve as a picture in it, the last figures and the settings, and fetches nothing."""
    page = (run / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 8
    assert "<script" not in page
    fetched = re.findall(r'(?:src|href)="(?!#)([^"]*)"|url\((?!#)([^)]*)\)|@import', page)
    assert not fetched
    assert "default-src 'none'" in page
    for line in (lines(run, "evaluation")[-1], lines(run, "baseline")[-1]):
        assert f"{line['mlm_loss']:.3f}" in page
    assert "held out, step 6" in page
    assert "&quot;learning_rate&quot;" in page


def test_the_page_is_the_same_again(run):
    """Written twice from the same record, the page is the same to the byte."""
    first = (run / "report.html").read_bytes()
    assert write_report(run).read_bytes() == first


def test_a_line_is_readable():
    """What is printed of a line says what each number is."""
    line = {"kind": "train", "step": 20, "mlm_loss": 7.25, "mlm_accuracy": 0.125, "nsp_loss": 0.5, "nsp_accuracy": 0.75}
    assert described(line) == "step 20  MLM 7.250 (12.5%)  NSP 0.500 (75.0%)"


def test_a_record_is_json_lines(run):
    """Every line of metrics.jsonl is an object with its kind and its step, all numbers finite."""
    for text in (run / "metrics.jsonl").read_text().splitlines():
        line = json.loads(text)
        assert line.pop("kind") in {"train", "evaluation", "baseline"}
        assert all(math.isfinite(value) for value in line.values())


def test_operations_are_six_for_each_weight_of_a_token():
    """Without attention's products, operations are six times the weights that a token meets; the head counts at masked places."""
    model = BertForPreTraining.config_class(
        num_hidden_layers=2, hidden_size=128, num_attention_heads=2, intermediate_size=512
    )
    bert = BertForPreTraining(model)
    weights = sum(parameter.numel() for name, parameter in bert.bert.encoder.named_parameters() if parameter.ndim == 2)
    assert training_flops(model, tokens=10, squares=0, masked=0, rows=0) == 6 * 10 * weights
    head = bert.cls.predictions.transform.dense.weight.numel() + bert.cls.predictions.decoder.weight.numel()
    assert training_flops(model, tokens=0, squares=0, masked=3, rows=0) == 6 * 3 * head
    assert training_flops(model, tokens=0, squares=7, masked=0, rows=0) == 6 * 2 * 2 * 128 * 7


def test_the_peak_is_measured():
    """The device's speed comes out as a number of operations a second that a processor can have."""
    assert 1e8 < measured_peak(torch.device("cpu"), torch.float32) < 1e14


def test_a_terminal_has_a_bar(capsys):
    """On a terminal, a bar tells the steps and the last figures, and other lines are printed above it."""
    bar = Bar(10, 2)
    bar.update({"kind": "train", "step": 5, "mlm_loss": 7.25, "mlm_accuracy": 0.125})
    bar.say("wrote [model]")
    bar.close()
    said = capsys.readouterr().out
    assert "5/10" in said
    assert "MLM 7.250 (12.5%)" in said
    assert "wrote [model]" in said


def test_a_report_that_cannot_be_drawn_is_refused_first(dataset, tmp_path, monkeypatch):
    """Without matplotlib, a training with a report stops before its first step."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match="matplotlib"):
        train_small(dataset, tmp_path / "run", steps=1, log={"report": True})
    assert not (tmp_path / "run").exists()
