"""The classifiers find a signal in the label if there is one, and none otherwise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.ragged import offsets
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.dataset.directory import open_directory
from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.schema import row_schema
from nspdata.dataset.shards import open_shard, read_rows, write_shard
from nspdata.errors import ShardError
from nspdata.files.local import LocalFiles
from nspdata.inspection.shortcuts import cautions, measure_shortcuts
from nspdata.inspection.shortcuts.features import Words, bags, lengths, overlap
from nspdata.inspection.shortcuts.measure import wilson
from nspdata.inspection.shortcuts.pairs import LabelledPairs, parted
from nspdata.instances.rows import Rows
from tests.datasets import make_rows, rewrite_manifest, small_vocabulary, write_dataset

SEGMENTS = st.lists(
    st.tuples(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.lists(st.integers(0, 9), min_size=1, max_size=6)),
    max_size=8,
)


def pairs_of(segments: list[tuple[list[int], list[int]]]) -> LabelledPairs:
    """Pairs of these tokens."""
    a, b = ([pair[side] for pair in segments] for side in (0, 1))
    flat = [np.array([token for segment in side for token in segment], np.int64) for side in (a, b)]
    ends = [offsets(np.array([len(segment) for segment in side], np.int64)) for side in (a, b)]
    count = len(segments)
    return LabelledPairs(
        tokens_a=flat[0],
        offsets_a=ends[0],
        tokens_b=flat[1],
        offsets_b=ends[1],
        labels=np.zeros(count, np.uint8),
        documents=np.arange(count, dtype=np.uint64),
    )


@given(SEGMENTS)
def test_words_are_sets(segments: list[tuple[list[int], list[int]]]) -> None:
    """The words of A, of B and of both are those of Python's sets."""
    words = Words.of(pairs_of(segments), 10)
    for keys, expected in (
        (words.a, [set(a) for a, _ in segments]),
        (words.b, [set(b) for _, b in segments]),
        (words.both, [set(a) & set(b) for a, b in segments]),
    ):
        assert keys.tolist() == [row * 10 + token for row, found in enumerate(expected) for token in sorted(found)]


@given(SEGMENTS)
def test_overlap_is_what_sets_say(segments: list[tuple[list[int], list[int]]]) -> None:
    """Shared words and their share of the union (Jaccard) are counted pair by pair."""
    words = Words.of(pairs_of(segments), 10)
    found = overlap(words, words.rarity())
    for row, (a, b) in enumerate(segments):
        assert found[row, 0] == len(set(a) & set(b))
        assert found[row, 2] == len(set(a) & set(b)) / len(set(a) | set(b))


@given(SEGMENTS)
def test_features_have_one_line_a_pair(segments: list[tuple[list[int], list[int]]]) -> None:
    """Every kind of feature has as many lines as there are pairs."""
    pairs = pairs_of(segments)
    words = Words.of(pairs, 10)
    assert {len(lengths(pairs)), len(overlap(words, words.rarity())), bags(words, words.rarity()).shape[0]} == {
        len(segments)
    }


def test_pairs_are_the_segments_without_masks() -> None:
    """A and B of a pair are the row's segments, specials left out, masks undone."""
    rows = make_rows(50, Config(), small_vocabulary())
    pairs, whole = LabelledPairs.of(rows), rows.unmasked_ids()
    for row in range(len(rows)):
        ids = whole[rows.offsets[row] : rows.offsets[row + 1]].tolist()
        middle = int(rows.lengths_a[row])
        assert pairs.tokens_a[pairs.offsets_a[row] : pairs.offsets_a[row + 1]].tolist() == ids[1 : middle - 1]
        assert pairs.tokens_b[pairs.offsets_b[row] : pairs.offsets_b[row + 1]].tolist() == ids[middle:-1]
    chosen = np.array([7, 3])
    taken = pairs.take(chosen)
    assert taken.tokens_b.tolist() == [
        token for row in chosen for token in pairs.tokens_b[pairs.offsets_b[row] : pairs.offsets_b[row + 1]].tolist()
    ]


def test_topics_are_found_and_lengths_are_not(tmp_path: Path) -> None:
    """If B of a negative is about another topic, words predict the label; equal lengths do not."""
    found = measure_shortcuts(write_dataset(tmp_path / "data", rows=3000, num_shards=5))
    assert found is not None
    lengths_alone, words, whole = found.guesses
    assert lengths_alone.low < 0.55
    assert words.low > 0.8
    assert whole.low > 0.8
    [(key, message)] = cautions(found).items()
    assert key == max((words, whole), key=lambda guess: guess.low).key
    assert "pairing.negatives" in message


