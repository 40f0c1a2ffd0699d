"""Properties of the order: a partition by ranks, the same whatever the ranks and workers, resumable at every step."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nspdata.errors import ConfigError
from nspdata.loading import Loader, Mixture, Shuffle, plan_epoch
from tests.datasets import write_dataset
from tests.loading.rows import assert_same, places

ROWS = 203

WAYS: list[dict[str, Any]] = [
    {},
    {"shuffle": False},
    {"window_rows": 32},
    {"window_rows": 1},
    {"window_rows": 50, "bins": 3},
    {"window_rows": 50, "packing": True},
    {"window_rows": 50, "layout": "packed"},
    {"window_rows": 50, "masking": "dynamic"},
]
some_way = st.sampled_from(WAYS)
some_batch_size = st.integers(1, 40)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("order") / "data", rows=ROWS, num_shards=5, max_seq_length=32)


def sequence(directory: Path | Mixture, **options: Any) -> list[tuple[int, int]]:
    """Every row of an epoch, in the order of one rank with batches of one."""
    return places(Loader(directory, batch_size=1, trace=True, **options))


def interleaved(loaders: list[Loader]) -> list[tuple[int, int]]:
    """The rows of all ranks, step by step."""
    steps = itertools.zip_longest(*(list(loader) for loader in loaders))
    return [place for step in steps for place in places(batch for batch in step if batch is not None)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 60), max_size=9),
    st.integers(1, 12),
    st.integers(1, 50),
    st.integers(1, 4),
    st.integers(0, 9),
)
def test_a_plan_holds_each_row_once(
    shard_rows: list[int], block_rows: int, window_rows: int, group_shards: int, seed: int
) -> None:
    """The windows of a plan hold every row of every shard exactly once, and begin where the plan says."""
    shuffle = Shuffle(block_rows=block_rows, window_rows=window_rows, group_shards=group_shards)
    plan = plan_epoch(shard_rows, seed=seed, epoch=1, shuffle=shuffle)
    windows = [plan.places(window) for window in range(plan.num_windows)]
    found = [place for each in windows for place in zip(each.shards.tolist(), each.rows.tolist(), strict=True)]
    assert sorted(found) == [(shard, row) for shard, rows in enumerate(shard_rows) for row in range(rows)]
    starts = np.cumsum([0, *(len(each.rows) for each in windows)]).tolist()
    assert [plan.window_start(window) for window in range(plan.num_windows + 1)] == starts
    for position in range(plan.num_rows):
        assert starts[plan.window_at(position)] <= position < starts[plan.window_at(position) + 1]
    for window, each in enumerate(windows):
        assert set(each.shards.tolist()) == set(plan.window_shards(window).tolist())


@settings(max_examples=40, deadline=None)
@given(way=some_way, batch_size=some_batch_size, world_size=st.integers(1, 6), seed=st.integers(0, 3))
def test_ranks_partition_the_epoch(
    directory: Path, way: dict[str, Any], batch_size: int, world_size: int, seed: int
) -> None:
    """The ranks' batches, step by step, are the one sequence of the epoch; every row comes once."""
    if "bins" in way:  # the sequence is made for steps of one size: see the test of bins
        world_size, expected = 1, None
    else:
        expected = sequence(directory, seed=seed, **way)
    options = way | {"seed": seed, "batch_size": batch_size, "world_size": world_size, "trace": True}
    loaders = [Loader(directory, rank=rank, **options) for rank in range(world_size)]
    lengths = [len(loader) for loader in loaders]
    batches = [list(loader) for loader in loaders]
    assert [len(each) for each in batches] == lengths
    steps = itertools.zip_longest(*batches)
    found = [place for step in steps for place in places(batch for batch in step if batch is not None)]
    assert len(set(found)) == len(found) == ROWS
    assert expected is None or found == expected


