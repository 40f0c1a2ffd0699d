"""The rules for pairs: for any documents and settings, every row is what its label says."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nspdata.config.build import Config, MaskingConfig, PairingConfig
from nspdata.errors import InputError
from nspdata.instances.assemble import build_instances
from nspdata.instances.rows import Rows
from tests.instances.corpora import FIRST, LENGTHS, Lengths, lists, make_documents, random_lengths, vocabulary_of
from tests.instances.laws import Checker, Row, take_apart
from tests.reference.pretraining import full_sentences

PAIRINGS = st.builds(
    PairingConfig,
    objective=st.sampled_from(["nsp", "sop", "none"]),
    unit=st.sampled_from(["segments", "sentences"]),
    negatives=st.sampled_from(["other", "similar", "same_document"]),
    fill=st.sampled_from(["fit", "overshoot"]),
    max_seq_length=st.integers(8, 90),
    short_seq_prob=st.sampled_from([0.0, 0.1, 1.0]),
    random_next_prob=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)


def build(
    lengths: Lengths, config: Config, document_ids: list[int] | None = None, *, shard: int = 0
) -> tuple[list[Row], dict[str, int], Checker, Rows]:
    """Builds a shard and checks every row with `Checker`."""
    documents = make_documents(lengths, document_ids)
    vocabulary = vocabulary_of(documents)
    rows, counts = build_instances(documents, config, vocabulary, split="train", shard=shard)
    checker = Checker(documents, config)
    found = list(take_apart(rows, vocabulary))
    for row in found:
        checker.check(row)
    return found, counts, checker, rows


def config_of(seed: int = 0, **pairing: Any) -> Config:
    return Config(seed=seed, pairing=PairingConfig(**pairing))


@given(lengths=LENGTHS, pairing=PAIRINGS, seed=st.integers(0, 1 << 40))
def test_every_row_obeys_the_laws(lengths: Lengths, pairing: PairingConfig, seed: int) -> None:
    """Segments are adjacent in one document, or of two documents; rows are never too long, empty or out of order."""
    build(lengths, Config(seed=seed, pairing=pairing))


@given(
    lengths=LENGTHS,
    max_seq_length=st.integers(8, 90),
    seed=st.integers(0, 99),
    share=st.sampled_from([0.0, 0.5, 1]),
    fill=st.sampled_from(["fit", "overshoot"]),
)
def test_no_token_is_lost(lengths: Lengths, max_seq_length: int, seed: int, share: float, fill: str) -> None:
    """With `segments` every token is in exactly one row of its own document, except the truncated tokens."""
    config = config_of(seed, max_seq_length=max_seq_length, random_next_prob=share, fill=fill)
    found, counts, checker, _ = build(lengths, config)
    assert set(checker.own.values()) <= {1}
    assert checker.lost() <= counts["tokens_truncated"]
    assert counts["used_tokens"] == len(checker.own)
    assert counts["sentences_unpaired"] == 0
    if share == 0:  # then a negative is forced, and its A is a single sentence
        alone = [row for row in found if row.label == 1]
        assert len(alone) == counts["forced_negatives"]
        assert all(len({checker.places[token - FIRST].sentence for token in row.a}) == 1 for row in alone)


@given(lengths=LENGTHS, pairing=PAIRINGS)
def test_fit_truncates_nothing_if_any_two_sentences_fit(lengths: Lengths, pairing: PairingConfig) -> None:
    """With sentences of at most half a row nothing is cut off, and with `nsp` segments every token is used."""
    pairing = dataclasses.replace(pairing, fill="fit")
    half = (pairing.max_seq_length - 3) // 2
    lengths = [[min(tokens, half) for tokens in document] for document in lengths]
    _, counts, checker, _ = build(lengths, Config(pairing=pairing))
    assert counts["tokens_truncated"] == 0
    same = pairing.objective == "nsp" and pairing.negatives == "same_document"
    if same and pairing.unit == "segments":
        assert checker.lost() == sum(document[0] for document in lengths if len(document) == 1)
    elif pairing.objective != "sop" and pairing.unit == "segments":
        assert checker.lost() == 0
        assert counts["used_tokens"] == len(checker.places)


def test_a_last_sentence_is_not_left_alone() -> None:
    """Sentences of 40, 40, 40 and 10 tokens in rows of 125: the first row ends after two of them, so that the last two are a pair."""
    documents = [[40, 40, 40, 10]] * 2
    found, counts, _, _ = build(documents, config_of(random_next_prob=0.0, short_seq_prob=0.0))
    assert [(row.sentence_a, row.sentence_b, len(row.a), len(row.b)) for row in found] == [
        (0, 1, 40, 40),
        (2, 3, 40, 10),
    ] * 2
    assert counts["forced_negatives"] == 0


@pytest.mark.parametrize("fill", ["fit", "overshoot"])
def test_a_random_b_fits_beside_a_or_is_cut(fill: str) -> None:
    """Beside 100 tokens of A only the sentence of 20 fits into 125; Google's procedure takes any, and cuts."""
    documents = make_documents([[50, 50, 20] * 40, [70, 20] * 40])
    config = config_of(fill=fill, random_next_prob=1.0, short_seq_prob=0.0)
    rows, counts = build_instances(documents, config, vocabulary_of(documents), split="train", shard=0)
    wide = rows.lengths_a - 2 == 100
    assert wide.sum() > 5 or fill == "overshoot"
    if fill == "fit":
        assert set((rows.lengths - rows.lengths_a - 1)[wide].tolist()) == {20}
    assert (counts["tokens_truncated"] > 0) == (fill == "overshoot")


