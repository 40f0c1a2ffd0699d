"""Objectives, phases, and checkpoints to continue from: matching parts train, others are rejected."""

from __future__ import annotations

import json
import math
import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import BertForMaskedLM, BertForPreTraining, BertModel

from nspdata.config.train import ModelConfig, OptimizerConfig
from nspdata.errors import ConfigError, ShardError
from nspdata.tokenization.vocabulary import Vocabulary
from nspdata.training.metrics import TrainingError, read_metrics
from nspdata.training.model import checkpoint_model, fresh_model
from nspdata.training.optimizer import Lamb
from tests.datasets import small_vocabulary
from tests.training.runs import figures, small_dataset, train_small


@pytest.mark.parametrize("objective", ["mlm+nsp", "mlm", "nsp"])
def test_each_objective_tells_its_own_figures(dataset, tmp_path, objective):
    """The loss is the sum of the parts that are asked for, and each part's figures are reported."""
    train_small(dataset, tmp_path / "run", objective=objective, steps=2)
    for line in [*figures(tmp_path / "run").values(), *figures(tmp_path / "run", "evaluation").values()]:
        parts = [key for key in ("mlm_loss", "nsp_loss") if key in line]
        assert parts == [f"{part}_loss" for part in objective.split("+")]
        assert line["loss"] == pytest.approx(sum(line[part] for part in parts))
    config = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert config["nspdata_objective"] == objective


def test_an_objective_alone_leaves_the_other_head(dataset, tmp_path):
    """With `mlm` the pair head stays as it was made, with `nsp` the head of the masks."""
    heads = {"mlm": "cls.seq_relationship.weight", "nsp": "cls.predictions.transform.dense.weight"}
    first = {}
    for steps in (1, 3):
        for objective, head in heads.items():
            run = tmp_path / f"{objective}{steps}"
            train_small(dataset, run, objective=objective, steps=steps)
            weights = load_file(run / "model" / "model.safetensors")
            assert first.setdefault(head, weights[head]).equal(weights[head])


def test_sop_rows_train_sop(tmp_path):
    """With `auto`, a dataset of swapped segments trains mlm+sop; nsp is not available."""
    dataset = small_dataset(tmp_path / "data", objective="sop")
    train_small(dataset, tmp_path / "run", steps=1)
    assert json.loads((tmp_path / "run" / "model" / "config.json").read_text())["nspdata_objective"] == "mlm+sop"
    with pytest.raises(ConfigError, match=r"needs rows built with pairing.objective=nsp; .* has pairing.objective=sop"):
        train_small(dataset, tmp_path / "other", objective="mlm+nsp")


def test_rows_without_pairs_train_mlm(tmp_path):
    """With `auto`, a dataset without pairs trains its masks alone."""
    dataset = small_dataset(tmp_path / "data", objective="none")
    train_small(dataset, tmp_path / "run", steps=1)
    assert "nsp_loss" not in figures(tmp_path / "run")[1]


def test_rows_without_masks_need_dynamic_ones(tmp_path):
    """A dataset built without masks trains pairs with `auto`; MLM asks for masking=dynamic."""
    dataset = small_dataset(tmp_path / "data", strategy="none")
    train_small(dataset, tmp_path / "run", steps=1)
    assert "mlm_loss" not in figures(tmp_path / "run")[1]
    with pytest.raises(ConfigError, match="set masking=dynamic"):
        train_small(dataset, tmp_path / "other", objective="mlm+nsp")


def test_a_loss_that_is_not_finite_stops_the_run(dataset, tmp_path):
    """A learning rate far too high ends the run with the step, the batch and the last good checkpoint, not with NaN weights."""
    run = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"not finite at step \d+ .*the last good checkpoint is .*step-0000000\d"):
        train_small(
            dataset,
            run,
            steps=50,
            optimizer={"learning_rate": 1e30, "warmup_share": 0.1, "clip": 0.0, "schedule": "constant"},
            checkpoint={"every": 1},
        )
    assert not (run / "model").exists()
    assert all(math.isfinite(value) for line in figures(run).values() for value in line.values())


