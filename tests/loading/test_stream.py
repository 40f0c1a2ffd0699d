"""One endless stream: epoch after epoch, whatever the ranks, the batches and the stops; and states that are not places in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nspdata.errors import ConfigError
from nspdata.loading import Loader, Mixture
from tests.datasets import write_dataset
from tests.loading.rows import assert_same, places

ROWS = 50
WAYS: list[dict[str, Any]] = [
    {},
    {"shuffle": False},
    {"window_rows": 16},
    {"window_rows": 20, "layout": "packed"},
    {"packing": True},
]
some_way = st.sampled_from(WAYS)
some_leg = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))
"""Ranks, rows of a rank's batch, steps."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("stream") / "data", rows=ROWS, num_shards=3, max_seq_length=32)


def epochs(directory: Path | Mixture, number: int, **way: Any) -> list[tuple[int, int]]:
    """The rows of the first epochs, in the order of one rank with batches of one sample."""
    loader = Loader(directory, batch_size=1, trace=True, **way)
    return [place for _ in range(number) for place in places(loader)]


@settings(max_examples=40, deadline=None)
@given(way=some_way, legs=st.lists(some_leg, min_size=1, max_size=4))
def test_the_stream_is_the_epochs_joined(
    directory: Path, way: dict[str, Any], legs: list[tuple[int, int, int]]
) -> None:
    """Stopped and resumed on other ranks with other batches, the rows are those of epoch after epoch, none dropped between."""
    state, found = None, []
    for world_size, batch_size, steps in legs:
        options = way | {"world_size": world_size, "batch_size": batch_size, "endless": True, "trace": True}
        loaders = [Loader(directory, rank=rank, **options) for rank in range(world_size)]
        if state is not None:
            for loader in loaders:
                loader.load_state_dict(state)
        runs = [iter(loader) for loader in loaders]
        for _ in range(steps):
            found += places(next(run) for run in runs)
        state = loaders[0].state_dict()
        assert all(loader.state_dict()["position"] == state["position"] for loader in loaders)
    passes = len(found) // ROWS + 1
    assert found == epochs(directory, passes, **way)[: len(found)]
    for start in range(0, len(found) - ROWS + 1, ROWS):
        assert len(set(found[start : start + ROWS])) == ROWS


@settings(max_examples=15, deadline=None)
@given(batch_size=st.integers(1, 9), steps=st.integers(1, 40), window_rows=st.sampled_from([1, 17, 1000]))
def test_bins_fill_whole_steps_of_the_stream(directory: Path, batch_size: int, steps: int, window_rows: int) -> None:
    """With length bins, each pass over the stream holds every row once, and each step is full."""
    loader = Loader(directory, batch_size=batch_size, bins=3, window_rows=window_rows, endless=True, trace=True)
    batches = [batch for _, batch in zip(range(steps), loader, strict=False)]
    assert {len(batch["row"]) for batch in batches} == {batch_size}
    found = places(batches)
    for start in range(0, len(found) - ROWS + 1, ROWS):
        assert len(set(found[start : start + ROWS])) == ROWS


def test_dynamic_masks_change_from_epoch_to_epoch(directory: Path) -> None:
    """A batch over the end of an epoch has the masks of both: the batches of the epochs, value by value."""
    options: dict[str, Any] = {"batch_size": 10, "masking": "dynamic", "shuffle": False}
    endless = [batch for _, batch in zip(range(10), Loader(directory, endless=True, **options), strict=False)]
    loader = Loader(directory, **options)
    assert_same([*loader, *loader], endless)


def test_an_endless_loader_continues(directory: Path) -> None:
    """A second `for` over an endless loader continues after the last batch, and the loader has no length."""
    loader = Loader(directory, batch_size=8, endless=True, trace=True)
    found = [place for _ in range(3) for place in places(batch for _, batch in zip(range(5), loader, strict=False))]
    assert found == epochs(directory, 3)[:120]
    assert loader.samples_per_epoch() == ROWS
    with pytest.raises(TypeError, match="no length"):
        len(loader)


def test_a_mixture_is_a_stream_too(directory: Path, tmp_path: Path) -> None:
    """Epochs of a mixture follow one another, and a state resumes in any of them."""
    other = write_dataset(tmp_path / "other", rows=30, num_shards=1, max_seq_length=32, seed=4)
    mixture = Mixture({str(directory): 1, str(other): 1}, rows=36)
    loader = Loader(mixture, batch_size=5, endless=True, trace=True, window_rows=16)
    first = places(batch for _, batch in zip(range(13), loader, strict=False))
    restored = Loader(mixture, batch_size=7, endless=True, trace=True, window_rows=16)
    restored.load_state_dict(loader.state_dict())
    second = places(batch for _, batch in zip(range(4), restored, strict=False))
    assert first + second == epochs(mixture, 3, window_rows=16)[: 65 + 28]