@given(lengths=LENGTHS, pairing=PAIRINGS, passes=st.integers(1, 3))
def test_used_tokens_are_counted_exactly(lengths: Lengths, pairing: PairingConfig, passes: int) -> None:
    """A token is used if it is in A of a row, or in a B that follows its A, in any pass."""
    _, counts, checker, _ = build(lengths, Config(pairing=pairing, duplicate_factor=passes))
    assert counts["used_tokens"] == len(checker.own)


@given(lengths=LENGTHS, max_seq_length=st.integers(8, 90), seed=st.integers(0, 99), short=st.sampled_from([0.1, 1.0]))
def test_swapped_segments_lose_only_what_is_counted(
    lengths: Lengths, max_seq_length: int, seed: int, short: float
) -> None:
    """With `sop` only the last sentence of a document can be missing; token counts are exact."""
    config = config_of(seed, objective="sop", max_seq_length=max_seq_length, short_seq_prob=short)
    found, counts, checker, _ = build(lengths, config)
    assert set(checker.own.values()) <= {1}
    assert sum(len(row.a) + len(row.b) for row in found) == len(checker.own)
    last = [document[-1] for document in lengths]
    unpaired = {sum(some) for some in itertools.combinations(last, counts["sentences_unpaired"])}
    assert checker.lost() - counts["tokens_truncated"] in unpaired


@given(lengths=LENGTHS, max_seq_length=st.integers(8, 90))
def test_one_segment_a_row_loses_nothing(lengths: Lengths, max_seq_length: int) -> None:
    """With `none` the concatenated rows are the corpus; sentences that fit are not cut."""
    found, counts, checker, _ = build(lengths, config_of(objective="none", max_seq_length=max_seq_length))
    assert [token for row in found for token in row.a] == list(range(FIRST, FIRST + len(checker.places)))
    used = {"used_tokens": len(checker.places)}
    assert counts == {"forced_negatives": 0, "sentences_unpaired": 0, "tokens_truncated": 0, **used}
    expected = [
        (document_id, sentence, tokens)
        for document_id, document in zip(checker.document_ids, checker.documents, strict=True)
        for sentence, tokens in full_sentences(document, max_tokens=max_seq_length - 2)
    ]
    assert [(row.document_a, row.sentence_a, row.a) for row in found] == expected


