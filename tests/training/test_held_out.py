"""The evaluation of a finished model: its figures are those of the trainer, its intervals cover, its candidates are fair."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from nspdata.cli import app
from nspdata.dataset.directory import open_directory
from nspdata.errors import ConfigError, InputError
from nspdata.training.held_out import (
    PSEUDO_TOKENS,
    Sampling,
    candidate_pairs,
    evaluate_model,
    ratio,
    sampled_rows,
    single_masks,
)
from nspdata.training.metrics import read_metrics
from tests.training.runs import small_dataset


@pytest.fixture(scope="module")
def rows(dataset):
    """All rows of the train split."""
    return sampled_rows(open_directory(dataset), Sampling(split="train", rows=0))


def test_figures_are_those_of_the_trainer(run, dataset):
    """Over the whole validation split, MLM and pairs come out as the trainer's last evaluation."""
    found = evaluate_model(run / "model", dataset, Sampling(rows=0, ranked=5, candidates=4))
    last = [line for line in read_metrics(run) if line["kind"] == "evaluation"][-1]
    assert found["mlm_loss"].value == pytest.approx(last["mlm_loss"], rel=1e-4)
    assert found["mlm_accuracy"].value == pytest.approx(last["mlm_accuracy"])
    assert found["nsp_accuracy"].value == pytest.approx(last["nsp_accuracy"])
    assert (found["mlm_accuracy"].count, found["nsp_accuracy"].count) == (last["masked"], 24)
    assert found["mean_reciprocal_rank"].count == 5
    assert 1 / 4 <= found["mean_reciprocal_rank"].value <= 1
    assert 1 < found["pseudo_perplexity"].value < 205 * 2
    for figure in found.values():
        assert figure.low < figure.value < figure.high or figure.low == figure.value == figure.high


def test_the_command_evaluates(run, dataset):
    """`nspdata evaluate` prints a line for each figure, and the same as JSON."""
    options = [str(run / "model"), str(dataset), "--rows", "10", "--candidates", "3"]
    done = CliRunner().invoke(app, ["evaluate", *options])
    assert done.exit_code == 0, done.output
    assert "mean reciprocal rank of B among 3" in done.output
    assert done.output.count("95%:") == 5
    done = CliRunner().invoke(app, ["evaluate", *options, "--json"])
    assert set(json.loads(done.output)["mlm_accuracy"]) == {"value", "low", "high", "count"}


def test_what_cannot_be_evaluated_is_said(run, dataset, tmp_path):
    """A split without rows, a model of another vocabulary and a value out of range are refused."""
    with pytest.raises(InputError, match=r"no rows in split 'test'.*train, validation"):
        evaluate_model(run / "model", dataset, Sampling(split="test"))
    other = small_dataset(tmp_path / "other", vocab_size=215)
    with pytest.raises(ConfigError, match="is not that of"):
        evaluate_model(run / "model", other, Sampling())
    with pytest.raises(ConfigError, match="candidates must be 2 or more"):
        Sampling(candidates=1)


def test_an_interval_by_hand():
    """Two documents, one all right and one all wrong: half right, and an interval that two draws give."""
    right, clusters = np.array([1.0, 1.0, 0.0, 0.0]), np.array([7, 7, 9, 9])
    found = ratio(right, np.ones(4), clusters)
    assert (found.value, found.count) == (0.5, 4)
    assert found.high - found.value == pytest.approx(1.96 * np.sqrt(2 * (1 + 1)) / 4)
    alone = ratio(right, np.ones(4), np.arange(4))
    assert alone.high - alone.value < found.high - found.value


def test_intervals_cover():
    """Of 300 samples of documents with shares of their own, about 95% of the intervals hold the true mean."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        documents = np.repeat(np.arange(60), 5)
        share = generator.beta(2, 2, 60)[documents]
        found = ratio((generator.random(300) < share).astype(float), np.ones(300), documents)
        covered += found.low <= 0.5 <= found.high
    assert 0.91 <= covered / 300 <= 0.98


def test_each_copy_has_one_mask(rows, dataset):
    """Each token that is judged is masked alone in a row whose other tokens are the original ones."""
    special_ids = open_directory(dataset).metadata.special_ids
    single, document = single_masks(rows, special_ids, seed=3)
    assert (np.diff(single.masked_offsets) == 1).all()
    restored, plain = single.unmasked_ids(), rows.unmasked_ids()
    places = single.masked_token_indices
    assert (single.input_ids[places] == special_ids["[MASK]"]).all()
    assert not np.isin(restored[places], list(special_ids.values())).any()
    originals = {plain[start:end].tobytes() for start, end in zip(rows.offsets, rows.offsets[1:], strict=False)}
    assert {
        restored[start:end].tobytes() for start, end in zip(single.offsets, single.offsets[1:], strict=False)
    } <= originals
    counts = np.unique(document, return_counts=True)[1]
    assert counts.max() <= PSEUDO_TOKENS * np.unique(rows.document_a, return_counts=True)[1].max()


def test_candidates_are_of_other_documents(rows):
    """The true B comes first, the others are of other documents, A stays whole, and no pair is longer than a row may be."""
    sampling = Sampling(ranked=9, candidates=5)
    pairs, true = candidate_pairs(rows, sampling, max_seq_length=32)
    assert len(pairs) == 5 * len(true) == 45
    assert pairs.lengths.max() <= 32
    plain = rows.unmasked_ids()
    for index, row in enumerate(true.tolist()):
        assert rows.next_sentence_label[row] == 0
        own = plain[rows.offsets[row] : rows.offsets[row + 1]]
        first = slice(pairs.offsets[5 * index], pairs.offsets[5 * index + 1])
        assert pairs.input_ids[first].tolist() == own.tolist()
        for other in range(1, 5):
            start = pairs.offsets[5 * index + other]
            length = int(rows.lengths_a[row])
            assert pairs.input_ids[start : start + length].tolist() == own[:length].tolist()