def test_a_loss_that_climbs_stops_the_run(dataset, tmp_path):
    """A loss far above its best ends the run and says by how much."""
    with pytest.raises(
        TrainingError, match=r"mlm_loss is .* above its best .*log.divergence is 1.0.*no checkpoint yet"
    ):
        train_small(
            dataset,
            tmp_path / "run",
            steps=60,
            optimizer={"learning_rate": 3.0, "schedule": "constant"},
            log={"divergence": 1.0},
        )


def test_phases_follow_one_another(dataset, tmp_path):
    """Two datasets of short and long rows train one after the other, and a stop between or within them changes nothing."""
    long = small_dataset(tmp_path / "long", max_seq_length=64, seed=3)
    phases = [{"steps": 3, "batch_sequences": 8}, {"dataset": str(long), "steps": 3, "batch_sequences": 4}]
    layout = {"device": {"layout": "flat"}, "evaluation": {"every": 3}}
    settings = layout | {"phases": phases, "checkpoint": {"every": 1, "keep": 9}}
    whole = tmp_path / "whole"
    assert train_small(dataset, whole, **settings).num_steps == 6
    rows = [line["rows"] for line in read_metrics(whole) if line["kind"] == "train"]
    assert rows == [8, 16, 24, 28, 32, 36]
    held_out = [line for line in read_metrics(whole) if line["kind"] == "evaluation"]
    assert [(line["step"], line["dataset"]) for line in held_out] == [(3, str(dataset)), (6, str(long))]
    for step in (3, 4):
        run = tmp_path / f"run{step}"
        shutil.copytree(whole, run)
        shutil.rmtree(run / "model")
        for path in sorted((run / "checkpoints").iterdir())[step:]:
            shutil.rmtree(path)
        train_small(dataset, run, resume=True, **settings)
        assert figures(run) == figures(whole)


def test_a_dataset_that_no_phase_reads_is_named(dataset, tmp_path, capsys):
    """A dataset that was given, but that no phase reads, is named; one that a phase reads is not."""
    phases = [{"steps": 1, "batch_sequences": 4, "mixture": {str(dataset): 1}}]
    train_small(tmp_path / "other", tmp_path / "run", phases=phases)
    assert f"{tmp_path / 'other'} is not read: each phase names its own datasets" in capsys.readouterr().out
    train_small(dataset, tmp_path / "read", phases=phases)
    assert "is not read" not in capsys.readouterr().out


def test_phases_need_one_vocabulary(dataset, tmp_path):
    """Datasets of two vocabularies are not trained on one after another."""
    other = small_dataset(tmp_path / "other", vocab_size=300)
    with pytest.raises(ConfigError, match="every phase needs the same tokenizer_sha256"):
        train_small(dataset, tmp_path / "run", phases=[{"steps": 1}, {"steps": 1, "dataset": str(other)}])


def test_a_training_goes_on_from_a_checkpoint(run, dataset, tmp_path):
    """From RUN/model as from any Hugging Face directory, training begins with its weights."""
    model, notes = checkpoint_model(run / "model", small_vocabulary(205), max_seq_length=32, config=ModelConfig())
    assert notes == []
    saved = load_file(run / "model" / "model.safetensors")
    assert all(parameter.equal(saved[name]) for name, parameter in model.named_parameters())
    outcome = train_small(dataset, tmp_path / "run", model={"source": str(run / "model")}, steps=1)
    assert outcome.finished
    assert outcome.lines[-1]["mlm_loss"] < 5.5


def test_a_new_model_has_no_dropout_and_a_checkpoint_keeps_its_own(run, tmp_path):
    """Dropout of -1 is 0 for a new model and that of `config.json` for a directory; a number is taken for both."""
    vocabulary = small_vocabulary(205)
    copy = tmp_path / "model"
    shutil.copytree(run / "model", copy)
    settings = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(settings | {"hidden_dropout_prob": 0.15}))
    for given, new, continued in ((-1.0, 0.0, 0.15), (0.0, 0.0, 0.0), (0.3, 0.3, 0.3)):
        config = ModelConfig(dropout=given)
        fresh = fresh_model("tiny", vocabulary, max_seq_length=32, config=config)
        model, _ = checkpoint_model(copy, vocabulary, max_seq_length=32, config=config)
        assert (fresh.config.hidden_dropout_prob, model.config.hidden_dropout_prob) == (new, continued)
        assert model.bert.embeddings.dropout.p == continued