@given(lengths=LENGTHS, seed=st.integers(0, 99), share=st.sampled_from([0.0, 0.5, 1.0]))
def test_single_sentences_pair_with_the_next_one(lengths: Lengths, seed: int, share: float) -> None:
    """With `sentences` A is each sentence that has a next one, in order; a document of one sentence gives a forced negative."""
    config = config_of(seed, unit="sentences", max_seq_length=160, random_next_prob=share)
    found, counts, checker, _ = build(lengths, config)
    sentences = [
        (index, number) for index, document in enumerate(lengths) for number in range(max(1, len(document) - 1))
    ]
    assert [(checker.document_ids.index(row.document_a), row.sentence_a) for row in found] == sentences
    assert all(row.a == checker.documents[index][number] for row, (index, number) in zip(found, sentences, strict=True))
    assert counts["forced_negatives"] == sum(len(document) == 1 for document in lengths)
    for row in found:
        b = checker.places[row.b[0] - FIRST]
        assert row.b == checker.documents[b.document][b.sentence]


@given(lengths=LENGTHS, groups=st.lists(st.integers(0, 2), min_size=7, max_size=7), seed=st.integers(0, 99))
def test_documents_of_one_id_are_one_document(lengths: Lengths, groups: list[int], seed: int) -> None:
    """Two documents of the same id never give each other's negatives."""
    ids = groups[: len(lengths)]
    assume(len(set(ids)) > 1)
    found, _, _, _ = build(lengths, config_of(seed, max_seq_length=24, random_next_prob=1.0), ids)
    assert all(row.document_a != row.document_b for row in found)
    assert all(row.label == 1 for row in found)


@pytest.mark.parametrize("negatives", ["other", "similar"])
@pytest.mark.parametrize("unit", ["segments", "sentences"])
def test_one_giant_among_small_ones_is_no_trouble(unit: str, negatives: str) -> None:
    """A document that is nearly the whole shard gets its negatives from the few other documents."""
    lengths = [[9] * 3, [11] * 4000, [7]]
    found, _, _, _ = build(lengths, config_of(unit=unit, negatives=negatives, max_seq_length=64))
    giants = [row for row in found if row.document_a == 1001 and row.label == 1]
    assert len(giants) > 200
    assert {row.document_b for row in giants} == {1000, 1002}


def test_a_shard_that_cannot_give_a_negative_says_what_to_do() -> None:
    """If all documents have one id, `nsp` raises an error with the setting and remedies; `sop` and `none` work."""
    cases: list[tuple[Lengths, list[int]]] = [([[5, 6]], [1]), ([[5], [6, 7]], [4, 4])]
    for lengths, ids in cases:
        with pytest.raises(InputError, match=r"output\.num_shards.*pairing\.objective"):
            build(lengths, config_of(), ids)
        for objective in ("sop", "none"):
            build(lengths, config_of(objective=objective), ids)


@pytest.mark.parametrize("objective", ["nsp", "sop", "none"])
def test_no_documents_give_no_rows(objective: str) -> None:
    """An empty shard is valid."""
    found, counts, _, rows = build([], config_of(objective=objective))
    assert found == []
    assert len(rows) == 0
    assert set(counts.values()) == {0}


SHARES = [
    {"alone": 0.0, "sentences": 30, "tokens": 20, "max_seq_length": 128},
    {"alone": 0.3, "sentences": 30, "tokens": 20, "max_seq_length": 128},
    {"alone": 0.1, "sentences": 8, "tokens": 25, "max_seq_length": 128},
    {"alone": 0.0, "sentences": 60, "tokens": 30, "max_seq_length": 64},
    {"alone": 0.1, "sentences": 40, "tokens": 20, "max_seq_length": 512},
]


