"""Packing, bins and mixtures: what they save, what they must not mix, and what they promise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nspdata.errors import ConfigError
from nspdata.loading import Loader, Mixture, Shuffle
from nspdata.loading.bins import bin_bounds
from nspdata.loading.mixture import plan_mixture
from nspdata.loading.packing import pack
from tests.datasets import write_dataset
from tests.loading.rows import assert_same, places


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("packing") / "data", rows=500, num_shards=2, max_seq_length=64)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_packs_hold_every_row_once(lengths: list[int]) -> None:
    """Each row is in one pack, no pack holds more than its capacity, and no two packs would go into one."""
    packs = pack(np.array(lengths, np.int64), 30)
    used = np.bincount(packs, weights=lengths)
    assert len(packs) == len(lengths)
    assert ((used > 0) & (used <= 30)).all()
    assert len(used) == 1 or np.sort(used)[:2].sum() > 30


def lengths_of_books(random: np.random.Generator) -> np.ndarray:
    """As of long documents: most rows are full, some were cut short by design or by a document's end."""
    return np.where(random.random(16_384) < 0.85, 512, random.integers(5, 512, 16_384))


def lengths_of_abstracts(random: np.random.Generator) -> np.ndarray:
    """Row lengths of short documents, about 180 tokens."""
    return np.clip(random.lognormal(5.2, 0.45, 16_384).astype(np.int64), 5, 512)


@pytest.mark.parametrize("lengths_of", [lengths_of_books, lengths_of_abstracts])
def test_packs_of_real_lengths_are_nearly_full(lengths_of: Callable[[np.random.Generator], np.ndarray]) -> None:
    """Packing a window of rows at 512 fills at least 99% of the tokens."""
    lengths = lengths_of(np.random.default_rng(0))
    packs = pack(lengths, 512)
    assert lengths.sum() / (512 * (packs.max() + 1)) >= 0.99


def test_a_packed_batch_shows_its_rows(directory: Path) -> None:
    """Every row of a flat epoch stands once in the packed one, whole and by itself, with its own label and its positions from 0."""
    flat = {}
    for batch in Loader(directory, batch_size=16, layout="flat", trace=True):
        ends = batch["cu_seqlens"]
        predicted = dict(zip(batch["masked_lm_positions"].tolist(), batch["masked_lm_ids"].tolist(), strict=True))
        labels = [predicted.get(token, -100) for token in range(ends[-1])]
        for line, place in enumerate(zip(batch["shard"].tolist(), batch["row"].tolist(), strict=True)):
            some = slice(ends[line], ends[line + 1])
            reported = [batch[name][some].tolist() for name in ("input_ids", "token_type_ids", "position_ids")]
            flat[place] = [*reported, labels[some], int(batch["next_sentence_label"][line])]
    seen = {}
    for batch in Loader(directory, batch_size=5, packing=True, trace=True):
        assert batch["input_ids"].shape[1] == 64
        tokens = {name: batch[name].reshape(-1) for name in batch}
        ends = batch["cu_seqlens"].tolist()
        assert ends[0] == 0
        assert ends[-1] == batch["input_ids"].size
        for line, place in enumerate(zip(batch["shard"].tolist(), batch["row"].tolist(), strict=True)):
            start = int(batch["cls_positions"][line])
            some = slice(start, ends[ends.index(start) + 1])
            assert len(set(tokens["segments"][some].tolist())) == 1
            assert tokens["segments"][start] > 0
            reported = [
                tokens[name][some].tolist() for name in ("input_ids", "token_type_ids", "position_ids", "labels")
            ]
            seen[place] = [*reported, int(batch["next_sentence_label"][line])]
        padding = tokens["segments"] == 0
        assert (tokens["input_ids"][padding] == 0).all()
        assert (tokens["labels"][padding] == -100).all()
    assert seen == flat


def test_segments_number_the_rows_of_a_sequence(directory: Path) -> None:
    """In each sequence segments are 1, 2, ... and then 0 for the padding, and sequences are well filled."""
    tokens = capacity = 0
    for batch in Loader(directory, batch_size=8, packing=True):
        for line in batch["segments"]:
            numbers = line[np.flatnonzero(np.diff(line, prepend=0))].tolist()
            assert [number for number in numbers if number] == list(range(1, line.max() + 1))
        tokens += int((batch["segments"] > 0).sum())
        capacity += batch["segments"].size
    assert tokens / capacity > 0.97


