"""Batches are read ahead by a thread: in order, with the state after each, and what goes wrong in it is raised in the loop."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from nspdata.loading import Loader
from nspdata.training.batches import AHEAD, Feeder, Read, Shape
from nspdata.training.window import NAMED_ROWS, described_rows

CPU = torch.device("cpu")


def reads(dataset, **options):
    """A loader's batches with its states."""
    loader = Loader(dataset, batch_size=8, layout="flat", trace=True, **options)
    return [Read(batch, loader.state_dict()) for batch in loader]


def test_batches_come_in_order_with_their_states(dataset):
    """What is fed is what the loader gave: tokens, state and rows, batch after batch."""
    given = reads(dataset)
    fed = list(Feeder(given, CPU, Shape()))
    assert len(fed) == len(given) == 20
    for one, read in zip(fed, given, strict=True):
        assert one.batch.input_ids.numpy().tolist() == read.arrays["input_ids"].tolist()
        assert one.state == read.state
        assert one.places.tolist() == np.stack([read.arrays["shard"], read.arrays["row"]], 1).tolist()
        assert one.size.tolist()[0] == len(read.arrays["input_ids"])
        assert one.counts.tolist() == [len(read.arrays["masked_lm_ids"]), 8]


def test_the_end_stays_the_end(dataset):
    """`next` after the last batch raises StopIteration again instead of waiting."""
    feeder = Feeder(reads(dataset)[:1], CPU, Shape())
    next(feeder)
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(feeder)


def test_an_error_of_the_reader_is_raised_in_the_loop(dataset):
    """A shard that cannot be read stops the training with the reader's own error, after the batches before it."""

    def broken():
        yield reads(dataset)[0]
        raise OSError("the disk is gone")

    feeder = Feeder(broken(), CPU, Shape())
    next(feeder)
    with pytest.raises(OSError, match="the disk is gone"):
        next(feeder)


def test_closing_ends_the_thread(dataset):
    """A feeder that is closed in the middle of an endless source leaves no thread, and has read few batches ahead."""
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield batch

    batch = reads(dataset)[0]
    before = threading.active_count()
    feeder = Feeder(endless(), CPU, Shape())
    next(feeder)
    feeder.close()
    assert threading.active_count() == before
    assert read <= 2 * AHEAD + 3


def test_rows_are_named_shard_by_shard(dataset):
    """An error names the rows of a batch by shard, sorted; of very many, the first ones and how many more."""
    fed = list(Feeder(reads(dataset, shuffle=False), CPU, Shape()))
    assert described_rows(fed[0].places) == "rows of the train split: shard 0: 0, 1, 2, 3, 4, 5, 6, 7"
    both = np.concatenate([fed[9].places, fed[10].places])
    assert "; shard 1: 0, 1" in described_rows(both)
    assert described_rows(np.concatenate([each.places for each in fed])).endswith(f"and {160 - NAMED_ROWS} more")
