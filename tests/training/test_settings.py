"""Settings and schedule: what is written is what is trained with, and a wrong word is rejected."""

from __future__ import annotations

import importlib
import itertools
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.config.parsing import read_text
from nspdata.config.train import (
    FURTHER_RATE,
    RATES,
    OptimizerConfig,
    Phase,
    TrainConfig,
    load_train_config,
    train_config,
)
from nspdata.errors import ConfigError
from nspdata.training.schedule import learning_rate

ROOT = Path(__file__).parents[2]

SCHEDULES = ("linear", "cosine", "wsd", "constant")


def test_a_file_is_under_assignments_and_they_under_flags():
    """TOML gives the settings, `--set` lies over it, a flag over both; a flag not given is silent."""
    text = 'steps = 5\nseed = 1\n[optimizer]\nlearning_rate = 0.1\nschedule = "cosine"\n'
    config = load_train_config(text, ["optimizer.learning_rate=0.2", "seed=2"], {"seed": 3, "model.source": None})
    assert (config.steps, config.seed, config.optimizer.learning_rate, config.optimizer.schedule) == (
        5,
        3,
        0.2,
        "cosine",
    )
    assert config.model.source == "tiny"


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ({"stepz": 1}, "'steps'?"),
        ({"optimizer": {"learning_rte": 1}}, "'optimizer.learning_rate'?"),
        ({"phases": [{"batch_sequence": 1}]}, r"'batch_sequences'\?"),
        ({"phases": 3}, "phases is a list of tables"),
        ({"phases": [{"steps": 1}], "steps": 2}, r"belong into each table of \[\[phases\]\]"),
        ({"batch_sequences": 0}, "batch_sequences must be at least 1, not 0"),
        ({"steps": -1}, "steps must be 0 or more"),
        ({"objective": "mlm+xyz"}, "objective must be one of"),
        ({"optimizer": {"warmup_share": 1.5}}, "from 0 to 1, not 1.5"),
        ({"model": {"dropout": 1.0}}, "at least 0 and under 1, or -1"),
        ({"model": {"dropout": -0.5}}, "at least 0 and under 1, or -1"),
        ({"model": {"attention_dropout": -1.0}}, "at least 0 and under 1, not"),
        ({"checkpoint": {"keep": 0}}, "checkpoint.keep must be at least 1"),
        ({"log": {"every": 0}}, "log.every must be at least 1"),
        ({"device": {"layout": "ragged"}}, "device.layout must be one of"),
    ],
)
def test_a_wrong_setting_is_reported(values, reported):
    """An unknown key names the nearest known one; a value out of range names its range."""
    with pytest.raises(ConfigError, match=reported):
        train_config(values)


def test_settings_without_a_file_are_the_defaults(tmp_path):
    """No file gives the defaults, and one that cannot be read is an error with its name."""
    assert load_train_config(read_text(None), [], {}) == TrainConfig()
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        read_text(tmp_path / "none.toml")


def test_phases_stand_for_the_settings_of_the_only_one():
    """Without phases there is one, of the settings at the top; with them, those count."""
    assert TrainConfig(steps=3, batch_sequences=4).stages == (Phase(steps=3, batch_sequences=4, masking="static"),)
    assert train_config({"phases": [{"steps": 9}, {"dataset": "long"}]}).stages == (
        Phase(steps=9, masking="static"),
        Phase(dataset="long", masking="static"),
    )


def test_a_learning_rate_suits_the_size():
    """Where none is given, a small model learns faster than a large one, and one that goes on the slowest."""
    rates = [train_config({"model": {"source": size}}).with_rate().optimizer.learning_rate for size in RATES]
    assert rates == sorted(rates, reverse=True)
    assert train_config({"model": {"source": "some/directory"}}).with_rate().optimizer.learning_rate == FURTHER_RATE
    assert train_config({"optimizer": {"learning_rate": 1e-5}}).with_rate().optimizer.learning_rate == 1e-5


def test_what_does_not_change_the_training_may_change():
    """A resumed run may be told, saved and evaluated at other intervals, but not be trained otherwise."""
    plain, other = train_config({}), train_config({"log": {"every": 3}, "device": {"compile": "yes"}})
    assert plain.decisive() == other.decisive()
    assert plain.decisive() != train_config({"optimizer": {"clip": 2.0}}).decisive()


@given(
    schedule=st.sampled_from(SCHEDULES),
    num_steps=st.integers(1, 300),
    warmup=st.floats(0, 1),
    decay=st.floats(0, 1),
    final=st.floats(0, 1),
)
def test_a_rate_climbs_then_never_does(schedule, num_steps, warmup, decay, final):
    """In each schedule the rate climbs to its highest in the warm-up and never climbs after it, nor falls under its last share."""
    config = OptimizerConfig(
        learning_rate=1.0, schedule=schedule, warmup_share=warmup, decay_share=decay, final_share=final
    )
    rates = [learning_rate(step, num_steps, config) for step in range(num_steps)]
    ramp = round(num_steps * warmup)
    assert rates[:ramp] == sorted(rates[:ramp])
    after = rates[ramp:]
    assert all(one >= two - 1e-12 for one, two in itertools.pairwise(after))
    assert all(final - 1e-9 <= rate <= 1 + 1e-9 for rate in after)
    assert max(rates) == pytest.approx(1.0)


def test_a_linear_schedule_by_hand():
    """Linear, ten steps with a warm-up of two: up in halves, then down in eighths."""
    config = OptimizerConfig(learning_rate=8.0, warmup_share=0.2)
    assert [learning_rate(step, 10, config) for step in range(10)] == [4, 8, 8, 7, 6, 5, 4, 3, 2, 1]


def test_wsd_holds_then_falls():
    """WSD, ten steps: warm-up, constant, then a linear decay over the last four."""
    config = OptimizerConfig(learning_rate=4.0, schedule="wsd", warmup_share=0.0, decay_share=0.4)
    assert [learning_rate(step, 10, config) for step in range(10)] == pytest.approx([4, 4, 4, 4, 4, 4, 4, 3, 2, 1])


def test_cosine_is_half_in_the_middle():
    """The cosine schedule is at half its height halfway."""
    config = OptimizerConfig(learning_rate=1.0, schedule="cosine", warmup_share=0.0)
    assert learning_rate(50, 100, config) == pytest.approx(0.5)
    assert learning_rate(25, 100, config) == pytest.approx((1 + math.sqrt(0.5)) / 2)


def test_the_tables_of_the_page_are_those_of_the_code(monkeypatch):
    """`docs/training.md` holds what `python docs/generate_training.py` writes."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    assert importlib.import_module("generate_training").page(text) == text


def test_the_settings_of_the_page_are_settings():
    """The TOML that the page shows is read without complaint, and gives the two phases that it describes."""
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    config = load_train_config(shown, [], {})
    assert [phase.dataset for phase in config.stages] == ["out-128", "out-512"]
    assert config.optimizer.schedule == "wsd"
