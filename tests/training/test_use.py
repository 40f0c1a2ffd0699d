"""RUN/model is a checkpoint like any other: `transformers` loads it, whatever head is asked for."""

import pytest
import torch
import transformers
from safetensors.torch import load_file

from nspdata.__main__ import main
from nspdata.errors import ConfigError
from nspdata.training.metrics import read_metrics
from tests.training.runs import small_dataset, train_small

HEADS = {
    "BertForPreTraining": [],
    "BertForNextSentencePrediction": [],
    "BertForMaskedLM": [],
    "BertForSequenceClassification": ["classifier.bias", "classifier.weight"],
    "BertForQuestionAnswering": ["qa_outputs.bias", "qa_outputs.weight"],
}


@pytest.mark.parametrize(("name", "new"), HEADS.items())
def test_a_model_loads_in_every_class(run, name, new):
    """Each class of `transformers` finds every weight in it but those of a head that it adds."""
    transformers.utils.logging.set_verbosity_error()
    model, info = getattr(transformers, name).from_pretrained(run / "model", output_loading_info=True)
    assert sorted(info["missing_keys"]) == new
    assert not info["mismatched_keys"]
    trained = load_file(run / "model" / "model.safetensors")
    loaded = model.state_dict()
    same = [key for key in trained if key in loaded and torch.equal(trained[key], loaded[key])]
    assert len(same) == sum(key in loaded for key in trained) > 0


def test_a_model_brings_its_tokenizer(run, dataset):
    """`AutoTokenizer` reads the tokenizer beside the weights, and it writes the dataset's ids."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(run / "model")
    vocabulary = (dataset / "tokenizer" / "vocab.txt").read_text().split("\n")
    ids = tokenizer("w0 w1", "w2")["input_ids"]
    assert [vocabulary[i] for i in ids] == ["[CLS]", "w0", "w1", "[SEP]", "w2", "[SEP]"]


def test_the_command_trains(dataset, tmp_path, capsys, monkeypatch):
    """`nspdata train OUT -o RUN --model tiny --config FILE` trains and says where to look."""
    config = tmp_path / "train.toml"
    config.write_text('batch_sequences = 8\n[log]\nevery = 1\n[device]\nname = "cpu"\n')
    options = ["--model", "tiny", "--config", str(config), "--steps", "2", "--set", "log.to=[]"]
    monkeypatch.setattr("sys.argv", ["nspdata", "train", str(dataset), "-o", str(tmp_path / "run"), *options])
    with pytest.raises(SystemExit) as done:
        main()
    said = capsys.readouterr().out
    assert not done.value.code
    assert "MLM" in said
    assert "2 steps from step 0" in said
    assert "nspdata score" in said
    assert [line["step"] for line in read_metrics(tmp_path / "run") if line["kind"] == "train"] == [1, 2]


def test_a_run_is_not_begun_twice(run, dataset):
    """A second training into the same directory is refused, with the remedy."""
    with pytest.raises(ConfigError, match="already holds a training; --resume"):
        train_small(dataset, run)


def test_a_dataset_without_enough_rows_is_refused(tmp_path):
    """Fewer rows than one batch are rejected before anything is trained."""
    dataset = small_dataset(tmp_path / "data", rows=4, num_shards=1)
    with pytest.raises(ConfigError, match="sequences to train on are less than one batch of 8"):
        train_small(dataset, tmp_path / "run")
