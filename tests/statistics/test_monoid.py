"""Statistics are a monoid, and equal a plain count."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nspdata.arrays.ragged import offsets
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.shards import read_rows
from nspdata.errors import ShardError
from nspdata.instances.assemble import build_instances
from nspdata.statistics import (
    Histogram,
    PartStatistics,
    Statistics,
    from_json,
    merge,
    scripts,
    summarize_documents,
    summarize_files,
    summarize_rows,
    summarize_shard,
    summarize_texts,
    to_dict,
    to_json,
    zero,
)
from nspdata.statistics.histograms import RELATIVE_ERROR
from nspdata.statistics.recompute import read_statistics, recompute
from nspdata.statistics.scripts import count_characters, count_scripts
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.vocabulary import Vocabulary
from tests.datasets import make_rows, small_vocabulary, write_dataset

SMALL = st.lists(st.integers(0, 600), max_size=8)
NAMES = st.dictionaries(st.sampled_from(["rows", "tokens", "rejected.bad_json"]), st.integers(0, 2**50), max_size=3)
PARTS = st.builds(
    lambda counts, heavy, light, tokens: PartStatistics(
        counts=counts,
        histograms={
            "document_tokens": Histogram.of(np.array(heavy, np.int64), rounded=True),
            "row_tokens": Histogram.of(np.array(light, np.int64)),
        },
        token_counts=np.array(tokens, np.int64),
    ),
    NAMES,
    st.lists(st.integers(0, 2**20), max_size=8),
    SMALL,
    SMALL,
)
STATISTICS = st.builds(lambda corpus, rows: Statistics(corpus=corpus, rows=rows), PARTS, PARTS)


@given(STATISTICS, STATISTICS, STATISTICS)
def test_merging_is_associative(one: Statistics, two: Statistics, three: Statistics) -> None:
    """Three parts have the same total however they are grouped."""
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


@given(STATISTICS, STATISTICS)
def test_merging_is_commutative(one: Statistics, two: Statistics) -> None:
    """The order in which workers finish changes nothing."""
    assert merge(one, two) == merge(two, one)


@given(STATISTICS)
def test_zero_changes_nothing(one: Statistics) -> None:
    """Merging with the empty statistics changes nothing, from either side."""
    assert merge(zero(), one) == one == merge(one, zero())


@given(STATISTICS)
def test_json_gives_the_same_statistics_back(one: Statistics) -> None:
    """Statistics written as JSON are read back equal."""
    assert from_json(to_json(to_dict(one))) == one


@given(STATISTICS)
def test_json_is_plain_json(one: Statistics) -> None:
    """The compact layout is the same JSON as the standard library's."""
    assert json.loads(to_json(to_dict(one))) == to_dict(one)


@given(SMALL, SMALL)
def test_a_histogram_of_a_whole_is_that_of_its_parts(one: list[int], two: list[int]) -> None:
    """Exact histograms add up to the histogram of the concatenation."""
    whole = Histogram.of(np.array(one + two, np.int64))
    parts = Histogram.of(np.array(one, np.int64)) + Histogram.of(np.array(two, np.int64))
    assert whole.to_dict() == parts.to_dict()


@given(st.lists(st.integers(0, 2**22), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_rounded_quantile_is_within_its_bound(numbers: list[int], share: float) -> None:
    """A quantile of a rounded histogram is off by no more than it promises."""
    exact = sorted(numbers)[max(0, int(np.ceil(share * len(numbers) - 1e-9)) - 1)]
    found = Histogram.of(np.array(numbers), rounded=True).quantile(share)
    assert abs(found - exact) <= RELATIVE_ERROR * exact


@given(st.lists(st.integers(0, 2**22), min_size=1, max_size=50))
def test_sums_and_maxima_of_rounded_histograms_are_exact(numbers: list[int]) -> None:
    """Rounding bins loses neither the sum nor the greatest value."""
    histogram = Histogram.of(np.array(numbers), rounded=True)
    assert (histogram.total, histogram.maximum, len(histogram)) == (sum(numbers), max(numbers), len(numbers))


@given(st.integers(1, 60), st.integers(0, 60))
@settings(max_examples=20, deadline=None)
def test_statistics_of_rows_are_those_of_their_parts(one: int, two: int) -> None:
    """Rows summarised together equal the merge of the same rows summarised apart."""
    config, vocabulary = from_dict(Config, {"pairing": {"max_seq_length": 32}}), small_vocabulary()
    parts = [make_rows(one, config, vocabulary, seed=1), make_rows(two, config, vocabulary, seed=2)]
    apart = [summarize_rows(part, vocabulary, max_seq_length=32) for part in parts]
    whole = type(parts[0]).concatenate(parts)
    assert summarize_rows(whole, vocabulary, max_seq_length=32) == merge(*apart)


def documents_of(lengths: list[list[int]], vocab_size: int, *, seed: int = 0) -> TokenizedDocuments:
    """Documents of sentences of these lengths, of random tokens that are not special."""
    flat = [length for document in lengths for length in document]
    ids = np.random.default_rng(seed).integers(5, vocab_size, sum(flat)).astype(np.uint16)
    count = len(lengths)
    return TokenizedDocuments(
        ids=ids,
        sentence_offsets=offsets(np.array(flat, np.int64)),
        document_offsets=offsets(np.array([len(document) for document in lengths], np.int64)),
        document_ids=np.arange(count, dtype=np.uint64),
        text_hashes=np.zeros((count, 2), np.uint64),
    )


def test_statistics_of_a_shard_equal_a_plain_count() -> None:
    """Everything that `summarize_shard` counts of a built shard is what loops over documents and rows count."""
    vocabulary, config = small_vocabulary(), from_dict(Config, {"pairing": {"max_seq_length": 32}})
    lengths = [[5, 300, 7], [4], [9, 9, 9, 9], [1, 2, 3], [700]]
    documents = documents_of(lengths, len(vocabulary))
    rows, counts = build_instances(documents, config, vocabulary, split="train", shard=0)
    found = summarize_shard(documents, rows, counts, vocabulary, config)
    corpus = found.corpus
    assert corpus.counts["documents"] == 5
    assert corpus.counts["one_sentence_documents"] == 2
    assert corpus.counts["sentences"] == sum(map(len, lengths))
    assert corpus.counts["tokens"] == sum(map(sum, lengths))
    words = sum(not vocabulary.tokens[token].startswith("##") for token in documents.ids.tolist())
    assert corpus.counts["words"] == words
    assert corpus.counts["forced_negatives"] == counts["forced_negatives"]
    assert corpus.histograms["document_sentences"].to_dict()["values"] == sorted({len(part) for part in lengths})
    assert corpus.histograms["sentence_tokens"].maximum == 700
    assert corpus.token_counts.tolist() == np.bincount(documents.ids, minlength=len(vocabulary)).tolist()
    assert found.rows.counts["rows"] == len(rows)
    assert found.rows.counts["label_1"] == sum(rows.next_sentence_label.tolist())
    assert found.rows.histograms["row_tokens"].to_dict() == Histogram.of(rows.lengths).to_dict()
    whole = rows.unmasked_ids().tolist()
    assert found.rows.token_counts.tolist() == [whole.count(token) for token in range(len(vocabulary))]
    b_lengths = np.diff(rows.offsets) - rows.lengths_a - 1
    assert found.rows.histograms["a_tokens"].total == int((rows.lengths_a - 2).sum())
    assert found.rows.histograms["b_tokens"].total == int(b_lengths.sum())
    positions = found.rows.histograms["masked_positions"]
    assert positions.to_dict() == Histogram.of(rows.masked_lm_positions).to_dict()
    assert len(positions) == found.rows.counts["masked"] == found.rows.histograms["row_masked"].total


def test_documents_of_nothing_are_counted_as_nothing() -> None:
    """A shard without a document has statistics."""
    part = summarize_documents(documents_of([], 400), small_vocabulary())
    assert part.counts["documents"] == part.counts["tokens"] == 0


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=4))
def test_every_character_has_one_script(texts: list[str]) -> None:
    """The scripts of a text add up to its characters."""
    assert sum(count_scripts(texts).values()) == sum(map(len, texts))


