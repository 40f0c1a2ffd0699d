"""The plan of a build: the shard of each document, decided before the work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nspdata.building.plan import BuildPlan
from nspdata.config.build import Config, OutputConfig
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary


def plan_of(*, num_shards: int = 4, fraction: float = 0.0) -> BuildPlan:
    """A plan over a vocabulary of seven tokens."""
    return BuildPlan(
        output="out",
        config=Config(output=OutputConfig(num_shards=num_shards, validation_fraction=fraction)),
        inputs=(("a.jsonl", 10),),
        vocabulary=Vocabulary((*SPECIAL_TOKENS, "a", "##b")),
        tokenizer_identity={"sha256": "0", "vocab_size": 7, "lowercase": True, "strip_accents": True},
    )


def hashes(count: int) -> np.ndarray:
    """Uniform hashes."""
    return np.random.Philox(key=1).random_raw(2 * count).reshape(count, 2)


def test_every_key_is_a_shard_of_one_split() -> None:
    """Shard keys count through the splits in order."""
    plan = plan_of(num_shards=4, fraction=0.25)
    assert plan.num_shards == {"train": 4, "validation": 1}
    assert [plan.locate(key) for key in range(plan.total_shards)] == [
        ("train", 0, 4),
        ("train", 1, 4),
        ("train", 2, 4),
        ("train", 3, 4),
        ("validation", 0, 1),
    ]
    with pytest.raises(IndexError):
        plan.locate(5)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5])
def test_documents_are_spread_as_the_settings_say(fraction: float) -> None:
    """Each shard of train gets its share, and validation gets the fraction asked for."""
    plan = plan_of(num_shards=4, fraction=fraction)
    keys = plan.assign(hashes(40_000))
    held_out = float((keys >= 4).mean())
    assert abs(held_out - fraction) < 0.01
    share = np.bincount(keys, minlength=plan.total_shards)[:4] / (keys < 4).sum()
    assert np.abs(share - 0.25).max() < 0.02


def test_groups_are_of_one_split() -> None:
    """Groups count through the shards in order; the last group of a split may be smaller."""
    plan = replace(plan_of(num_shards=5, fraction=0.375), group_size=2)
    assert plan.groups == (range(2), range(2, 4), range(4, 5), range(5, 7), range(7, 8))
    assert plan.groups_of(np.arange(8)).tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    keys = plan.assign(hashes(200))
    for group, shards in enumerate(plan.groups):
        chosen = (keys >= shards.start) & (keys < shards.stop)
        assert (plan.assign_in(group, hashes(200)[chosen]) == keys[chosen]).all()


def test_equal_texts_meet_in_one_shard() -> None:
    """Documents with equal text hashes get the same key."""
    plan = plan_of(num_shards=7, fraction=0.3)
    once = hashes(100)
    assert (plan.assign(np.concatenate([once, once]))[100:] == plan.assign(once)).all()


def test_the_fingerprint_covers_what_decides_the_bytes() -> None:
    """A different setting, tokenizer or input gives a different fingerprint; equal ones give the same."""
    assert plan_of().fingerprint == plan_of().fingerprint
    assert plan_of(num_shards=5).fingerprint != plan_of().fingerprint