def test_the_packed_layout_is_the_flat_one_by_sequences(directory: Path) -> None:
    """`layout="packed"` gives the rows of `packing` without padding: never more tokens than `batch_size` sequences."""
    packed = Loader(directory, batch_size=8, layout="packed", trace=True)
    padded = Loader(directory, batch_size=8, packing=True, trace=True)
    assert len(packed) == len(padded) == len(list(packed))
    packed.set_epoch(0)  # the epoch that was counted is exhausted
    for flat, batch in zip(packed, padded, strict=True):
        assert places([flat]) == places([batch])
        assert flat["input_ids"].tolist() == batch["input_ids"][batch["segments"] > 0].tolist()
        assert len(flat["input_ids"]) <= 8 * 64


def test_a_large_packed_epoch_is_estimated_from_below(tmp_path: Path) -> None:
    """Where packs are not counted beforehand, `len` is at most what comes, and short by little."""
    large = write_dataset(tmp_path / "large", rows=3000, num_shards=3, max_seq_length=64)
    loader = Loader(large, batch_size=2, packing=True, window_rows=300)
    batches = len(list(loader))
    assert 0.95 * batches <= len(loader) <= batches


@pytest.mark.parametrize("world_size", [1, 3])
def test_ranks_draw_from_one_bin(directory: Path, world_size: int) -> None:
    """At nearly every step, all ranks have rows of one bin, in an order that is not that of the bins."""
    bounds = bin_bounds(4, 64)
    loaders = [Loader(directory, batch_size=5, bins=4, rank=rank, world_size=world_size) for rank in range(world_size)]
    bins_at = []
    for batches in zip(*loaders, strict=False):
        lengths = np.concatenate([batch["attention_mask"].sum(1) for batch in batches])
        bins_at.append(set(np.searchsorted(bounds, lengths).tolist()))
    alone = [bins.pop() for bins in bins_at if len(bins) == 1]
    assert len(alone) >= len(bins_at) - 4
    assert alone != sorted(alone)


def test_bins_after_a_resume_on_other_ranks(directory: Path) -> None:
    """The epoch that was begun keeps its steps; the next one has those of the ranks that there are now."""
    begun = Loader(directory, batch_size=5, world_size=3, bins=4, trace=True)
    resumed = Loader(directory, batch_size=5, world_size=2, bins=4, trace=True)
    resumed.load_state_dict(begun.state_dict())
    assert resumed.state_dict()["step_rows"] == 15
    resumed.set_epoch(1)
    assert_same(resumed, Loader(directory, batch_size=5, world_size=2, bins=4, trace=True, epoch=1))


