"""Figures and warnings against a plain count, and against rows made to be out of range."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.shards import read_rows
from nspdata.loading.packing import pack
from nspdata.statistics import Histogram, PartStatistics, Statistics, merge, summarize_rows, zero
from nspdata.statistics.checks import find_warnings
from nspdata.statistics.figures import figures, most_frequent, num_packs, values, written
from nspdata.tokenization.vocabulary import Vocabulary
from tests.datasets import make_rows, small_vocabulary, write_dataset


@pytest.fixture(scope="module")
def known() -> tuple[Statistics, Config, Vocabulary]:
    """Statistics of 400 rows."""
    config, vocabulary = from_dict(Config, {"pairing": {"max_seq_length": 64}}), small_vocabulary()
    rows = make_rows(400, config, vocabulary)
    return summarize_rows(rows, vocabulary, max_seq_length=64), config, vocabulary


def test_figures_of_a_dataset_equal_a_plain_count(tmp_path: Path) -> None:
    """Every share of the rows is what a loop over the rows counts."""
    directory = write_dataset(tmp_path / "data", rows=150)
    manifest = read_manifest(directory)
    vocabulary = Vocabulary.read(directory / "tokenizer" / "vocab.txt")
    statistics, lists = zero(), []
    for entry in manifest.splits["train"]:
        for rows in read_rows(directory, entry):
            statistics = merge(statistics, summarize_rows(rows, vocabulary, max_seq_length=64))
            for row in range(len(rows)):
                ids = rows.input_ids[rows.offsets[row] : rows.offsets[row + 1]].tolist()
                span = slice(rows.masked_offsets[row], rows.masked_offsets[row + 1])
                masks = list(
                    zip(rows.masked_lm_positions[span].tolist(), rows.masked_lm_labels[span].tolist(), strict=True)
                )
                lists.append((ids, masks, int(rows.next_sentence_label[row])))
    found = values(figures(statistics))
    tokens = sum(len(ids) for ids, _, _ in lists)
    masks = [(ids[position], label) for ids, masked, _ in lists for position, label in masked]
    mask_id = vocabulary.special_ids["[MASK]"]
    assert found["rows"] == 150
    assert found["row_tokens"] == tokens
    assert found["label_1_share"] == sum(label for _, _, label in lists) / 150
    assert found["masked_share"] == len(masks) / tokens
    assert found["masked_as_mask_share"] == sum(held == mask_id for held, _ in masks) / len(masks)
    assert found["masked_kept_share"] == sum(held == label for held, label in masks) / len(masks)
    assert found["padding_share"] == 1 - tokens / (150 * 64)
    padded = sum(math.ceil(len(ids) / 8) * 8 for ids, _, _ in lists)
    assert found["padding_share_binned"] == 1 - tokens / padded
    originals = set()
    for ids, masked, _ in lists:
        whole = dict(enumerate(ids)) | dict(masked)
        originals |= set(whole.values())
    assert found["vocabulary_never_seen"] == len(vocabulary) - len(originals)


@given(st.lists(st.integers(1, 32), max_size=60))
def test_packs_are_near_what_the_loader_makes(lengths: list[int]) -> None:
    """Best-fit decreasing on the histogram keeps its bound, 11/9 of the best and 2/3, against the loader's packs."""
    packed = pack(np.array(lengths, np.int64), 32)
    assert 9 * num_packs(Histogram.of(np.array(lengths, np.int64)), 32) <= 11 * len(set(packed.tolist())) + 6


@given(st.lists(st.integers(1, 32), min_size=1, max_size=60))
def test_packs_hold_what_they_must(lengths: list[int]) -> None:
    """The number of packs is between tokens / length and the number of rows."""
    packs = num_packs(Histogram.of(np.array(lengths, np.int64)), 32)
    assert -(-sum(lengths) // 32) <= packs <= len(lengths)


def test_the_most_frequent_leave_out_what_was_never_seen() -> None:
    """Tokens that no row holds are not frequent, however many are asked for."""
    assert most_frequent(np.array([0, 2, 5]), 10) == [(2, 5), (1, 2)]


def test_nothing_gives_no_figures() -> None:
    """Empty statistics have no figures and no warnings."""
    assert figures(zero()) == []
    assert find_warnings(zero(), Config()) == []


def test_no_rows_divide_nothing() -> None:
    """Statistics of zero rows are written without a division by zero."""
    none = summarize_rows(make_rows(0, Config(), small_vocabulary()), small_vocabulary(), max_seq_length=128)
    assert values(figures(none))["rows"] == 0
    assert find_warnings(none, Config()) == []


def test_sound_rows_have_no_warning_but_of_padding(known: tuple[Statistics, Config, Vocabulary]) -> None:
    """Rows of many lengths, made by the builder's own masking, are sound but for their padding."""
    statistics, config, _ = known
    assert [warning.key for warning in find_warnings(statistics, config)] in ([], ["padding_share"])


def changed(statistics: Statistics, **counts: int) -> Statistics:
    """The same statistics with some counts of the rows replaced."""
    rows = statistics.rows
    part = PartStatistics(counts={**rows.counts, **counts}, histograms=rows.histograms, token_counts=rows.token_counts)
    return Statistics(corpus=statistics.corpus, rows=part)


@pytest.mark.parametrize(
    ("counts", "key"),
    [
        ({"label_1": 300, "label_0": 100}, "label_1_share"),
        ({"unknown_tokens": 1_000}, "unknown_share"),
        ({"masked": 100, "masked_as_mask": 80, "masked_as_random": 10, "masked_kept": 10}, "masked_share"),
        ({"masked_as_mask": 0}, "masked_as_mask_share"),
        ({"capacity_tokens": 400 * 640}, "padding_share"),
    ],
)
def test_a_figure_out_of_range_is_named(
    known: tuple[Statistics, Config, Vocabulary], counts: dict[str, int], key: str
) -> None:
    """Each usual range has a warning with the key of its figure."""
    statistics, config, _ = known
    assert key in [warning.key for warning in find_warnings(changed(statistics, **counts), config)]


def test_warnings_of_the_corpus_are_named(known: tuple[Statistics, Config, Vocabulary]) -> None:
    """One-sentence documents and duplicates are warned of where the corpus is known."""
    statistics, config, _ = known
    counts = {"documents": 10, "one_sentence_documents": 9, "sentences": 12, "tokens": 90, "words": 80}
    corpus = PartStatistics(counts={**counts, "unknown_tokens": 0, "duplicates_dropped": 30})
    keys = [warning.key for warning in find_warnings(Statistics(corpus=corpus, rows=statistics.rows), config)]
    assert {"one_sentence_share", "duplicates_dropped"} <= set(keys)


def test_labels_of_full_sentences_say_nothing(known: tuple[Statistics, Config, Vocabulary]) -> None:
    """With objective `none` all labels are 0, without a warning."""
    statistics, _, _ = known
    config = from_dict(Config, {"pairing": {"objective": "none", "max_seq_length": 64}})
    keys = [warning.key for warning in find_warnings(changed(statistics, label_0=400, label_1=0), config)]
    assert "label_1_share" not in keys


def test_bytes_are_written_in_their_size() -> None:
    """Sizes are printed with one decimal and a suitable unit."""
    assert [written(size, "bytes") for size in (0, 999, 1_000, 12_345_678)] == ["0 B", "999 B", "1.0 kB", "12.3 MB"]