@pytest.mark.parametrize(
    ("kind", "missing"), [(BertForMaskedLM, "cls.seq_relationship.weight"), (BertModel, "cls.predictions.transform")]
)
def test_heads_that_a_checkpoint_lacks_are_made_and_reported(run, dataset, tmp_path, capsys, kind, missing):
    """Training continues from a checkpoint without heads: they are initialised and named."""
    bare = tmp_path / "bare"
    kind.from_pretrained(run / "model").save_pretrained(bare)
    shutil.copyfile(run / "model" / "vocab.txt", bare / "vocab.txt")
    train_small(dataset, tmp_path / "run", model={"source": str(bare)}, steps=1)
    said = capsys.readouterr().out
    assert "not in the checkpoint, initialised randomly: " in said
    assert missing in said
    BertForPreTraining.from_pretrained(tmp_path / "run" / "model")


def test_another_vocabulary_is_refused(run, tmp_path):
    """A dataset of another vocabulary than the checkpoint's is rejected; the error names the first id that differs and the remedy."""
    tokens = list(small_vocabulary(205).tokens)
    tokens[10], tokens[11] = tokens[11], tokens[10]
    with pytest.raises(ConfigError, match=r"differ from id 10 on; build the dataset with --tokenizer"):
        checkpoint_model(run / "model", Vocabulary(tuple(tokens)), max_seq_length=32, config=ModelConfig())
    with pytest.raises(ConfigError, match=r"\(205 tokens\).*in their number; --extend-vocab"):
        checkpoint_model(run / "model", small_vocabulary(215), max_seq_length=32, config=ModelConfig())


def test_new_tokens_begin_as_the_mean(run):
    """`--extend-vocab` adds a row for each new token, the mean of the known ones, and leaves the others."""
    config = ModelConfig(extend_vocab=True)
    model, notes = checkpoint_model(run / "model", small_vocabulary(215), max_seq_length=32, config=config)
    known = load_file(run / "model" / "model.safetensors")
    rows = model.bert.embeddings.word_embeddings.weight.detach()
    old = known["bert.embeddings.word_embeddings.weight"]
    assert rows.shape == (215, 128)
    assert rows[:205].equal(old)
    torch.testing.assert_close(rows[205:], old.mean(0).expand(10, -1))
    assert model.cls.predictions.decoder.weight.detach().equal(rows)
    assert model.cls.predictions.decoder.bias is model.cls.predictions.bias
    assert notes == ["10 new tokens: their embeddings start as the mean of the 205 known ones"]


def test_an_extended_model_trains_and_loads(run, tmp_path):
    """A training with new tokens ends in a model of the new size that `transformers` loads."""
    dataset = small_dataset(tmp_path / "data", vocab_size=215)
    model = {"source": str(run / "model"), "extend_vocab": True}
    train_small(dataset, tmp_path / "run", model=model, steps=2)
    loaded, info = BertForPreTraining.from_pretrained(tmp_path / "run" / "model", output_loading_info=True)
    assert loaded.config.vocab_size == len(loaded.get_input_embeddings().weight) == 215
    assert not info["missing_keys"]
    assert not info["mismatched_keys"]


def test_what_is_no_bert_is_refused(run, tmp_path):
    """A directory that holds no BERT, no vocabulary or too few positions is rejected with that reason."""
    vocabulary, config = small_vocabulary(205), ModelConfig()
    with pytest.raises(ConfigError, match=r"neither one of tiny, mini.* nor a directory with a config.json"):
        checkpoint_model(tmp_path, vocabulary, max_seq_length=32, config=config)
    with pytest.raises(ConfigError, match="has 512 positions, the dataset's rows are up to 600"):
        checkpoint_model(run / "model", vocabulary, max_seq_length=600, config=config)
    copy = tmp_path / "copy"
    shutil.copytree(run / "model", copy)
    for name in ("vocab.txt", "tokenizer.json"):
        (copy / name).unlink()
    with pytest.raises(ConfigError, match=r"neither vocab.txt nor tokenizer.json"):
        checkpoint_model(copy, vocabulary, max_seq_length=32, config=config)
    settings = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(settings | {"model_type": "gpt2"}))
    with pytest.raises(ConfigError, match="model_type 'gpt2'; training can continue only from a 'bert'"):
        checkpoint_model(copy, vocabulary, max_seq_length=32, config=config)


