"""The stream of a training: phases, ranks, accumulation and stops do not change which rows are trained on, or in which order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nspdata.errors import ConfigError, ShardError
from nspdata.loading import Loader
from nspdata.training.data import check_states, open_training_data, phase_loader, phase_of, plan_phases, stream_loader
from nspdata.training.sources import _first
from tests.loading.rows import places
from tests.training.runs import small_config, small_dataset

ROWS = 40

some_phase = st.fixed_dictionaries(
    {
        "steps": st.integers(1, 5),
        "batch_sequences": st.sampled_from([4, 8, 12]),
        "micro_batch_sequences": st.sampled_from([0, 1]),
    }
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A dataset of few rows, so that a training makes several passes."""
    return small_dataset(tmp_path_factory.mktemp("stream") / "data", rows=ROWS, validation_rows=23)


def trained_rows(dataset, config, world_sizes):
    """The rows of each update of a training that stops and resumes on other ranks after each step of `world_sizes`."""
    found, states, step = [], {}, 0
    for world_size, steps in world_sizes:
        planned = plan_phases(config, str(dataset), world_size=world_size)
        end = min(step + steps, planned[-1].end)
        while step < end:
            phase = phase_of(planned, step)
            ranks = [
                stream_loader(phase, planned, states, config, rank=rank, world_size=world_size)
                for rank in range(world_size)
            ]
            runs = [iter(loader) for loader in ranks]
            while step < min(end, phase.end):
                found.append(places(next(run) for _ in range(phase.accumulation) for run in runs))
                step += 1
            states[phase.stream] = ranks[0].state_dict()
            check_states(states, planned, step=step, name="progress.json")
    return found