@settings(max_examples=30, deadline=None)
@given(way=some_way, batch_size=some_batch_size, world_size=st.integers(1, 4), seed=st.integers(0, 3))
def test_without_the_last_step_ranks_are_even(
    directory: Path, way: dict[str, Any], batch_size: int, world_size: int, seed: int
) -> None:
    """With `drop_last`, every rank has as many batches, all of them full, and they begin the same sequence."""
    options = way | {"seed": seed, "batch_size": batch_size, "world_size": world_size, "trace": True}
    whole = [list(Loader(directory, rank=rank, **options)) for rank in range(world_size)]
    even = [list(Loader(directory, rank=rank, drop_last=True, **options)) for rank in range(world_size)]
    assert len({len(batches) for batches in even}) == 1
    for all_batches, some in zip(whole, even, strict=True):
        assert_same(all_batches[: len(some)], some)


@settings(max_examples=40, deadline=None)
@given(way=some_way, batch_size=some_batch_size, world_size=st.integers(1, 3), data=st.data())
def test_resume_at_every_step(
    directory: Path, way: dict[str, Any], batch_size: int, world_size: int, data: st.DataObject
) -> None:
    """A loader restored after any batch gives the remaining batches, values and all; at the end it gives none."""
    rank = data.draw(st.integers(0, world_size - 1))
    options = way | {"seed": 3, "epoch": 2, "batch_size": batch_size, "world_size": world_size, "rank": rank}
    loader = Loader(directory, **options)
    batches, states = [], [loader.state_dict()]
    for batch in loader:
        batches.append(batch)
        states.append(loader.state_dict())
    step = data.draw(st.integers(0, len(batches)))
    restored = Loader(directory, **options | {"seed": 0, "epoch": 0})
    restored.load_state_dict(states[step])
    assert restored.state_dict() == states[step]
    rest = []
    for batch, state in zip(restored, states[step + 1 :], strict=True):
        rest.append(batch)
        assert restored.state_dict() == state
    assert_same(batches[step:], rest)
    restored.set_epoch(2)
    assert_same(batches, restored)


@settings(max_examples=30, deadline=None)
@given(
    way=some_way,
    before=st.tuples(st.integers(1, 8), st.integers(1, 9)),
    after=st.tuples(st.integers(1, 8), st.integers(1, 9)),
    steps=st.integers(0, 6),
)
def test_another_number_of_ranks_goes_on(
    directory: Path, way: dict[str, Any], before: tuple[int, int], after: tuple[int, int], steps: int
) -> None:
    """Stop on 8 ranks, resume on 6, with other batches: no row of the epoch is lost or seen twice, and the order stays."""
    old = [
        Loader(directory, rank=rank, world_size=before[0], batch_size=before[1], trace=True, **way)
        for rank in range(before[0])
    ]
    runs = [iter(loader) for loader in old]
    found, state = [], old[0].state_dict()
    for _ in range(min(steps, len(old[-1]) - 1)):
        found += places(next(run) for run in runs)
        states = [loader.state_dict() for loader in old]
        state = states[0]
        assert [each["position"] for each in states] == [state["position"]] * len(states)
    new = [
        Loader(directory, rank=rank, world_size=after[0], batch_size=after[1], trace=True, **way)
        for rank in range(after[0])
    ]
    for loader in new:
        loader.load_state_dict(state)
    found += interleaved(new)
    expected = places(Loader(directory, batch_size=before[0] * before[1], trace=True, **way))
    assert found == expected


@settings(max_examples=20, deadline=None)
@given(way=some_way, batch_size=some_batch_size, num_workers=st.integers(1, 5), done=st.integers(0, 4))
def test_workers_take_the_steps_in_turn(
    directory: Path, way: dict[str, Any], batch_size: int, num_workers: int, done: int
) -> None:
    """The batches of several workers, taken in turn, are those of one; each says where the next begins."""
    loader = Loader(directory, batch_size=batch_size, **way)
    alone = list(loader.batches())
    workers = [loader.batches(worker=worker, num_workers=num_workers, first_step=done) for worker in range(num_workers)]
    made = sorted((item for worker in workers for item in worker), key=lambda item: item[0])
    assert [(step, mark) for step, mark, _ in made] == [(step, mark) for step, mark, _ in alone[done:]]
    assert_same((batch for _, _, batch in made), (batch for _, _, batch in alone[done:]))


