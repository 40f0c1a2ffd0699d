"""The compiled procedure beside the plain reading of the paper: the same distributions, on documents like real ones."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from nspdata.arrays.random import stream
from nspdata.instances import Pairs, Text, pair
from nspdata.tokenization.encoded import TokenizedDocuments
from tests.instances.corpora import FIRST, lists, make_documents, random_lengths
from tests.instances.laws import places
from tests.reference.pretraining import Instance, create_instances

MAX_TOKENS = 125

CORPORA: dict[str, dict[str, Any]] = {
    "long": {"sentences": 60, "tokens": 22, "alone": 0.0},
    "short": {"sentences": 7, "tokens": 22, "alone": 0.2},
    "wordy": {"sentences": 20, "tokens": 60, "alone": 0.05},
}

SHORT = [0.1, 0.5]


@cache
def documents_of(name: str) -> TokenizedDocuments:
    return make_documents(random_lengths(round(24_000 / CORPORA[name]["sentences"]), 8, **CORPORA[name]))


@cache
def ours(name: str, short_seq_prob: float) -> Pairs:
    """Pairs as nspdata makes them."""
    documents = documents_of(name)
    return pair(
        Text(documents.ids, documents.sentence_offsets, documents.document_offsets),
        documents.document_ids,
        stream(4, "pairing"),
        objective="nsp",
        unit="segments",
        negatives="other",
        fill="overshoot",
        max_tokens=MAX_TOKENS,
        short_seq_prob=short_seq_prob,
        random_next_prob=0.5,
    )


@cache
def theirs(name: str, short_seq_prob: float) -> list[Instance]:
    """Instances of the plain reference; a free label is random as often as ours is, which is what makes the share 0.5."""
    pairs = ours(name, short_seq_prob)
    chance = (int(pairs.label.sum()) - pairs.forced) / (len(pairs) - pairs.forced)
    return create_instances(
        lists(documents_of(name)),
        np.random.default_rng(0),
        max_tokens=MAX_TOKENS,
        short_seq_prob=short_seq_prob,
        random_next_prob=chance,
    )


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of two empirical distribution functions, over what chance explains once in a thousand."""
    values = np.union1d(one, other)
    found = [np.searchsorted(np.sort(sample), values, side="right") / len(sample) for sample in (one, other)]
    limit = 1.95 * np.sqrt((len(one) + len(other)) / (len(one) * len(other)))
    return float(np.abs(found[0] - found[1]).max() / limit)