def test_positions_are_extended(run, tmp_path):
    """With `model.extend_positions`, longer rows train: the new positions start as the first ones; the model loads."""
    config = ModelConfig(extend_positions=True)
    model, notes = checkpoint_model(run / "model", small_vocabulary(205), max_seq_length=600, config=config)
    known = load_file(run / "model" / "model.safetensors")["bert.embeddings.position_embeddings.weight"]
    assert model.bert.embeddings.position_embeddings.weight.detach().equal(torch.cat([known, known[:88]]))
    assert notes == ["88 new positions: their embeddings start as those of the first ones"]
    dataset = small_dataset(tmp_path / "data", max_seq_length=600, rows=12, num_shards=1)
    model = {"source": str(run / "model"), "extend_positions": True}
    train_small(dataset, tmp_path / "run", model=model, steps=1, batch_sequences=2)
    assert BertForPreTraining.from_pretrained(tmp_path / "run" / "model").config.max_position_embeddings == 600


def test_one_token_type_is_refused(run, tmp_path):
    """A model with one token type cannot tell A from B, and is refused in words."""
    copy = tmp_path / "copy"
    shutil.copytree(run / "model", copy)
    settings = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(settings | {"type_vocab_size": 1}))
    with pytest.raises(ConfigError, match=r"1 token types .* only from a BERT with 2"):
        checkpoint_model(copy, small_vocabulary(205), max_seq_length=32, config=ModelConfig())


@pytest.mark.parametrize(("name", "steps"), [("lamb", 30), ("muon", 4)])
def test_other_optimizers_learn_and_resume(dataset, tmp_path, name, steps):
    """LAMB and Muon lower the loss, and a run that stopped ends in the weights of one that did not."""
    if name == "muon" and not hasattr(torch.optim, "Muon"):
        pytest.skip("Muon needs torch 2.9 or newer")
    optimizer = {"name": name, "learning_rate": 2e-3, "schedule": "constant", "warmup_share": 0.0}
    settings = {"optimizer": optimizer, "model": {"dropout": 0.0}, "checkpoint": {"every": steps // 2}}
    settings["log"] = {"every": steps // 2}
    train_small(dataset, tmp_path / "whole", steps=steps, **settings)
    train_small(dataset, tmp_path / "run", steps=steps // 2, **settings)
    train_small(dataset, tmp_path / "run", steps=steps, resume=True, **settings)
    losses = [line["mlm_loss"] for line in read_metrics(tmp_path / "whole") if line["kind"] == "train"]
    assert losses[1] < losses[0]
    one, other = (load_file(tmp_path / run / "model" / "model.safetensors") for run in ("whole", "run"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_lamb_by_hand():
    """One step of LAMB moves a weight by the learning rate times its norm, against the gradient; a bias moves as in Adam."""
    weight, bias = torch.nn.Parameter(torch.tensor([[3.0, 4.0]])), torch.nn.Parameter(torch.tensor([1.0]))
    groups = [{"params": [weight], "weight_decay": 1e-9}, {"params": [bias], "weight_decay": 0.0}]
    optimizer = Lamb(groups, OptimizerConfig(learning_rate=0.1, epsilon=0.0))
    weight.grad, bias.grad = torch.tensor([[1.0, -1.0]]), torch.tensor([2.0])
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([[3 - 0.1 * 5 / 2**0.5, 4 + 0.1 * 5 / 2**0.5]]))
    torch.testing.assert_close(bias.detach(), torch.tensor([0.9]))


def test_an_altered_vocabulary_is_refused(tmp_path):
    """A vocabulary of another dataset is rejected before anything is trained."""
    dataset = small_dataset(tmp_path / "data")
    path = dataset / "tokenizer" / "vocab.txt"
    path.write_text(path.read_text().replace("w7\n", "w7x\n"))
    with pytest.raises(ShardError, match="not the tokenizer that the rows were built with"):
        train_small(dataset, tmp_path / "run")


def test_an_unfinished_dataset_is_refused(tmp_path):
    """A directory without a manifest is reported as unfinished."""
    dataset = small_dataset(tmp_path / "data")
    (dataset / "manifest.json").unlink()
    with pytest.raises(ShardError, match="not a finished dataset"):
        train_small(dataset, tmp_path / "run")