def test_epochs_differ_and_seeds_decide(directory: Path) -> None:
    """An exhausted iteration moves to the next epoch, in a new order; the same seed and epoch give the same order."""
    loader = Loader(directory, batch_size=7, seed=5, trace=True)
    first = places(loader)
    assert loader.epoch == 1
    second = places(loader)
    loader.set_epoch(0)
    assert first == places(loader) == sequence(directory, seed=5)
    assert second == sequence(directory, seed=5, epoch=1)
    assert len({tuple(first), tuple(second), tuple(sequence(directory, seed=6))}) == 3
    assert sorted(first) == sorted(second)


def test_a_small_dataset_is_shuffled_as_a_whole(directory: Path) -> None:
    """Within one window rows go anywhere: neighbours in the shard are no neighbours in the epoch."""
    found = sequence(directory, seed=1)
    neighbours = sum(a[0] == b[0] and abs(a[1] - b[1]) == 1 for a, b in itertools.pairwise(found))
    assert neighbours < 10
    assert abs(np.corrcoef(range(ROWS), [shard for shard, _ in found])[0, 1]) < 0.3


def test_unshuffled_rows_come_as_they_lie(directory: Path) -> None:
    """With `shuffle=False` rows come in the order of the shards, and of the rows in them."""
    assert sequence(directory, shuffle=False) == sorted(sequence(directory))


@pytest.mark.parametrize(
    ("max_seq_length", "block_rows", "window_rows"),
    [(128, 128, 65_536), (512, 32, 16_384), (16_384, 1, 512), (65_535, 1, 128)],
)
def test_blocks_and_windows_have_a_number_of_tokens(max_seq_length: int, block_rows: int, window_rows: int) -> None:
    """16,384 tokens of full rows are a block, but at least one row; 8,388,608 are a window."""
    shuffle = Shuffle.of(max_seq_length)
    assert (shuffle.block_rows, shuffle.window_rows, shuffle.group_shards) == (block_rows, window_rows, 32)


def test_a_block_is_no_larger_than_its_window() -> None:
    """A small `window_rows` limits the blocks."""
    assert Shuffle.of(128, window_rows=5).block_rows == 5
    assert Shuffle.of(128, window_rows=500).block_rows == 128


@pytest.mark.parametrize(
    ("shards", "rows", "window_rows", "groups", "windows"),
    [
        (64, 10, 320, 2, 2),  # 32 shards per group
        (65, 10, 100, 3, 9),  # no group has more than 32 shards
        (64, 1, 1000, 1, 1),  # a group is not smaller than a window
        (64, 10, 400, 1, 2),  # two groups of 320 rows would be
    ],
)
def test_groups_have_few_shards_and_at_least_a_window(
    shards: int, rows: int, window_rows: int, groups: int, windows: int
) -> None:
    """Shards per group are limited; groups are never smaller than a window."""
    shuffle = Shuffle(block_rows=1, window_rows=window_rows)
    plan = plan_epoch([rows] * shards, seed=1, epoch=0, shuffle=shuffle)
    assert (len(plan.group_starts) - 1, plan.num_windows, plan.num_rows) == (groups, windows, shards * rows)


def test_a_state_of_another_dataset_is_refused(directory: Path, tmp_path: Path) -> None:
    """A state names its dataset and what its position counts; any other loader refuses it and says which."""
    other = write_dataset(tmp_path / "other", rows=ROWS, num_shards=5, max_seq_length=32, seed=1)
    state = Loader(directory, batch_size=4).state_dict()
    with pytest.raises(ConfigError, match=r"another dataset .*other"):
        Loader(other, batch_size=4).load_state_dict(state)
    with pytest.raises(ConfigError, match="another order"):
        Loader(directory, batch_size=4, packing=True).load_state_dict(state)
    with pytest.raises(ConfigError, match="version 9"):
        Loader(directory, batch_size=4).load_state_dict(state | {"version": 9})
    with pytest.raises(ConfigError, match="position must be"):
        Loader(directory, batch_size=4).load_state_dict(state | {"position": -1})


def test_a_state_is_a_few_integers(directory: Path) -> None:
    """The state is small and can be stored as JSON."""
    import json

    loader = Loader(directory, batch_size=4)
    next(iter(loader))
    state = loader.state_dict()
    assert json.loads(json.dumps(state)) == state
    assert state.pop("first_rows") == [0]
    assert all(isinstance(value, int | str) for value in state.values())
    assert len(json.dumps(state)) < 300