@given(st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_scripts_of_a_whole_are_those_of_its_parts(one: list[str], two: list[str]) -> None:
    """Characters by script are counted text by text."""
    assert summarize_texts(one + two) == merge(summarize_texts(one), summarize_texts(two))


@pytest.mark.parametrize(
    ("text", "script"), [("a", "Latin"), ("é", "Latin"), ("7", "Common"), ("я", "Cyrillic"), ("東", "Han"), ("あ", "Hiragana"), ("א", "Hebrew"), ("ب", "Arabic"), ("\u0301", "Inherited"), ("\ue000", "Unknown")]
)  # fmt: skip
def test_scripts_are_unicodes(text: str, script: str) -> None:
    """Scripts of characters equal Unicode's script property."""
    assert count_scripts([text]) == {script: 1}


def test_statistics_again_from_the_shards(tmp_path: Path) -> None:
    """`recompute` over a directory equals the merge over its shards' rows and files, and one split is a part of all."""
    directory = write_dataset(tmp_path / "data", rows=120, num_shards=3, validation_rows=30)
    manifest = read_manifest(directory)
    vocabulary = Vocabulary.read(directory / "tokenizer" / "vocab.txt")
    expected = zero()
    for entries in manifest.splits.values():
        expected = merge(expected, summarize_files(entries))
        for entry in entries:
            for rows in read_rows(directory, entry):
                expected = merge(expected, summarize_rows(rows, vocabulary, max_seq_length=64))
    assert recompute(directory) == expected == read_statistics(directory)
    assert merge(recompute(directory, "train"), recompute(directory, "validation")) == expected


def test_statistics_are_read_where_they_were_written(tmp_path: Path) -> None:
    """Statistics are read from `statistics.json`."""
    directory = write_dataset(tmp_path / "data", rows=20)
    written = Statistics(corpus=PartStatistics(counts={"documents": 7}))
    (directory / "statistics.json").write_text(to_json(to_dict(written)))
    assert read_statistics(directory) == written


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 99}', '{"version": 1, "corpus": 3, "rows": {}}'])
def test_a_file_that_is_no_statistics_is_named(tmp_path: Path, text: str) -> None:
    """Damaged statistics are an error with the file's name, not a crash."""
    directory = write_dataset(tmp_path / "data", rows=20)
    (directory / "statistics.json").write_text(text)
    with pytest.raises(ShardError, match=r"statistics\.json"):
        read_statistics(directory)


def test_an_unfinished_directory_has_no_statistics(tmp_path: Path) -> None:
    """Statistics without a manifest belong to an unfinished build and are refused."""
    (tmp_path / "statistics.json").write_text(to_json(to_dict(zero())))
    with pytest.raises(ShardError, match="not a finished dataset"):
        read_statistics(tmp_path)


@pytest.mark.parametrize("most", [1, 3, 7])
def test_characters_of_long_texts_are_counted_in_pieces(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same counts, in the same order, beside short texts and after them."""
    texts = ["Äpfel und हिंदी", "да", "", "Straße 7 — é"]
    expected = [list(part.items()) for part in count_characters(texts)]
    monkeypatch.setattr(scripts, "MOST_CHARACTERS", most)
    assert [list(part.items()) for part in count_characters(texts)] == expected
