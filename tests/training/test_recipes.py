"""The recipes of examples/recipes are settings that load, and train."""

from __future__ import annotations

import dataclasses

import pytest

from nspdata.config.train import load_train_config
from nspdata.training.metrics import read_metrics
from nspdata.training.run import train
from tests.training.runs import ROOT

RECIPES = sorted((ROOT / "examples" / "recipes").glob("*.toml"))


def recipe(path):
    """The settings of a recipe."""
    return load_train_config(path.read_text(encoding="utf-8"), [], {})


def test_there_are_recipes():
    """NVIDIA's two phases with LAMB and MosaicBERT's masks are there, with their own batches."""
    found = {path.stem: recipe(path) for path in RECIPES}
    assert [phase.batch_sequences for phase in found["nvidia_phases"].stages] == [65536, 32768]
    assert found["nvidia_phases"].optimizer.name == "lamb"
    (only,) = found["mosaicbert"].stages
    assert (only.masking, only.masking_config) == ("dynamic", {"masked_lm_prob": 0.3})


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_trains(path, dataset, tmp_path):
    """Each recipe runs for 20 steps at tiny size, on a CPU, with its own optimizer, masks and phases; the loss is finite."""
    config = recipe(path)
    small = {"batch_sequences": 8, "micro_batch_sequences": 4}
    phases = tuple(dataclasses.replace(phase, dataset="", steps=10, **small) for phase in config.phases)
    only = {} if phases else small | {"steps": 20}
    config = dataclasses.replace(
        config,
        **only,
        phases=phases,
        model=dataclasses.replace(config.model, source="tiny"),
        device=dataclasses.replace(config.device, name="cpu"),
        log=dataclasses.replace(config.log, every=5, to=()),
    )
    outcome = train(str(dataset), tmp_path / "run", config)
    assert (outcome.finished, outcome.step) == (True, 20)
    assert all(line["loss"] < 12 for line in read_metrics(tmp_path / "run") if line["kind"] == "train")
