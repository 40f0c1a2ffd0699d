"""The compiled pairs against the plain ones from the same random numbers: equal, pair by pair."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.random import stream
from nspdata.instances import Text, pair
from nspdata.tokenization.encoders import make_encoder
from nspdata.tokenization.vocabulary import Vocabulary
from nspdata.tokenization.wordpiece import WordPiece
from tests.instances.corpora import LENGTHS, Lengths, make_documents
from tests.reference.pairing import Settings, make_pairs, truncated
from tests.shared import shared

SETTINGS = st.builds(
    Settings,
    objective=st.sampled_from(["nsp", "sop"]),
    unit=st.sampled_from(["segments", "sentences"]),
    fill=st.sampled_from(["fit", "overshoot"]),
    max_tokens=st.integers(5, 90),
    short_seq_prob=st.sampled_from([0.0, 0.1, 1.0]),
    random_next_prob=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)

SAME_DOCUMENT = SETTINGS.filter(lambda settings: settings.objective == "nsp").map(
    lambda settings: replace(settings, same_document=True)
)


def options(settings: Settings) -> dict[str, Any]:
    """The settings as `pair` takes them, without the kind of negatives."""
    return {name: value for name, value in asdict(settings).items() if name != "same_document"}


def compare(lengths: Lengths, settings: Settings, seed: int) -> None:
    """Documents, sentences, lengths after truncation, labels and counters of both."""
    documents = make_documents(lengths)
    words = stream(seed, "pairing").random_raw(3 * documents.num_sentences)
    numbers = [half for word in words.tolist() for half in (word >> 32, word & 0xFFFFFFFF)]
    expected, unpaired = make_pairs(lengths, np.reshape(numbers, (-1, 6)).tolist(), settings)
    found = pair(
        Text(documents.ids, documents.sentence_offsets, documents.document_offsets),
        documents.document_ids,
        stream(seed, "pairing"),
        negatives="same_document" if settings.same_document else "other",
        **options(settings),
    )
    whole = [
        (sum(lengths[row.document_a][s] for s in row.a), sum(lengths[row.document_b][s] for s in row.b))
        for row in expected
    ]
    firsts = documents.document_offsets
    rows = zip(
        found.document_a.tolist(),
        found.document_b.tolist(),
        (found.sentence_a - firsts[found.document_a]).tolist(),
        (found.sentence_b - firsts[found.document_b]).tolist(),
        zip(found.length_a.tolist(), found.length_b.tolist(), strict=True),
        found.label.tolist(),
        strict=True,
    )
    kept = [truncated(*both, settings.max_tokens) for both in whole]
    assert list(rows) == [
        (row.document_a, row.document_b, row.a[0], row.b[0], both, row.label)
        for row, both in zip(expected, kept, strict=True)
    ]
    assert found.truncated == sum(map(sum, whole)) - sum(map(sum, kept))
    assert (found.forced, found.unpaired) == (sum(row.forced for row in expected), unpaired)
    assert found.forced_positives == sum(row.only_next for row in expected)


@given(lengths=LENGTHS, settings=SETTINGS, seed=st.integers(0, 1 << 30))
def test_pairs_are_those_of_the_plain_procedure(lengths: Lengths, settings: Settings, seed: int) -> None:
    """On any documents, with any settings, also where sentences are longer than a row."""
    compare(lengths, settings, seed)


@given(lengths=LENGTHS, settings=SAME_DOCUMENT, seed=st.integers(0, 1 << 30))
def test_negatives_of_the_same_document_are_those_of_the_plain_procedure(
    lengths: Lengths, settings: Settings, seed: int
) -> None:
    """On any documents, with any settings, also where a document has no other place for B."""
    compare(lengths, settings, seed)


@cache
def real_lengths() -> Lengths:
    """Sentence lengths of the US inaugural addresses."""
    lines = shared("english/english_inaugural.jsonl").read_text(encoding="utf-8").splitlines()
    vocabulary = Vocabulary.read(shared("vocab/bert-base-uncased.vocab.txt"))
    encoded = make_encoder(WordPiece(vocabulary, lowercase=True, strip_accents=True)).encode(
        [json.loads(line)["text"] for line in lines]
    )
    lengths = np.split(np.diff(encoded.sentence_offsets), encoded.document_offsets[1:-1])
    return [document.tolist() for document in lengths]


@pytest.mark.parametrize("max_tokens", [125, 509])
@pytest.mark.parametrize("fill", ["fit", "overshoot"])
@pytest.mark.parametrize("objective", ["nsp", "sop"])
def test_pairs_of_real_documents_are_those_of_the_plain_procedure(objective: str, fill: str, max_tokens: int) -> None:
    """Real addresses of up to 400 sentences, with sentences of up to 700 tokens, are paired as by the plain procedure."""
    settings = Settings(objective, "segments", fill, max_tokens, 0.1, 0.5)
    compare(real_lengths(), settings, 3)
    if objective == "nsp":
        compare(real_lengths(), replace(settings, same_document=True), 3)


@pytest.mark.parametrize(("sentences", "seed"), [(12, 1), (40, 2)])
def test_a_random_b_is_as_long_as_a_real_one(sentences: int, seed: int) -> None:
    """With fill `fit`: a random start near the end of a short document would make B shorter, and its length the label."""
    lengths = np.random.default_rng(seed).integers(5, 30, (400, sentences))
    documents = make_documents(lengths.tolist())
    pairs = pair(
        Text(documents.ids, documents.sentence_offsets, documents.document_offsets),
        documents.document_ids,
        stream(seed, "pairing"),
        negatives="other",
        **options(Settings("nsp", "segments", "fit", 125, 0.0, 0.5)),
    )
    free = pairs.sentence_a + 1 < documents.document_offsets[pairs.document_a + 1]  # A is not the last sentence
    real, drawn = (pairs.length_b[free & (pairs.label == label)].mean() for label in (0, 1))
    assert abs(real - drawn) < 3  # of about 50; 5.2 and 4.8 with a start anywhere
