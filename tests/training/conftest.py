"""One small dataset and one short training, shared by the tests that only look at them."""

from __future__ import annotations

import sys

import pytest
import torch

from tests.training.runs import pretraining, run_command, small_dataset, train_small


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """One thread of torch's, so that tests share a machine, and add up as a process started with one does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A dataset directory of short rows over 205 tokens, with a tokenizer."""
    return small_dataset(tmp_path_factory.mktemp("train") / "data")


@pytest.fixture(scope="session")
def run(dataset, tmp_path_factory):
    """The directory of a finished training of six steps, with evaluations and checkpoints on the way."""
    directory = tmp_path_factory.mktemp("train") / "run"
    settings = {
        "steps": 6,
        "evaluation": {"every": 3},
        "checkpoint": {"every": 2},
        "log": {"to": ["tensorboard"], "report": True},
    }
    train_small(dataset, directory, **settings)
    return directory


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory):
    """The run of `tiny` on the corpus inside the package: under two minutes on two idle cores."""
    directory = tmp_path_factory.mktemp("pretrained")
    for command in pretraining(directory):
        done = run_command([sys.executable, "-m", "nspdata", *command], timeout=600)
        assert done.returncode == 0, done.stderr
    return directory / "run"