def test_bins_save_padding(directory: Path) -> None:
    """Length bins reduce padding."""

    def waste(**options: Any) -> float:
        masks = [batch["attention_mask"] for batch in Loader(directory, batch_size=10, **options)]
        return 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.size for mask in masks)

    assert waste(bins=8) < waste() / 2
    assert waste() <= waste(padding="multiple_of=16") <= waste(padding="max")


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 400),
    weights=st.lists(st.floats(0.05, 10), min_size=1, max_size=4),
    window_rows=st.integers(1, 100),
    epoch=st.integers(0, 3),
)
def test_a_mixture_keeps_its_shares(rows: int, weights: list[float], window_rows: int, epoch: int) -> None:
    """Up to every window, each dataset has given its share to within a row or two; its passes follow one another without a gap."""
    sources = tuple((7, 20 + index) for index in range(len(weights)))
    mixture = Mixture({str(index): weight for index, weight in enumerate(weights)}, rows=rows)
    shares = mixture.shares
    shuffle = Shuffle(block_rows=4, window_rows=window_rows)
    plan = plan_mixture(sources, mixture, seed=1, epoch=epoch, shuffle=shuffle)
    windows = [plan.places(window) for window in range(plan.num_windows)]
    shards = np.concatenate([window.shards for window in windows])
    assert len(shards) == rows
    for end in range(plan.window_rows, rows + 1, plan.window_rows):
        given_rows = np.bincount(shards[:end] // 2, minlength=len(shares))
        assert np.abs(given_rows - np.array(shares) * end).max() <= 1.5
    for source in range(len(sources)):
        total, mine = sum(sources[source]), shards // 2 == source
        passes = np.concatenate([window.passes for window in windows])[mine]
        first = epoch * plan.counts(rows)[source]
        expected = np.arange(first, first + mine.sum()) // total
        assert sorted(passes.tolist()) == expected.tolist()


def test_a_mixture_gives_each_row_of_a_pass_once(tmp_path: Path) -> None:
    """Two datasets mixed by weight, over several epochs: a row comes again only when all rows of its dataset have come."""
    names = [
        write_dataset(tmp_path / name, rows=rows, num_shards=2, max_seq_length=32, seed=rows)
        for name, rows in (("a", 60), ("b", 25))
    ]
    mixture = Mixture({str(names[0]): 1, str(names[1]): 2}, rows=50)
    loader = Loader(mixture, batch_size=4, trace=True, window_rows=16, masking="dynamic")
    seen = []
    for epoch in range(4):
        loader.set_epoch(epoch)
        found = places(loader)
        assert len(found) == 50
        seen += found
    counts = {place: seen.count(place) for place in set(seen)}
    small = [count for (shard, _), count in counts.items() if shard >= 2]
    large = [count for (shard, _), count in counts.items() if shard < 2]
    assert (min(small), max(small), len(small)) == (5, 6, 25)
    assert (min(large), max(large), len(large)) == (1, 2, 60)


def test_a_mixture_resumes_and_is_shared_by_ranks(directory: Path, tmp_path: Path) -> None:
    """A mixture resumes at any step, on other ranks, and refuses a state of other weights."""
    other = write_dataset(tmp_path / "other", rows=90, num_shards=2, max_seq_length=32, seed=9)
    mixture = Mixture({str(directory): 0.7, str(other): 0.3})
    for way in ({}, {"packing": True}, {"bins": 2}):
        options: dict[str, Any] = {"window_rows": 100, "batch_size": 6, **way}
        loader = Loader(mixture, **options)
        run = iter(loader)
        given_batches = [next(run) for _ in range(17)]
        state = loader.state_dict()
        assert_same(list(Loader(mixture, **options)), [*given_batches, *run])
        ranks = [Loader(mixture, **options | {"rank": rank, "world_size": 3, "batch_size": 2}) for rank in range(3)]
        for rank in ranks:
            rank.load_state_dict(state)
        restored = Loader(mixture, **options)
        restored.load_state_dict(state)
        steps = list(zip(*ranks, strict=False))
        for batch, parts in zip(restored, steps, strict=False):
            lines = [line[line >= 0].tolist() for part in parts for line in part["input_ids"]]
            alone = [line.tolist() for line in batch["input_ids"]]
            assert [[token for token in line if token] for line in lines] == [
                [token for token in line if token] for line in alone
            ]
    with pytest.raises(ConfigError, match="another order"):
        Loader(Mixture({str(directory): 0.6, str(other): 0.4}), **options).load_state_dict(state)


def test_what_cannot_be_mixed(directory: Path, tmp_path: Path) -> None:
    """Datasets of two tokenizers or objectives, and weights that are none, are refused."""
    with pytest.raises(ConfigError, match="another tokenizer"):
        Loader(Mixture({str(directory): 1, str(write_dataset(tmp_path / "a", vocab_size=410)): 1}), batch_size=2)
    with pytest.raises(ConfigError, match=r"pairing\.objective=sop"):
        Loader(Mixture({str(directory): 1, str(write_dataset(tmp_path / "b", objective="sop")): 1}), batch_size=2)
    with pytest.raises(ConfigError, match="must be a number above 0, not 0"):
        Mixture({"a": 0})
    with pytest.raises(ConfigError, match="at least one dataset"):
        Mixture({})
    with pytest.raises(ConfigError, match="no rows in split 'train'"):
        Loader(write_dataset(tmp_path / "c", rows=0, num_shards=1), batch_size=2)
