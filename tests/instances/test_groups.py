"""The rows of several shards made together: those of each shard alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from nspdata.config.build import Config, MaskingConfig, PairingConfig
from nspdata.errors import InputError
from nspdata.instances.assemble import Instances, ShardDocuments, build_instances
from nspdata.instances.rows import Rows
from tests.instances.corpora import make_documents, random_lengths, vocabulary_of

ENDS = [0, 9, 9, 20, 30]
"""The second shard has no documents."""

PAIRINGS = [
    PairingConfig(max_seq_length=48),
    PairingConfig(max_seq_length=48, negatives="similar", fill="overshoot"),
    PairingConfig(max_seq_length=48, negatives="same_document"),
    PairingConfig(max_seq_length=48, objective="sop", unit="sentences"),
    PairingConfig(max_seq_length=48, objective="sop", fill="overshoot"),
    PairingConfig(max_seq_length=48, objective="none"),
]


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("strategy", ["token", "whole_word"])
def test_rows_of_shards_made_together_are_those_of_each(pairing: PairingConfig, strategy: str) -> None:
    """In each of two passes, a shard without documents included; the counts are the sums."""
    documents = make_documents(random_lengths(ENDS[-1], 3))
    vocabulary = vocabulary_of(documents)
    config = Config(seed=4, pairing=pairing, masking=MaskingConfig(strategy=strategy), duplicate_factor=2)
    shards = [ShardDocuments(5 + place, *span) for place, span in enumerate(pairwise(ENDS))]
    together = Instances(documents, config, vocabulary, split="train", shards=shards)
    passes = list(together)
    totals: dict[str, int] = {}
    for place, (shard, start, end) in enumerate(shards):
        expected, counts = build_instances(documents.part(start, end), config, vocabulary, split="train", shard=shard)
        found = Rows.concatenate([rows.part(*offsets[place : place + 2]) for rows, offsets in passes])
        for name in Rows.__slots__:
            assert np.array_equal(getattr(found, name), getattr(expected, name)), name
        totals = {name: totals.get(name, 0) + count for name, count in counts.items()}
    assert together.counts == totals
    assert totals["tokens_truncated"] > 0 or pairing.fill == "fit" or pairing.objective == "none"


def test_the_shard_that_has_only_one_id_is_named() -> None:
    """Of several shards."""
    documents = make_documents([[3], [4], [5], [6]], [1, 2, 7, 7])
    shards = [ShardDocuments(0, 0, 2), ShardDocuments(1, 2, 4)]
    with pytest.raises(InputError, match=r"^shard 1 of train has only documents with one id \(2 of them\)"):
        Instances(documents, Config(), vocabulary_of(documents), split="train", shards=shards)
