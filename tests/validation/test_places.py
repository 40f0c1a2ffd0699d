"""Whatever the builder makes of documents is found in them, however short, long or repetitive they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata import instances as pairing
from nspdata.arrays.ragged import offsets
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.instances.assemble import build_instances
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.validation.coverage import check_cover
from nspdata.validation.findings import Findings, Notes
from nspdata.validation.lookup import look_up
from nspdata.validation.placement import FOUND, cuts
from nspdata.validation.spec import RowSpec
from tests.datasets import small_vocabulary

VOCABULARY = small_vocabulary(40)

DOCUMENTS = st.lists(st.lists(st.integers(1, 12) | st.integers(1, 60), min_size=1, max_size=8), min_size=2, max_size=12)
"""Lengths of sentences, document by document."""

SETTINGS = st.fixed_dictionaries(
    {
        "objective": st.sampled_from(["nsp", "sop", "none"]),
        "negatives": st.sampled_from(["other", "same_document"]),
        "fill": st.sampled_from(["fit", "overshoot"]),
        "unit": st.sampled_from(["segments", "sentences"]),
        "max_seq_length": st.sampled_from([8, 16, 40]),
        "short_seq_prob": st.sampled_from([0.0, 0.1, 1.0]),
        "random_next_prob": st.sampled_from([0.0, 0.5, 1.0]),
    }
)


def make(lengths: list[list[int]], *, words: int, same_ids: bool) -> TokenizedDocuments:
    """Documents of random tokens, few of them different; with `same_ids` every id is there twice."""
    sentences = offsets(np.array([length for document in lengths for length in document], np.int64))
    names = np.arange(len(lengths)) // (2 if same_ids and len(lengths) > 2 else 1)
    return TokenizedDocuments(
        ids=np.random.default_rng(len(sentences)).integers(5, 5 + words, sentences[-1]).astype(np.uint16),
        sentence_offsets=sentences,
        document_offsets=offsets(np.array([len(document) for document in lengths], np.int64)),
        document_ids=names.astype(np.uint64) * 7,
        text_hashes=np.stack([np.arange(len(lengths)), np.zeros(len(lengths))], axis=1).astype(np.uint64),
    )


@given(DOCUMENTS, SETTINGS, st.sampled_from([1, 2, 30]), st.booleans(), st.integers(1, 2))
def test_every_row_is_found_and_every_document_covered(
    lengths: list[list[int]], values: dict[str, Any], words: int, same_ids: object, passes: int
) -> None:
    """Rows of any documents, even of one word over and over, break no rule, and the tokens cut off are as the builder counts."""
    config = from_dict(Config, {"pairing": values, "duplicate_factor": passes, "output": {"num_shards": 1}})
    documents = make(lengths, words=words, same_ids=bool(same_ids))
    rows, counts = build_instances(documents, config, VOCABULARY, split="train", shard=0)
    findings = Findings()
    if not len(rows):
        return
    spec, notes = RowSpec.of(config, VOCABULARY), Notes(findings, "shard", np.arange(len(rows)))
    places = look_up(rows, documents, np.unique(documents.document_ids), spec, notes)
    assert (places.found[:, 0] == FOUND).all()
    origin = check_cover(rows, places, documents, spec, notes)
    assert findings.to_list() == []
    assert origin.least_truncated <= counts["tokens_truncated"] <= origin.most_truncated
    assert same_ids or origin.least_truncated == origin.most_truncated
    assert origin.sentences_unpaired == counts["sentences_unpaired"]
    assert origin.least_forced <= counts["forced_negatives"] <= origin.most_forced


@given(st.integers(1, 300), st.integers(1, 300), st.integers(5, 200))
def test_tokens_are_cut_as_the_builder_cuts(length_a: int, length_b: int, max_tokens: int) -> None:
    """How many tokens A and B lose is what taking one at a time gives, and what the builder works out."""
    a, b = length_a, length_b
    while a + b > max_tokens:
        a, b = (a - 1, b) if a > b else (a, b - 1)
    built = pairing.cuts(np.array([length_a]), np.array([length_b]), max_tokens)
    assert cuts(length_a, length_b, max_tokens) == (length_a - a, length_b - b) == tuple(part[0] for part in built)


@pytest.mark.parametrize("seed", range(20))
def test_a_segment_moved_by_a_token_is_not_found(seed: int) -> None:
    """Segments from another position in the text are distinguished from those of the row's own sentences."""
    draw = np.random.default_rng(seed)
    documents = make(draw.integers(2, 12, (6, 9)).tolist(), words=30, same_ids=False)
    config = from_dict(Config, {"pairing": {"max_seq_length": 40}})
    rows, _ = build_instances(documents, config, VOCABULARY, split="train", shard=0)
    moved = int(draw.integers(len(rows)))
    rows.sentence_a[moved] += 1
    spec, findings = RowSpec.of(config, VOCABULARY), Findings()
    notes = Notes(findings, "shard", np.arange(len(rows)))
    places = look_up(rows, documents, documents.document_ids, spec, notes)
    assert np.flatnonzero(~places.placed).tolist() == [moved]