def relabelled(directory: Path, labels: list[np.ndarray]) -> Path:
    """The dataset with other labels."""
    manifest = read_manifest(directory)
    entries = []
    for entry, wanted in zip(manifest.splits["train"], labels, strict=True):
        _, metadata = open_shard(directory, entry)
        rows = Rows.concatenate(list(read_rows(directory, entry)))
        rows = dataclasses.replace(rows, next_sentence_label=wanted.astype(np.uint8))
        entries.append(write_shard(LocalFiles(), str(directory), entry.path, [rows], row_schema(metadata)))
    rewrite_manifest(directory, splits={"train": entries})
    return directory


def test_labels_by_chance_cannot_be_guessed(tmp_path: Path) -> None:
    """Labels that depend on nothing leave every guesser at a half, within its interval or near it."""
    chance = np.random.default_rng(3)
    directory = write_dataset(tmp_path / "data", rows=4000, num_shards=5)
    found = measure_shortcuts(relabelled(directory, [chance.integers(0, 2, 800) for _ in range(5)]))
    assert found is not None
    assert all(guess.low - 0.03 < 0.5 < guess.high + 0.03 for guess in found.guesses)
    assert cautions(found) == {}


def test_lengths_that_tell_the_label_are_warned_of(tmp_path: Path) -> None:
    """Labels that follow the length of A are guessed from lengths, and the caution says so."""
    directory = write_dataset(tmp_path / "data", rows=2000, num_shards=4)
    manifest = read_manifest(directory)
    labels = [
        np.concatenate([rows.lengths_a > 30 for rows in read_rows(directory, entry)])
        for entry in manifest.splits["train"]
    ]
    found = measure_shortcuts(relabelled(directory, labels))
    assert found is not None
    assert found.guesses[0].accuracy > 0.97
    assert "differ in length" in cautions(found)["lengths"]


def test_one_label_alone_is_guessed_blindly(tmp_path: Path) -> None:
    """Where every label is the same there is nothing to learn, and no crash."""
    directory = write_dataset(tmp_path / "data", rows=60, num_shards=3)
    found = measure_shortcuts(relabelled(directory, [np.zeros(20)] * 3))
    assert found is not None
    assert [guess.accuracy for guess in found.guesses] == [1, 1, 1]
    assert found.majority == 1


def test_the_same_dataset_gives_the_same_result(tmp_path: Path) -> None:
    """The shortcut test is deterministic."""
    directory = write_dataset(tmp_path / "data", rows=300, num_shards=2)
    assert measure_shortcuts(directory) == measure_shortcuts(directory)


@pytest.mark.parametrize(
    ("shards", "validation", "how"),
    [(3, 50, "scored on validation"), (3, 0, "learned from 2 shards"), (1, 0, "one document in 5")],
)
def test_pairs_are_parted_by_document(tmp_path: Path, shards: int, validation: int, how: str) -> None:
    """No document of A is both learned from and scored on, and nearly all pairs are used."""
    directory = write_dataset(tmp_path / "data", rows=300, num_shards=shards, validation_rows=validation)
    one, other, reported = parted(open_directory(directory), learned=1000, scored=1000)
    assert how in reported
    assert not set(one.documents.tolist()) & set(other.documents.tolist())
    assert len(one) + len(other) == 300 + validation


def test_no_more_pairs_are_taken_than_asked_for(tmp_path: Path) -> None:
    """A large dataset is not read whole."""
    directory = write_dataset(tmp_path / "data", rows=300, num_shards=3, validation_rows=90)
    one, other, _ = parted(open_directory(directory), learned=100, scored=40)
    assert (len(one), len(other)) == (100, 40)


def test_rows_without_labels_are_not_tested(tmp_path: Path) -> None:
    """Full sentences have no label to guess."""
    config = from_dict(Config, {"pairing": {"objective": "none", "max_seq_length": 64}})
    directory = write_dataset(tmp_path / "data", rows=20)
    rewrite_manifest(directory, config=config.to_dict())
    assert measure_shortcuts(directory) is None


def test_one_document_is_too_few(tmp_path: Path) -> None:
    """A dataset of one document is refused: its rows cannot be divided into train and test rows."""
    with pytest.raises(ShardError, match="too few documents"):
        measure_shortcuts(write_dataset(tmp_path / "data", rows=1, num_shards=1))


@given(st.integers(1, 10_000), st.data())
def test_the_interval_holds_the_share(trials: int, data: st.DataObject) -> None:
    """Wilson's interval lies in [0, 1] and around what was seen."""
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials + 1e-9
    assert successes / trials - 1e-9 <= high <= 1