@settings(max_examples=25, deadline=None)
@given(
    phases=st.lists(some_phase, min_size=1, max_size=3),
    layout=st.sampled_from(["flat", "packed"]),
    masking=st.sampled_from(["static", "dynamic"]),
    stops=st.lists(st.tuples(st.sampled_from([1, 2, 4]), st.integers(1, 6)), max_size=3),
)
def test_phases_ranks_and_stops_read_one_stream(small, phases, layout, masking, stops):
    """The updates of all phases, joined, are the dataset's epochs joined: no row is dropped and none comes twice in a pass."""
    config = small_config(phases=phases, device={"layout": layout}, masking=masking)
    updates = trained_rows(small, config, [*stops, (1, 99)])
    assert len(updates) == sum(phase["steps"] for phase in phases)
    found = [place for update in updates for place in update]
    loader = Loader(small, batch_size=1, seed=config.seed, layout=layout, trace=True)
    expected = [place for _ in range(len(found) // ROWS + 1) for place in places(loader)]
    assert found == expected[: len(found)]
    sizes = [phase["batch_sequences"] for phase in phases for _ in range(phase["steps"])]
    if layout == "flat":
        assert [len(update) for update in updates] == sizes


def test_one_pass_is_one_pass(small):
    """`steps = 0` reads every row at most once and leaves less than one batch, packed or not."""
    for layout in ("flat", "packed"):
        config = small_config(steps=0, batch_sequences=4, device={"layout": layout})
        found = [place for update in trained_rows(small, config, [(2, 99)]) for place in update]
        assert len(set(found)) == len(found)
        assert ROWS - len(found) < 12


def test_a_dataset_that_comes_again_continues(small, tmp_path):
    """With another dataset between two phases on one, the second continues where the first stopped."""
    other = small_dataset(tmp_path / "other", rows=20, seed=7)
    phases = [{"steps": 2}, {"steps": 1, "dataset": str(other)}, {"steps": 2}]
    config = small_config(phases=[{"batch_sequences": 8} | phase for phase in phases], device={"layout": "flat"})
    first, second, _, third, fourth = trained_rows(small, config, [(1, 99)])
    expected = places(Loader(small, batch_size=8, seed=config.seed, layout="flat", trace=True))
    assert first + second + third + fourth == expected[:32]


@pytest.mark.parametrize("share", [0.3, 0.05])
def test_a_phase_has_its_own_masks(small, share):
    """`masking_config` changes the share of masked tokens of a phase and nothing else of its rows."""
    phases = [
        {"steps": 1, "batch_sequences": 32},
        {"steps": 1, "batch_sequences": 32, "masking_config": {"masked_lm_prob": share}},
    ]
    config = small_config(phases=phases, device={"layout": "flat"})
    planned = plan_phases(config, str(small), world_size=1)
    assert [phase.phase.masking for phase in planned] == ["static", "dynamic"]
    one, other = (next(iter(phase_loader(each.phase, each.dataset, config, batch_size=32))) for each in planned)
    assert one["row"].tolist() == other["row"].tolist()
    assert len(other["masked_lm_ids"]) / len(other["input_ids"]) == pytest.approx(share, abs=0.03)


def test_a_mixture_with_a_temperature(small, tmp_path):
    """Weights are multiplied by the rows to the power of the temperature; the phase reads both datasets in these shares."""
    other = small_dataset(tmp_path / "other", rows=160, num_shards=1, seed=7)
    mixture = {str(small): 1.0, str(other): 1.0}
    for temperature, share in ((0.0, 1 / 2), (0.5, 1 / 3), (1.0, 1 / 5)):
        config = small_config(phases=[{"steps": 2, "mixture": mixture, "temperature": temperature}])
        (planned,) = plan_phases(config, "none", world_size=1)
        assert planned.dataset.mixture.shares == pytest.approx((share, 1 - share))
    assert planned.dataset.rows["train"] == ROWS + 160
    with pytest.raises(ConfigError, match="a dataset or a mixture, not both"):
        small_config(phases=[{"dataset": "a", "mixture": {"b": 1}}])
    with pytest.raises(ConfigError, match=r"mixture\.b must be of type float"):
        small_config(phases=[{"mixture": {"b": "x"}}])
    with pytest.raises(ConfigError, match=r"'masked_lm_prob'\?"):
        small_config(masking_config={"masked_lm_probs": 0.3})


@settings(max_examples=10, deadline=None)
@given(
    weights=st.lists(st.sampled_from([(1.0, 1.0), (5.0, 1.0), (1.0, 0.0)]), min_size=2, max_size=4),
    layout=st.sampled_from(["flat", "packed"]),
    stops=st.lists(st.tuples(st.sampled_from([1, 2]), st.integers(1, 6)), max_size=3),
)
def test_phases_of_other_weights_read_on(small, twin, weights, layout, stops):
    """A phase with other weights begins after the rows that were read of its datasets, also when the training stops in between."""
    mixtures = [
        {name: share for name, share in zip((str(small), str(twin)), pair, strict=True) if share} for pair in weights
    ]
    phases = [{"steps": 3, "batch_sequences": 4, "mixture": mixture} for mixture in mixtures]
    config = small_config(phases=phases, device={"layout": layout})
    once = trained_rows(small, config, [(1, 99)])
    assert trained_rows(small, config, [*stops, (1, 99)]) == once
    planned = plan_phases(config, "none", world_size=1)
    for phase, before in pairwise(planned):
        assert (phase.stream == before.stream) == (phase.dataset.mixture == before.dataset.mixture)


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """A second dataset."""
    return small_dataset(tmp_path_factory.mktemp("stream") / "twin", rows=24, seed=7)


def test_states_that_are_not_of_the_step_are_refused(small):
    """A checkpoint whose loaders are elsewhere than its step is refused in one line."""
    planned = plan_phases(small_config(steps=9), str(small), world_size=1)
    stream = planned[0].stream
    check_states({stream: {"position": 24}}, planned, step=3, name="progress.json")
    for states in (
        {},
        {stream: {"position": 25}},
        {stream: {}},
        {"other": {"position": 24}},
        {stream: {"position": 10**12}},
    ):
        with pytest.raises(ShardError, match=r"progress.json: at step 3 the loaders must be at \[24\] sequences"):
            check_states(states, planned, step=3, name="progress.json")


@pytest.mark.parametrize("num_rows", [1, 7, 16, 22, 23])
def test_evaluation_has_the_same_rows_on_any_ranks(small, num_rows):
    """The first rows of the validation split, exactly as many as asked for, whatever the ranks and the batches."""
    found = {}
    for world_size in (1, 2, 3, 8):
        options = {"split": "validation", "batch_size": 4, "layout": "flat", "trace": True, "world_size": world_size}
        reads = [
            read.arrays for rank in range(world_size) for read in _first(Loader(small, rank=rank, **options), num_rows)
        ]
        found[world_size] = sorted(places(reads))
        assert sum(len(arrays["input_ids"]) for arrays in reads) == sum(
            int(arrays["cu_seqlens"][-1]) for arrays in reads
        )
        assert all((np.diff(arrays["cu_seqlens"]) > 0).all() for arrays in reads)
        assert all((arrays["masked_lm_positions"] < len(arrays["input_ids"])).all() for arrays in reads)
    assert len(set(found[1])) == num_rows
    assert found[1] == found[2] == found[3] == found[8]


def test_a_dataset_is_opened_by_url(small):
    """A URL is a dataset like a path, with the same rows and fingerprint."""
    pytest.importorskip("fsspec")
    one, other = open_training_data(str(small)), open_training_data(f"file://{small}")
    assert (one.rows, one.fingerprint) == (other.rows, other.fingerprint)
