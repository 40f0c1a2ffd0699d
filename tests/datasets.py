"""Small dataset directories, made in memory: rows as the builder writes them, over a vocabulary of made-up words."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from nspdata.arrays.ragged import offsets, ragged_indices
from nspdata.config.build import Config, MaskingConfig, Negatives, Objective, OutputConfig, PairingConfig, Strategy
from nspdata.dataset.manifest import MANIFEST, Manifest, shard_name
from nspdata.dataset.schema import RowMetadata, row_schema
from nspdata.dataset.shards import write_shard
from nspdata.files.local import LocalFiles
from nspdata.instances.assemble import mask_rules
from nspdata.instances.masking import mask
from nspdata.instances.rows import Rows
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

NUM_TOPICS = 8
"""Documents of a topic share most of their words, so that a model has something to learn."""


def small_vocabulary(vocab_size: int = 405) -> Vocabulary:
    """The special tokens, then words, every fifth of them one that continues a word."""
    words = [f"##s{index}" if index % 5 == 4 else f"w{index}" for index in range(vocab_size - len(SPECIAL_TOKENS))]
    return Vocabulary((*SPECIAL_TOKENS, *words))


def make_rows(num_rows: int, config: Config, vocabulary: Vocabulary, *, seed: int = 0) -> Rows:
    """Valid rows of many lengths; about half of label 1, where B is of another topic."""
    random = np.random.default_rng(seed)
    longest = config.pairing.max_seq_length - 3
    wanted = np.where(random.random(num_rows) < 0.5, longest, random.integers(2, longest + 1, num_rows))
    length_a = 1 + (random.random(num_rows) * (wanted - 1)).astype(np.int64)
    length_b = wanted - length_a
    labels = random.integers(0, 2, num_rows).astype(np.uint8)
    topics = random.integers(0, NUM_TOPICS, num_rows)
    topics_b = (topics + labels * random.integers(1, NUM_TOPICS, num_rows)) % NUM_TOPICS
    row_offsets = offsets(wanted + 3)
    ids = np.empty(row_offsets[-1], vocabulary.dtype)
    begins, seconds = row_offsets[:-1], row_offsets[:-1] + length_a + 2
    words = (len(vocabulary) - len(SPECIAL_TOKENS)) // NUM_TOPICS
    for start, length, topic in ((begins + 1, length_a, topics), (seconds, length_b, topics_b)):
        drawn = (random.random(int(length.sum())) ** 2 * words).astype(np.int64)
        ids[ragged_indices(start, length)] = len(SPECIAL_TOKENS) + np.repeat(topic * words, length) + drawn
    ids[begins] = vocabulary.special_ids["[CLS]"]
    ids[seconds - 1] = ids[row_offsets[1:] - 1] = vocabulary.special_ids["[SEP]"]
    keys = random.integers(0, 2**64, num_rows, dtype=np.uint64)
    masked = mask(ids, row_offsets, keys, mask_rules(config.masking, vocabulary, config.pairing.max_seq_length))
    document_a = random.integers(0, 2**63, num_rows, dtype=np.uint64)
    sentence_a = random.integers(0, 100, num_rows).astype(np.uint32)
    return Rows(
        input_ids=masked.ids,
        offsets=row_offsets,
        lengths_a=length_a + 2,
        next_sentence_label=labels,
        masked_lm_positions=masked.positions,
        masked_lm_labels=masked.labels,
        masked_offsets=masked.offsets,
        document_a=document_a,
        document_b=document_a + labels,
        sentence_a=sentence_a,
        sentence_b=sentence_a + 1,
    )


def write_dataset(
    directory: Path,
    *,
    rows: int = 200,
    num_shards: int = 2,
    validation_rows: int = 0,
    max_seq_length: int = 64,
    vocab_size: int = 405,
    strategy: Strategy = "token",
    objective: Objective = "nsp",
    negatives: Negatives = "other",
    seed: int = 0,
) -> Path:
    """Writes a finished dataset directory: shards, manifest and `tokenizer/vocab.txt`; returns the directory.

    Args:
        directory: where; it is made.
        rows: rows of the train split, shared out over its shards, the first ones the fuller.
        num_shards: shards of the train split.
        validation_rows: rows of the validation split (one shard); 0 for no such split.
        max_seq_length: tokens of half of the rows; the others are shorter.
        vocab_size: entries of the vocabulary; over 65,536 the ids are uint32.
        strategy: of the static masks.
        objective: what the metadata say of the labels.
        negatives: the same.
        seed: other rows for another one.
    """
    vocabulary = small_vocabulary(vocab_size)
    config = Config(
        seed=seed,
        pairing=PairingConfig(max_seq_length=max_seq_length, objective=objective, negatives=negatives),
        masking=MaskingConfig(strategy=strategy),
        output=OutputConfig(num_shards=num_shards),
    )
    metadata = RowMetadata.of(config.pairing, config.masking, vocabulary)
    parts = {"train": [len(part) for part in np.array_split(np.arange(rows), num_shards)]}
    if validation_rows:
        parts["validation"] = [validation_rows]
    schema, files = row_schema(metadata), LocalFiles()
    splits = {
        split: [
            write_shard(
                files,
                str(directory),
                shard_name(split, shard, len(sizes)),
                [make_rows(size, config, vocabulary, seed=hash((seed, len(sizes), shard, size)) & 0xFFFF)],
                schema,
            )
            for shard, size in enumerate(sizes)
        ]
        for split, sizes in parts.items()
    }
    manifest = Manifest(
        config=config.to_dict(),
        config_fingerprint=config.fingerprint(),
        tokenizer={
            "sha256": vocabulary.sha256,
            "vocab_size": len(vocabulary),
            "lowercase": True,
            "strip_accents": True,
        },
        inputs=[],
        counts={"read": {"rejected": {}}, "built": {}},
        splits=splits,
    )
    (directory / "tokenizer").mkdir(parents=True, exist_ok=True)
    (directory / "tokenizer" / "vocab.txt").write_text(vocabulary.text, encoding="utf-8")
    (directory / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return directory


def rewrite_manifest(directory: Path, **changes: Any) -> None:
    """Rewrites the manifest of a dataset directory with other values."""
    path = directory / MANIFEST
    manifest = Manifest.from_json(path.read_text(encoding="utf-8"))
    path.write_text(dataclasses.replace(manifest, **changes).to_json(), encoding="utf-8")
