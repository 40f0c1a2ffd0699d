"""Damage that only the documents can show: all files agree with each other, and every row is sound by itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nspdata.arrays.hashing import document_hash
from nspdata.dataset.manifest import MANIFEST, STATISTICS, read_manifest
from nspdata.tokenization.wordpiece import WordPiece
from nspdata.validation import validate, validate_source
from tests.validation.damage import (
    Row,
    edit_json,
    edit_rows,
    edit_settled,
    entry_of,
    read_table,
    row_schema_of,
    settle,
    write_table,
)
from tests.validation.row_edits import (
    alter,
    alter_label,
    exchange_negatives,
    exchange_segments,
    exchange_two,
    in_a,
    in_b,
    label,
    last_of_a,
    last_of_b,
    lose,
    move_mask,
    name_both,
    one,
    repeat_with_other_masks,
    replace_otherwise,
    reseed,
    shift,
    skip_sentences,
    take_out_document,
    take_out_row,
)
from tests.validation.test_damaged_files import exchange, exchange_tokens


def edits(change: Callable[[list[Row]], object]) -> Callable[[Path], None]:
    return lambda directory: edit_rows(directory, change)


def exchange_shards(split: str, shard: int) -> Callable[[Path], None]:
    """The rows of two shards change places, and every file agrees."""

    def damage(directory: Path) -> None:
        exchange(entry_of(directory), entry_of(directory, split, shard))
        settle(directory)

    return damage


def name_foreign(directory: Path) -> None:
    """A row names a document of another shard."""
    other = read_table(entry_of(directory, shard=1))["document_a"][0].as_py()
    one(label(0), name_both(other))(directory)


def name_dropped(directory: Path) -> None:
    """The rows of a document name the copy of it that was dropped."""
    pairs = [(document_hash(f"document {n}"), document_hash(f"copy of document {n}")) for n in range(6)]
    dropped = {min(pair): max(pair) for pair in pairs}

    def damage(rows: list[Row]) -> None:
        for row in rows:
            for column in ("document_a", "document_b"):
                row[column] = dropped.get(row[column], row[column])

    for shard in range(2):
        edit_rows(directory, damage, shard=shard)


def change_tokenizer(directory: Path) -> None:
    """Two tokens change places in the tokenizer, and every file agrees."""
    exchange_tokens(directory)
    wordpiece = WordPiece.from_files({"vocab.txt": (directory / "tokenizer/vocab.txt").read_bytes()})
    wordpiece.save(directory / "tokenizer")
    edit_json(directory / MANIFEST, lambda values: values.update(tokenizer=wordpiece.identity()))
    manifest = read_manifest(directory)
    schema = row_schema_of(directory, manifest)
    for entry in (entry for entries in manifest.splits.values() for entry in entries):
        write_table(directory / entry.path, read_table(directory / entry.path).cast(schema))
    settle(directory)


def count_otherwise(name: str, value: int) -> Callable[[Path], None]:
    """A count of the build is another one in the manifest, the statistics and the card."""

    def damage(directory: Path) -> None:
        edit_json(directory / STATISTICS, lambda values: values["corpus"]["counts"].update({name: value}))
        edit_settled(directory, lambda values: values["counts"]["built"].update({name: value}))

    return damage


def corpus_statistics(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        edit_json(directory / STATISTICS, lambda values: change(values["corpus"]))
        settle(directory)

    return damage


def change_rejected(directory: Path) -> None:
    """Another excerpt of a rejected record."""
    path = next(directory.glob("rejected/*"))
    path.write_text(path.read_text().replace('"excerpt": "', '"excerpt": "?', 1))


DAMAGES: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "another token in A": ("nsp", "segment_not_found", one(label(0), alter(in_a))),
    "another token in B": ("nsp", "segment_not_found", one(label(0), alter(in_b))),
    "another token in the A of a negative": ("nsp", "segment_not_found", one(label(1), alter(in_a))),
    "another token in the B of a negative": ("nsp", "segment_not_found", one(label(1), alter(in_b))),
    "another token in a row that was cut": (
        "nsp", "segment_not_found", one(lambda r: label(0, whole=False)(r) and len(r["input_ids"]) == 48, alter(in_b))
    ),
    "another token under a mask": ("nsp", "segment_not_found", one(label(0), alter_label)),
    "A and B exchanged": ("nsp", "segment_not_found", one(label(0), exchange_segments)),
    "A and B exchanged in sop": ("sop", "segment_not_found", one(label(1), exchange_segments)),
    "another token of single sentences": ("nsp sentences", "segment_not_found", one(label(0), alter(in_a))),
    "another token of a single segment": ("none", "segment_not_found", one(lambda row: True, alter(in_a))),
    "wrong sentences": ("nsp", "segment_not_found", one(label(0), shift(sentence_a=1, sentence_b=1))),
    "a wrong sentence of a negative": ("nsp", "segment_not_found", one(label(1), shift(sentence_b=1))),
    "a sentence that there is not": ("nsp", "segment_not_found", one(label(1), shift(sentence_b=9999))),
    "a wrong document hash": ("nsp", "unknown_document", one(label(0), name_both(12345))),
    "a wrong document hash of a negative": ("nsp", "unknown_document", one(label(1), lambda r: r.update(document_b=99))),
    "a document of another shard": ("nsp", "wrong_shard", name_foreign),
    "a copy that was dropped": ("nsp", "wrong_shard", name_dropped),
    "train and validation exchanged": ("nsp", "wrong_shard", exchange_shards("validation", 0)),
    "two shards exchanged": ("nsp", "wrong_shard", exchange_shards("train", 1)),
    "A that ends too early": ("nsp", "not_adjacent", one(label(0), lose(last_of_a))),
    "A that ends too early in sop": ("sop", "not_adjacent", one(label(0), lose(last_of_a))),
    "B that ends too early in sop": ("sop", "not_adjacent", one(label(1), lose(last_of_b))),
    "sentences left out between A and B": ("nsp", "not_adjacent", edits(skip_sentences)),
    "a swapped label of one document": (
        "same_document",
        "negative_adjacent",
        one(lambda r: label(0)(r) and r["sentence_b"] > r["sentence_a"] + 1, lambda r: r.update(next_sentence_label=1)),
    ),
    "another token in the B of the same document": ("same_document", "segment_not_found", one(label(1), alter(in_b))),
    "B that ends too early": ("nsp", "not_whole", one(label(0), lose(last_of_b))),
    "A of a negative that begins too late": ("nsp", "not_whole", one(label(1), lose(lambda row: 1))),
    "B of a negative that ends too early": ("nsp", "not_whole", one(label(1), lose(last_of_b))),
    "a single segment that ends too early": ("none", "not_whole", one(lambda row: True, lose(last_of_a))),
    "a missing document": ("nsp", "missing_document", edits(take_out_document)),
    "a missing document of single segments": ("none", "missing_document", edits(take_out_document)),
    "a missing row": ("nsp", "tokens_lost", edits(take_out_row)),
    "a missing row of a second pass": ("twice", "tokens_lost", edits(take_out_row)),
    "a missing row of single sentences": ("nsp sentences", "tokens_lost", edits(take_out_row)),
    "a missing row in sop": ("sop", "source_counts", edits(take_out_row)),
    "a row twice, with other masks": ("nsp", "duplicated_rows", edits(repeat_with_other_masks)),
    "rows in another order": ("nsp", "row_order", edits(exchange_two)),
    "another mask": ("nsp", "rebuilt", one(label(0), move_mask)),
    "another replacement": ("nsp", "rebuilt", one(label(0), replace_otherwise)),
    "another negative": ("nsp", "rebuilt", edits(exchange_negatives)),
    "another seed": ("nsp", "rebuilt", lambda directory: edit_settled(directory, reseed)),
    "an empty shard": ("nsp", "missing_document", edits(lambda rows: rows.clear())),
    "another tokenizer": ("nsp", "segment_not_found", change_tokenizer),
    "tokens cut off, as counted": ("overshoot", "source_counts", count_otherwise("tokens_truncated", 5000)),
    "tokens used, as counted": ("twice", "source_counts", count_otherwise("used_tokens", 1)),
    "forced negatives, as counted": ("nsp", "source_counts", count_otherwise("forced_negatives", 50)),
    "duplicates, as counted": ("nsp", "source_counts", count_otherwise("documents_without_tokens", 2)),
    "sentences, as counted": ("nsp", "source_counts", count_otherwise("sentences", 9)),
    "how often a token stands in the corpus": (
        "nsp", "source_statistics", corpus_statistics(lambda corpus: corpus["token_counts"].reverse())
    ),
    "lengths of documents": (
        "nsp", "source_statistics", corpus_statistics(lambda c: c["histograms"]["document_tokens"].update(total=1))
    ),
    "characters by script": (
        "nsp", "source_statistics", corpus_statistics(lambda c: c["counts"].update({"characters.Latin": 1}))
    ),
    "another excerpt of a rejected record": ("nsp", "rejected", change_rejected),
}  # fmt: skip

SEEN_WITHOUT = {
    "a swapped label of one document",
    "A that ends too early",
    "A that ends too early in sop",
    "A of a negative that begins too late",
    "B that ends too early",
    "B that ends too early in sop",
    "sentences left out between A and B",
    "a missing row",
    "a missing row in sop",
    "a missing row of a second pass",
    "a row twice, with other masks",
    "a missing document",
    "a missing document of single segments",
    "a single segment that ends too early",
    "an empty shard",
    "duplicates, as counted",
}
"""Damage that also changes a count, such as the tokens used in one pass, so that it is found without the source."""


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_caught_by_name(name: str, copied: Callable[[str], Path], corpus: Path) -> None:
    """Each damage passes without the documents, and is found with them under the rule that it breaks."""
    kind, rule, damage = DAMAGES[name]
    directory = copied(kind)
    damage(directory)
    if name not in SEEN_WITHOUT:
        assert validate(directory) == []
    assert rule in {finding.rule for finding in validate_source(directory, [str(corpus)], fast=True)}


@pytest.mark.parametrize("seed", range(16))
def test_no_altered_value_goes_unseen(seed: int, copied: Callable[[str], Path], corpus: Path) -> None:
    """Any one value of any one row, changed by one, breaks a rule, however well all files agree with it."""
    draw = random.Random(seed)
    directory = copied(("nsp", "sop", "none", "whole_word")[seed % 4])

    def damage(rows: list[Row]) -> None:
        row = draw.choice(rows)
        column = draw.choice([name for name, value in row.items() if value != []])
        if not isinstance(row[column], list):
            row[column] = row[column] - 1 if row[column] else 1
            return
        at = draw.randrange(len(row[column]))
        row[column][at] = row[column][at] - 1 if row[column][at] else 1

    edit_rows(directory, damage)
    assert validate(directory) + validate_source(directory, [str(corpus)], fast=True)