@pytest.mark.parametrize("packing", [False, True])
def test_other_weights_continue_after_the_rows_read(directory: Path, tmp_path: Path, *, packing: bool) -> None:
    """A mixture that starts at `rows_taken` gives every dataset's next rows: none that was read, until the pass is complete."""
    other = write_dataset(tmp_path / "other", rows=30, num_shards=1, max_seq_length=32, seed=4)
    options: dict[str, Any] = {"batch_size": 8, "endless": True, "trace": True, "window_rows": 8, "packing": packing}
    loader = Loader(Mixture({str(directory): 1, str(other): 1}), **options)
    first = places(batch for _, batch in zip(range(2), loader, strict=False))
    taken = loader.rows_taken()
    assert sum(taken.values()) in range(len(first), len(first) + 16)
    changed = Loader(Mixture({str(directory): 5, str(other): 1}, starts=taken), **options)
    second = places(batch for _, batch in zip(range(2), changed, strict=False))
    assert len(set(first) | set(second)) == len(first) + len(second)
    assert changed.rows_taken()[str(directory)] > taken[str(directory)]
    restored = Loader(Mixture({str(directory): 5, str(other): 1}), **options)
    restored.load_state_dict(changed.state_dict())
    assert places([next(iter(restored))]) == places([next(iter(changed))])
    with pytest.raises(ConfigError, match=r"must be rows \(0 or more\) of its own datasets, not 'none'"):
        Mixture({str(directory): 1}, starts={"none": 1})
    for wrong in (None, [1], [1, -2], [1, "2"]):
        with pytest.raises(ConfigError, match="first_rows"):
            restored.load_state_dict(changed.state_dict() | {"first_rows": wrong})


@pytest.mark.parametrize("way", [{}, {"endless": True}, {"packing": True}, {"packing": True, "endless": True}])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position": 10**12}, "position 1000000000000 .* is not a place"),
        ({"window": 10**9, "window_position": 5}, "is not a place"),
        ({"window_position": 3}, "is not a place"),
        ({"position": -1}, "position must be an integer, 0 or more, not -1"),
        ({"position": 1.5}, "position must be an integer"),
        ({"epoch": True}, "epoch must be an integer"),
        ({"seed": "1"}, "seed must be an integer, not '1'"),
        ({"window": None}, "window must be an integer"),
        ({"dataset": 3}, "another dataset"),
        ({"order": []}, "another order"),
        ({"version": "2"}, "version '2'"),
    ],
)
def test_a_state_that_is_no_place_is_refused(
    directory: Path, way: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    """An altered state is refused in one line, and the loader stays where it was."""
    loader = Loader(directory, batch_size=4, **way)
    next(iter(loader))
    state = loader.state_dict()
    with pytest.raises(ConfigError, match=message) as error:
        loader.load_state_dict(state | change)
    assert "\n" not in str(error.value)
    assert loader.state_dict() == state


@pytest.mark.parametrize("state", [None, 3, [], "x", {}])
def test_what_is_no_state_is_refused(directory: Path, state: Any) -> None:
    """A state of another type, or with keys missing, is refused with one line."""
    loader = Loader(directory, batch_size=4)
    with pytest.raises(ConfigError, match=r"state_dict\(\) returned"):
        loader.load_state_dict(state)
    for key in loader.state_dict():
        with pytest.raises(ConfigError, match=key):
            loader.load_state_dict({name: value for name, value in loader.state_dict().items() if name != key})


@pytest.mark.parametrize("key", ["position", "seed", "version", "dataset", "first_rows"])
def test_a_state_of_monstrous_values_is_refused(directory: Path, key: str) -> None:
    """Nesting beyond Python's recursion limit, integers too long to print, hostile text: one short line."""
    loader = Loader(directory, batch_size=4)
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    for value in (deep, 10**5000, -(10**5000), float("nan"), "\u2028\x1b[2J\ud800" * 1000, {"\n": deep}):
        with pytest.raises(ConfigError) as error:
            loader.load_state_dict(loader.state_dict() | {key: [value] if key == "first_rows" else value})
        assert len(str(error.value).splitlines()) == 1
        assert len(str(error.value)) < 400
