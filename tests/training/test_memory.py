"""Micro batches chosen from the memory of a device."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from transformers import BertConfig

from nspdata.errors import ConfigError
from nspdata.training.data import plan_phases
from nspdata.training.memory import fitted, free_bytes, token_bytes, token_limit
from tests.training.runs import small_config, train_small

BASE = BertConfig()


def test_bytes_of_a_token():
    """Base in bf16: 12 layers of 42 x 768 bytes, and 30% of tokens with 30,522 logits of 12 bytes."""
    head = 0.3 * 30_522 * 12
    assert token_bytes(BASE, bf16=True) == pytest.approx(12 * 42 * 768 + head)
    assert token_bytes(BASE, bf16=False) == pytest.approx(12 * 68 * 768 + head)
    assert token_bytes(BASE, bf16=True, recompute=True) == pytest.approx(42 * 768 + 12 * 4 * 768 + head)


def test_tokens_of_80_gb():
    """80 GB hold about 125,000 tokens of base; memory that the parameters fill holds none."""
    per_token = token_bytes(BASE, bf16=True)
    assert token_limit(80 * 10**9, parameters=110_000_000, per_token=per_token) == 125_686
    assert token_limit(10**9, parameters=110_000_000, per_token=per_token) == 0


def test_a_micro_batch_is_an_equal_part(dataset):
    """Of a rank's 24 sequences of 32 tokens, 300 tokens hold 9: the largest equal part is 8; other phases stay as they are."""
    config = small_config(
        phases=[
            {"steps": 1, "batch_sequences": 24, "micro_batch_sequences": -1},
            {"steps": 1, "batch_sequences": 24, "micro_batch_sequences": 12},
        ]
    )
    phases, notes = fitted(plan_phases(config, str(dataset), world_size=1), 300)
    assert [(phase.accumulation, phase.rank_sequences) for phase in phases] == [(3, 8), (2, 12)]
    assert notes == ["micro batches of 8 sequences of 32 tokens: the device's memory holds about 300 tokens"]
    assert fitted(phases[:1], 0)[0][0].rank_sequences == 1
    assert fitted(phases[:1], 10**6)[0] == [dataclasses.replace(phases[0], accumulation=1, rank_sequences=24)]


def test_a_processor_has_no_limit(dataset, tmp_path):
    """On a CPU, -1 is 0: one micro batch, the same figures."""
    assert free_bytes(torch.device("cpu")) is None
    plain, fit = (
        train_small(dataset, tmp_path / str(micro), steps=2, micro_batch_sequences=micro).lines for micro in (0, -1)
    )
    assert [line.get("loss") for line in plain] == [line.get("loss") for line in fit]


def test_other_negative_numbers_are_refused():
    """-2 is an error that says what is allowed."""
    with pytest.raises(ConfigError, match="0 or more, or -1"):
        small_config(micro_batch_sequences=-2)