def quantities(name: str, short_seq_prob: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What is compared: for each name a number a row, ours and the reference's."""
    pairs, instances = ours(name, short_seq_prob), theirs(name, short_seq_prob)
    firsts = documents_of(name).document_offsets
    mine = {
        "length of A": pairs.length_a,
        "length of B": pairs.length_b,
        "length of both": pairs.length_a + pairs.length_b,
        "length of B where it follows": pairs.length_b[pairs.label == 0],
        "length of B where it is random": pairs.length_b[pairs.label == 1],
        "first sentence of A": pairs.sentence_a - firsts[pairs.document_a],
        "first sentence of a random B": (pairs.sentence_b - firsts[pairs.document_b])[pairs.label == 1],
        "document of a random B": pairs.document_b[pairs.label == 1],
    }
    plain = {
        "length of A": [len(row.a) for row in instances],
        "length of B": [len(row.b) for row in instances],
        "length of both": [len(row.a) + len(row.b) for row in instances],
        "length of B where it follows": [len(row.b) for row in instances if row.label == 0],
        "length of B where it is random": [len(row.b) for row in instances if row.label == 1],
        "first sentence of A": [row.sentence_a for row in instances],
        "first sentence of a random B": [row.sentence_b for row in instances if row.label == 1],
        "document of a random B": [row.document_b for row in instances if row.label == 1],
    }
    return {key: (mine[key], np.array(plain[key])) for key in mine}


@pytest.mark.parametrize("short_seq_prob", SHORT)
@pytest.mark.parametrize("name", CORPORA)
def test_segments_are_distributed_as_the_paper_says(name: str, short_seq_prob: float) -> None:
    """Lengths of A, of B and of both, where A begins, and where a random B comes from."""
    distances = {key: distance(*pair) for key, pair in quantities(name, short_seq_prob).items()}
    assert max(distances.values()) < 1, distances


@pytest.mark.parametrize("short_seq_prob", SHORT)
@pytest.mark.parametrize("name", CORPORA)
def test_there_are_as_many_rows_as_the_paper_says(name: str, short_seq_prob: float) -> None:
    """Rows, forced negatives, truncated tokens, short rows and the share of label 1, each to within a few percent."""
    pairs, instances = ours(name, short_seq_prob), theirs(name, short_seq_prob)
    mine = Counter(
        rows=len(pairs),
        forced=pairs.forced,
        truncated=pairs.truncated,
        negatives=int(pairs.label.sum()),
        short=int((pairs.length_a + pairs.length_b < MAX_TOKENS // 2).sum()),
    )
    plain = Counter(
        rows=len(instances),
        forced=sum(row.forced for row in instances),
        truncated=sum(row.cut_front + row.cut_back for row in instances),
        negatives=sum(row.label for row in instances),
        short=sum(len(row.a) + len(row.b) < MAX_TOKENS // 2 for row in instances),
    )
    for key, count in plain.items():
        spread = (
            40 if key == "truncated" else 1
        )  # tokens are cut by the dozen: a row's count varies by so much more than 1
        assert abs(mine[key] - count) < 4 * np.sqrt(2 * spread * count) + 0.01 * count, (key, mine, plain)


def test_truncation_takes_from_both_ends_alike() -> None:
    """Of the tokens that are cut off, half are taken from the front, by a coin for each."""
    pairs = ours("wordy", 0.1)
    documents = documents_of("wordy")
    front = np.concatenate(
        [
            pairs.start_a - documents.sentence_offsets[pairs.sentence_a],
            pairs.start_b - documents.sentence_offsets[pairs.sentence_b],
        ]
    )
    assert (front >= 0).all()
    cut = [row.cut_front for row in theirs("wordy", 0.1)]
    assert front.sum() / pairs.truncated == pytest.approx(0.5, abs=0.01)
    assert sum(cut) / sum(row.cut_front + row.cut_back for row in theirs("wordy", 0.1)) == pytest.approx(0.5, abs=0.01)


def test_the_reference_obeys_the_laws_itself() -> None:
    """What is asked of our rows holds for the plain reading: B follows, or is of another document, and both are runs."""
    documents = documents_of("short")
    place_of = places(documents)
    for row in theirs("short", 0.1):
        assert 2 <= len(row.a) + len(row.b) <= MAX_TOKENS
        assert (row.label == 1) == (row.document_a != row.document_b)
        for tokens, document in ((row.a, row.document_a), (row.b, row.document_b)):
            assert tokens == list(range(tokens[0], tokens[0] + len(tokens)))
            assert {place_of[token - FIRST].document for token in tokens} == {document}


def test_negatives_are_any_other_document_alike() -> None:
    """A chi-square over the pool: no document is drawn more often than another, whatever its length; never A's own."""
    documents = make_documents(random_lengths(40, 9, sentences=80, alone=0.5))
    drawn = np.zeros(40)
    expected = np.zeros(40)
    for seed in range(6):
        pairs = pair(
            Text(documents.ids, documents.sentence_offsets, documents.document_offsets),
            documents.document_ids,
            stream(seed, "pairing"),
            objective="nsp",
            unit="segments",
            negatives="other",
            fill="overshoot",
            max_tokens=61,
            short_seq_prob=0.1,
            random_next_prob=0.9,
        )
        random = pairs.label == 1
        assert (pairs.document_a[random] != pairs.document_b[random]).all()
        drawn += np.bincount(pairs.document_b[random], minlength=40)
        own = np.bincount(pairs.document_a[random], minlength=40)
        expected += (own.sum() - own) / 39
    assert drawn.sum() > 2000
    assert ((drawn - expected) ** 2 / expected).sum() < 73  # the 999th of a thousand, 39 degrees of freedom
