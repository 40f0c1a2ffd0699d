"""What a shard's rows are with many settings, as hashes: run with and without numba to see that they are the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools

import numpy as np

from nspdata.arrays.compiled import is_compiled
from nspdata.config.build import Config, MaskingConfig, PairingConfig
from nspdata.instances.assemble import build_instances
from nspdata.instances.rows import Rows
from nspdata.tokenization.cutting import cut_documents
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.instances.corpora import make_documents, random_lengths

OBJECTIVES = ("nsp", "sop", "none")
UNITS = ("segments", "sentences")
NEGATIVES = ("other", "similar", "same_document")
FILLS = ("fit", "overshoot")
STRATEGIES = ("token", "whole_word", "span", "none")


def digest(rows: Rows) -> str:
    """The sha256 of all the arrays of the rows."""
    arrays = [array for name in Rows.__slots__ if (array := getattr(rows, name)) is not None]
    described = "".join(f"{array.dtype}{array.shape}" for array in arrays)
    return hashlib.sha256(described.encode() + b"".join(array.tobytes() for array in arrays)).hexdigest()


def main() -> None:
    """Prints whether the loops are compiled, then a line for each setting."""
    print(is_compiled())  # noqa: T201
    documents = make_documents(random_lengths(50, 1, sentences=8, tokens=12))
    size = len(documents.ids)
    vocabulary = Vocabulary((*SPECIAL_TOKENS, *(f"{'##' * (word % 3 == 0)}t{word}" for word in range(size))))
    words = np.random.default_rng(0).integers(0, size, size)  # rare ones and common ones, and special ones in between
    ids = np.where(words < 30, words % 5, 5 + words * words // size).astype(np.uint16)
    documents = dataclasses.replace(documents, ids=ids)
    for max_tokens in (2, 5, 9, 20):
        cut, counts = cut_documents(documents, vocabulary, max_tokens=max_tokens)
        arrays = cut.sentence_offsets.tobytes() + cut.document_offsets.tobytes()
        print(max_tokens, hashlib.sha256(arrays).hexdigest(), counts)  # noqa: T201
    for objective, unit, negatives, fill, strategy in itertools.product(
        OBJECTIVES, UNITS, NEGATIVES, FILLS, STRATEGIES
    ):
        config = Config(
            duplicate_factor=2,
            pairing=PairingConfig(objective=objective, unit=unit, negatives=negatives, fill=fill, max_seq_length=48),  # type: ignore[arg-type]
            masking=MaskingConfig(strategy=strategy),  # type: ignore[arg-type]
        )
        rows, counts = build_instances(documents, config, vocabulary, split="train", shard=1)
        print(objective, unit, negatives, fill, strategy, digest(rows), counts)  # noqa: T201


if __name__ == "__main__":
    main()