@pytest.mark.parametrize("fill", ["fit", "overshoot"])
@pytest.mark.parametrize("unit", ["segments", "sentences"])
@pytest.mark.parametrize("wanted", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("shape", SHARES)
def test_the_share_of_label_1_is_the_one_asked_for(shape: dict[str, Any], wanted: float, unit: str, fill: str) -> None:
    """The share of label 1 is `random_next_prob` within 0.01, or the share of forced negatives if that is larger."""
    shape = dict(shape)
    length = shape.pop("max_seq_length")
    documents = make_documents(random_lengths(1500, 5, **shape))
    config = config_of(3, unit=unit, fill=fill, max_seq_length=length, random_next_prob=wanted)
    rows, counts = build_instances(documents, config, vocabulary_of(documents), split="train", shard=0)
    share, forced = float(rows.next_sentence_label.mean()), counts["forced_negatives"] / len(rows)
    assert len(rows) > 1000
    assert share == pytest.approx(max(wanted, forced), abs=0.01)


def test_what_forced_negatives_take_is_given_back_all_along() -> None:
    """Compensation for forced negatives is even: all parts of a shard have the same share of label 1."""
    lengths = random_lengths(600, 1, alone=0.9) + random_lengths(600, 2, sentences=40, alone=0.0)
    random.Random(1).shuffle(lengths)
    documents = make_documents(lengths)
    rows, _ = build_instances(documents, config_of(1), vocabulary_of(documents), split="train", shard=0)
    long = np.isin(rows.document_a, documents.document_ids[np.diff(documents.document_offsets) > 10])
    shares = [float(part.mean()) for part in np.array_split(rows.next_sentence_label[long], 5)]
    assert max(shares) - min(shares) < 0.05


def test_swaps_are_drawn_as_asked() -> None:
    """With `sop`, `random_next_prob` is the share of swapped pairs."""
    documents = make_documents(random_lengths(2000, 3, alone=0.0))
    for share in (0.0, 0.25, 0.5, 1.0):
        config = config_of(7, objective="sop", random_next_prob=share)
        rows, _ = build_instances(documents, config, vocabulary_of(documents), split="train", shard=0)
        assert float(rows.next_sentence_label.mean()) == pytest.approx(share, abs=0.01)


def test_similar_negatives_share_a_rare_token() -> None:
    """With `similar` the document of B contains the rarest token of A that another document contains."""
    source = np.random.default_rng(0)
    topics = source.integers(0, 20, 400)
    documents = make_documents([[8] * 10] * 400)
    common = FIRST + source.integers(0, 50, len(documents.ids))
    rare = FIRST + 100 + np.repeat(topics, 80)
    ids = np.where(source.random(len(common)) < 0.2, rare, common).astype(np.uint16)
    documents = dataclasses.replace(documents, ids=ids)
    shares = {}
    for negatives in ("similar", "other"):
        rows, _ = build_instances(
            documents,
            Config(pairing=PairingConfig(negatives=negatives, max_seq_length=40)),
            vocabulary_of(documents),
            split="train",
            shard=0,
        )
        topic = dict(zip(documents.document_ids.tolist(), topics.tolist(), strict=True))
        negative = rows.next_sentence_label == 1
        pairs = zip(rows.document_a[negative].tolist(), rows.document_b[negative].tolist(), strict=True)
        same = [topic[a] == topic[b] for a, b in pairs]
        assert float(negative.mean()) == pytest.approx(0.5, abs=0.01)
        shares[negatives] = sum(same) / len(same)
    assert shares["similar"] > 0.9
    assert shares["other"] < 0.1


@pytest.mark.parametrize("unit", ["segments", "sentences"])
@pytest.mark.parametrize("fill", ["fit", "overshoot"])
def test_negatives_of_the_same_document_are_counted(fill: str, unit: str) -> None:
    """Documents of three or more sentences keep the share of label 1; shorter ones give label 0 or no row, and are counted."""
    documents = make_documents(random_lengths(1500, 5, sentences=12, tokens=20, alone=0.1))
    counted = np.diff(documents.document_offsets)
    config = config_of(3, negatives="same_document", unit=unit, fill=fill)
    rows, counts = build_instances(documents, config, vocabulary_of(documents), split="train", shard=0)
    assert (rows.document_a == rows.document_b).all()
    assert float(rows.next_sentence_label.mean()) == pytest.approx(0.5, abs=0.01)
    assert counts["sentences_unpaired"] == (counted == 1).sum() > 100
    of_two = np.isin(rows.document_a, documents.document_ids[counted == 2])
    assert of_two.sum() == (counted == 2).sum()
    assert not rows.next_sentence_label[of_two].any()
    assert counts["forced_positives"] >= of_two.sum()


def test_a_shard_of_one_document_gives_negatives_of_the_same_document() -> None:
    """`same_document` works in a shard of one document."""
    found, counts, _, _ = build([[9] * 30], config_of(negatives="same_document", max_seq_length=64))
    assert 0 < sum(row.label for row in found) < len(found)
    assert counts["sentences_unpaired"] == 0


def test_each_pass_has_fresh_pairs_and_masks() -> None:
    """Each pass of `duplicate_factor` has new pairs; the first pass equals a build with one pass."""
    lengths = random_lengths(60, 4)
    config = config_of(9)
    once, once_counts, _, _ = build(lengths, config)
    thrice, counts, _, _ = build(lengths, dataclasses.replace(config, duplicate_factor=3))
    assert thrice[: len(once)] == once
    assert counts["forced_negatives"] > once_counts["forced_negatives"]
    assert abs(len(thrice) - 3 * len(once)) < 0.1 * len(once)
    passes = Counter((row.document_a, row.sentence_a, tuple(row.a), row.label, tuple(row.b)) for row in thrice)
    assert passes.most_common(1)[0][1] < 3 or len(passes) > 2.5 * len(once)


def test_each_pass_has_fresh_masks_on_the_same_rows() -> None:
    """With `none` all passes have the same rows and different masks."""
    documents = make_documents(random_lengths(30, 4))
    config = dataclasses.replace(config_of(objective="none"), duplicate_factor=2)
    rows, _ = build_instances(documents, config, vocabulary_of(documents), split="train", shard=0)
    half = len(rows) // 2
    middle = int(rows.offsets[half])
    assert (rows.unmasked_ids()[:middle] == rows.unmasked_ids()[middle:]).all()
    same = [
        set(rows.masked_lm_positions[slice(*rows.masked_offsets[row : row + 2])].tolist())
        == set(rows.masked_lm_positions[slice(*rows.masked_offsets[row + half : row + half + 2])].tolist())
        for row in range(half)
    ]
    assert sum(same) < half // 20


def test_the_seed_the_split_and_the_shard_move_pairs() -> None:
    """The seed, split and shard number change the rows; equal values give equal rows."""
    documents = make_documents(random_lengths(40, 2))
    vocabulary = vocabulary_of(documents)
    found = []
    for seed, split, shard in (
        (0, "train", 0),
        (1, "train", 0),
        (0, "validation", 0),
        (0, "train", 1),
        (0, "train", 0),
    ):
        rows, _ = build_instances(documents, config_of(seed), vocabulary, split=split, shard=shard)
        found.append((rows.unmasked_ids().tobytes(), rows.input_ids.tobytes()))
    assert found[0] == found[-1]
    assert len({pairs for pairs, _ in found}) == len({ids for _, ids in found}) == 4


MASKINGS = [
    MaskingConfig(strategy="none"),
    MaskingConfig(masked_lm_prob=0.4, max_predictions_per_seq=60),
    MaskingConfig(strategy="whole_word", mask_share=0.5, random_share=0.5),
    MaskingConfig(strategy="span"),
]


@pytest.mark.parametrize("objective", ["nsp", "sop", "none"])
@pytest.mark.parametrize("masking", MASKINGS, ids=lambda masking: f"{masking.strategy}-{masking.masked_lm_prob}")
def test_changing_the_masking_never_moves_a_pair(masking: MaskingConfig, objective: str) -> None:
    """The masking settings change only the masks: all other arrays stay the same."""
    documents = make_documents(random_lengths(80, 6))
    vocabulary = vocabulary_of(documents)
    config = config_of(2, objective=objective)
    config = dataclasses.replace(config, duplicate_factor=2)
    plain, _ = build_instances(documents, config, vocabulary, split="train", shard=3)
    other, _ = build_instances(
        documents, dataclasses.replace(config, masking=masking), vocabulary, split="train", shard=3
    )
    assert (plain.unmasked_ids() == other.unmasked_ids()).all()
    for name in ("offsets", "lengths_a", "next_sentence_label", "document_a", "document_b", "sentence_a", "sentence_b"):
        assert (getattr(plain, name) == getattr(other, name)).all()
    assert lists(documents)
