"""Damage to rows, done so well that digests, counts and statistics agree with it: the rule of the rows itself must catch it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nspdata.dataset.schema import METADATA_KEY
from nspdata.tokenization.vocabulary import Vocabulary
from tests.validation.damage import Row, edit_columns, edit_rows, entry_of, read_table, settle, write_table
from tests.validation.test_damaged_files import rules

PAD, UNK, CLS, SEP, MASK = range(5)

SHALLOW = {"file_sha256", "file_size", "shard_rows", "shard_tokens", "datasets_files", "card", "arrow"}
"""Rules that must not be what catches this damage."""


def all_rows(change: Callable[[Row], object]) -> Callable[[Path], None]:
    """Damage to every row of a shard."""

    def damage(rows: list[Row]) -> None:
        for row in rows:
            change(row)

    return lambda directory: edit_rows(directory, damage)


def first(label: int, change: Callable[[Row], object], *, tokens: int = 12) -> Callable[[Path], None]:
    """Damage to the first row of this label that has as many tokens in A and in B."""

    def damage(rows: list[Row]) -> None:
        change(next(row for row in rows if row["next_sentence_label"] == label and least(row) >= tokens))

    return lambda directory: edit_rows(directory, damage)


def least(row: Row) -> int:
    """Tokens of the shorter segment."""
    length_b = sum(row["token_type_ids"]) - 1
    return min(len(row["input_ids"]) - length_b - 3, length_b)


def middle(row: Row) -> int:
    """The position of the first [SEP]."""
    return row["token_type_ids"].count(0) - 1


def mask_at(row: Row, position: int, label: int, held: int = MASK) -> None:
    """Masks another position in place of the one that is nearest to it."""
    found = min(row["masked_lm_positions"], key=lambda one: abs(one - position))
    at = row["masked_lm_positions"].index(found)
    row["input_ids"][found] = row["masked_lm_labels"][at]
    entries = dict(zip(row["masked_lm_positions"], row["masked_lm_labels"], strict=True))
    del entries[found]
    entries[position] = label
    row["input_ids"][position] = held
    row["masked_lm_positions"], row["masked_lm_labels"] = map(list, zip(*sorted(entries.items()), strict=True))


def set_at(column: str, index: int, value: int) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        row[column][index] = value

    return change


def put(**values: Any) -> Callable[[Row], None]:
    return lambda row: row.update(values)


def replace_random(row: Row) -> None:
    """What stands at a masked position becomes [SEP]."""
    row["input_ids"][row["masked_lm_positions"][0]] = SEP


def unmask_one(row: Row) -> None:
    """Removes one mask and its label."""
    row["input_ids"][row["masked_lm_positions"].pop()] = row["masked_lm_labels"].pop()


def mask_one_more(row: Row) -> None:
    """Adds one mask with its label, in order."""
    free = next(p for p in range(1, 9) if p not in row["masked_lm_positions"] and row["input_ids"][p] > MASK)
    entries = dict(zip(row["masked_lm_positions"], row["masked_lm_labels"], strict=True))
    entries[free] = row["input_ids"][free]
    row["input_ids"][free] = MASK
    row["masked_lm_positions"], row["masked_lm_labels"] = map(list, zip(*sorted(entries.items()), strict=True))


def only_masks(row: Row) -> None:
    for position in row["masked_lm_positions"]:
        row["input_ids"][position] = MASK


def reverse(row: Row) -> None:
    row["masked_lm_positions"].reverse()
    row["masked_lm_labels"].reverse()


def repeat_position(row: Row) -> None:
    row["masked_lm_positions"][1] = row["masked_lm_positions"][0]


def lengthen(row: Row) -> None:
    """Makes A longer than a row may be."""
    row["input_ids"][1:1] = row["input_ids"][1:2] * 40
    row["token_type_ids"][1:1] = [0] * 40
    row["masked_lm_positions"] = [position + 40 for position in row["masked_lm_positions"]]


def empty_b(row: Row) -> None:
    """Removes all tokens of B except its [SEP]."""
    end = middle(row) + 1
    row["input_ids"][end:] = [SEP]
    row["token_type_ids"][end:] = [1]
    kept = [pair for pair in zip(row["masked_lm_positions"], row["masked_lm_labels"], strict=True) if pair[0] < end]
    row["masked_lm_positions"], row["masked_lm_labels"] = [p for p, _ in kept], [label for _, label in kept]


def drop_b(row: Row) -> None:
    """As `empty_b`, and the last [SEP] as well."""
    empty_b(row)
    row["input_ids"].pop()
    row["token_type_ids"].pop()


def backwards(row: Row) -> None:
    row["sentence_a"], row["sentence_b"] = row["sentence_b"], row["sentence_a"]


def same_document(row: Row) -> None:
    row["document_b"] = row["document_a"]


def other_label(row: Row) -> None:
    row["next_sentence_label"] = 1 - row["next_sentence_label"]


def more_negatives(rows: list[Row]) -> None:
    """Nearly every row gets a B of another document."""
    for row in rows:
        if row["next_sentence_label"] == 0:
            donor = next(other for other in rows if other["document_a"] != row["document_a"])
            row.update(next_sentence_label=1, document_b=donor["document_a"], sentence_b=0)


def duplicate(rows: list[Row]) -> None:
    longest = max(rows, key=lambda row: len(row["masked_lm_positions"]))
    rows.append(json.loads(json.dumps(longest)))


def tear_word(rows: list[Row], continuations: set[int]) -> None:
    """Masks the first token of a word of two, and frees another word."""
    for row in rows:
        ids = row["input_ids"]
        for position in range(1, len(ids) - 1):
            masked = row["masked_lm_positions"]
            torn = ids[position + 1] in continuations and position not in masked and position + 1 not in masked
            if torn and ids[position] > MASK and masked:
                mask_at(row, position, ids[position])
                return


def tear(directory: Path) -> None:
    continuations = Vocabulary.read(directory / "tokenizer/vocab.txt").continuations
    edit_rows(directory, lambda rows: tear_word(rows, set(np.flatnonzero(continuations).tolist())))


def shift_offsets(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """Ends every row one token too early."""
    moved = {}
    for name in ("input_ids", "token_type_ids"):
        offsets = columns[name].offsets.to_numpy().copy()
        offsets[1:-1] -= 1
        moved[name] = pa.ListArray.from_arrays(pa.array(offsets), columns[name].values)
    return pa.table(list({**columns, **moved}.values()), schema=schema)


def with_null(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """A null in a column that has none, and a schema that says so."""
    labels = columns["next_sentence_label"].to_pylist()
    columns["next_sentence_label"] = pa.array([None, *labels[1:]], pa.uint8())
    return pa.table(list(columns.values()), schema=schema)


def with_type(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """A column of another type."""
    index = schema.get_field_index("sentence_a")
    columns["sentence_a"] = columns["sentence_a"].cast(pa.uint64())
    return pa.table(
        list(columns.values()), schema=schema.set(index, pa.field("sentence_a", pa.uint64(), nullable=False))
    )


def with_name(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """A column of another name."""
    index = schema.get_field_index("sentence_a")
    return pa.table(list(columns.values()), schema=schema.set(index, schema.field(index).with_name("first_sentence")))


def with_metadata(**changes: Any) -> Callable[[dict[str, pa.Array], pa.Schema], pa.Table]:
    def change(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
        values = {**json.loads(schema.metadata[METADATA_KEY]), **changes}
        metadata = {METADATA_KEY: json.dumps(values).encode()}
        return pa.table(list(columns.values()), schema=schema.with_metadata(metadata))

    return change


def without_metadata(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    return pa.table(list(columns.values()), schema=schema.remove_metadata())


def leak(directory: Path) -> None:
    """Rows of the first train shard appear in the validation split as well."""
    rows = read_table(entry_of(directory)).slice(0, 30)
    path = entry_of(directory, "validation")
    write_table(path, pa.concat_tables([read_table(path), rows]))
    settle(directory)


def columns(change: Callable[[dict[str, pa.Array], pa.Schema], pa.Table]) -> Callable[[Path], None]:
    return lambda directory: edit_columns(directory, change)


DAMAGES: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "swapped labels": ("nsp", "label_documents", all_rows(other_label)),
    "one swapped label": ("nsp", "label_documents", first(0, other_label)),
    "a label 0 of two documents": ("nsp", "label_documents", first(1, put(next_sentence_label=0))),
    "same-document negatives": ("nsp", "label_documents", first(1, same_document)),
    "two documents in same_document": ("same_document", "label_documents", first(1, lambda row: row.update(document_b=5))),
    "a negative next to A": ("same_document", "negative_adjacent", first(1, lambda r: r.update(sentence_b=r["sentence_a"] + 1))),
    "a negative that is A": ("same_document", "negative_adjacent", first(1, lambda r: r.update(sentence_b=r["sentence_a"]))),
    "two documents in sop": ("sop", "label_documents", first(0, lambda row: row.update(document_b=5))),
    "two documents in a single segment": ("none", "label_documents", first(0, lambda r: r.update(document_b=5), tokens=-9)),
    "a label 2": ("nsp", "label_value", first(0, put(next_sentence_label=2))),
    "a label where there is none": ("none", "label_value", first(0, other_label, tokens=-9)),
    "B before A": ("nsp", "sentence_order", first(0, backwards)),
    "A before B in a swapped pair": ("sop", "sentence_order", first(1, backwards)),
    "B two sentences on": ("nsp sentences", "sentence_order", first(0, lambda r: r.update(sentence_b=r["sentence_b"] + 1), tokens=3)),
    "two sentences of a single segment": ("none", "sentence_order", first(0, lambda r: r.update(sentence_b=99), tokens=-9)),
    "too many negatives": ("nsp", "label_share", lambda directory: edit_rows(directory, more_negatives)),
    "a masked [SEP]": ("nsp", "mask_special", first(0, lambda row: mask_at(row, middle(row), SEP))),
    "a masked [CLS]": ("nsp", "mask_special", first(0, lambda row: mask_at(row, 0, CLS, CLS))),
    "a label that is special": ("nsp", "mask_special", first(0, set_at("masked_lm_labels", 0, PAD))),
    "a random replacement that is special": ("nsp", "mask_replacement", first(0, replace_random)),
    "positions that fall": ("nsp", "mask_order", first(0, reverse)),
    "a position twice": ("nsp", "mask_order", first(0, repeat_position)),
    "a position outside": ("nsp", "mask_order", first(0, set_at("masked_lm_positions", -1, 500))),
    "a mask too few": ("nsp", "mask_count", first(0, unmask_one)),
    "a mask too many": ("nsp", "mask_count", first(0, mask_one_more)),
    "a mask where there is none": ("no mask", "mask_count", first(0, mask_one_more)),
    "a mask too few of whole words": ("whole_word", "mask_count", all_rows(unmask_one)),
    "a torn word": ("whole_word", "whole_words", tear),
    "nothing but [MASK]": ("nsp", "mask_shares", all_rows(only_masks)),
    "token types that fall": ("nsp", "token_types", first(0, set_at("token_type_ids", -2, 0))),
    "a token type 2": ("nsp", "token_types", first(0, set_at("token_type_ids", -1, 2))),
    "a row that begins with type 1": ("nsp", "token_types", first(0, set_at("token_type_ids", 0, 1))),
    "token types that change late": ("nsp", "framing", first(0, lambda row: set_at("token_type_ids", middle(row) + 1, 0)(row))),
    "a row without [CLS]": ("nsp", "framing", first(0, set_at("input_ids", 0, 9))),
    "a row without the last [SEP]": ("nsp", "framing", first(0, set_at("input_ids", -1, 9))),
    "shifted offsets": ("nsp", "framing", columns(shift_offsets)),
    "no B": ("nsp", "empty_segment", first(0, empty_b)),
    "no B and no [SEP]": ("nsp", "empty_segment", first(0, drop_b)),
    "more types than ids": ("nsp", "ragged", first(0, lambda row: row["token_type_ids"].append(1))),
    "more labels than positions": ("nsp", "ragged", first(0, lambda row: row["masked_lm_labels"].append(9))),
    "a row of no token": ("nsp", "framing", first(0, put(input_ids=[], token_type_ids=[]))),
    "a row that is too long": ("nsp", "row_length", first(0, lengthen)),
    "an id out of range": ("nsp", "vocabulary", first(0, set_at("input_ids", 1, 60_000))),
    "a label out of range": ("nsp", "vocabulary", first(0, set_at("masked_lm_labels", 0, 60_000))),
    "a row twice": ("nsp", "duplicated_rows", lambda directory: edit_rows(directory, duplicate)),
    "all rows twice": ("twice", "duplicated_rows", lambda d: edit_rows(d, lambda rows: rows.extend(list(rows)))),
    "rows in two splits": ("nsp", "split_overlap", leak),
    "a null": ("nsp", "arrow_schema", columns(with_null)),
    "a column of another type": ("nsp", "arrow_schema", columns(with_type)),
    "a column of another name": ("nsp", "arrow_schema", columns(with_name)),
    "no metadata": ("nsp", "arrow_schema", columns(without_metadata)),
    "another schema version": ("nsp", "arrow_schema", columns(with_metadata(version=2))),
    "another tokenizer in the metadata": ("nsp", "arrow_schema", columns(with_metadata(tokenizer_sha256="0" * 64))),
    "another max_seq_length in the metadata": ("nsp", "arrow_schema", columns(with_metadata(max_seq_length=64))),
    "rows taken out": ("nsp", "tokens_lost", lambda d: edit_rows(d, lambda rows: rows.__delitem__(slice(100)))),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_caught_by_name(name: str, copied: Callable[[str], Path]) -> None:
    """Each damage is found under the rule that it breaks, and by nothing that only looks at files."""
    kind, rule, damage = DAMAGES[name]
    directory = copied(kind)
    damage(directory)
    found = rules(directory)
    assert rule in found
    assert not found & SHALLOW


def test_rows_are_named(copied: Callable[[str], Path]) -> None:
    """A finding says which shard, which rows, and how many there are."""
    from nspdata.validation import validate

    directory = copied("nsp")
    wrong = sorted(random.Random(5).sample(range(20), 7))

    def damage(rows: list[Row]) -> None:
        for number in wrong:
            rows[number]["next_sentence_label"] = 3

    edit_rows(directory, damage, shard=1)
    finding = next(finding for finding in validate(directory) if finding.rule == "label_value")
    assert finding.file == "train/data-00001-of-00002.arrow"
    assert finding.count == 7
    assert finding.rows == wrong[:5]
