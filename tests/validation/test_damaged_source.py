"""Damage that only the documents can show: all files agree with each other, and every row is sound by itself."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nspdata.hashing import document_hash
from nspdata.shards import MANIFEST, STATISTICS, read_manifest
from nspdata.validation import validate, validate_source
from nspdata.wordpiece import WordPiece
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
from tests.validation.test_damaged_files import exchange, exchange_tokens
from tests.validation.test_damaged_rows import MASK, middle

Choice = Callable[[Row], bool]


def budget(length: int) -> int:
    return max(1, round(length * 0.15))


def one(choice: Choice, change: Callable[[Row], object]) -> Callable[[Path], None]:
    """Damage to the first row that is chosen."""
    return lambda directory: edit_rows(directory, lambda rows: change(next(row for row in rows if choice(row))))


def label(value: int, *, whole: bool = True) -> Choice:
    """Rows of a label with a few tokens in A and in B; `whole` ones have lost none, and would have as many masks with one less."""

    def choose(row: Row) -> bool:
        length = len(row["input_ids"])
        roomy = middle(row) > 5 and length - middle(row) > 5
        fits = length < 46 and budget(length) == budget(length - 1)
        return row["next_sentence_label"] == value and roomy and (fits or not whole)

    return choose


def free(row: Row, positions: range) -> int:
    """The first of these positions that is not masked."""
    return next(position for position in positions if position not in row["masked_lm_positions"])


def in_a(row: Row) -> int:
    return free(row, range(1, middle(row)))


def in_b(row: Row) -> int:
    return free(row, range(middle(row) + 1, len(row["input_ids"]) - 1))


def alter(place: Callable[[Row], int]) -> Callable[[Row], None]:
    """Another token, of those that stand in the corpus."""

    def change(row: Row) -> None:
        at = place(row)
        row["input_ids"][at] = 20 if row["input_ids"][at] != 20 else 21

    return change


def alter_label(row: Row) -> None:
    """A mask hides another token than the one that stood there."""
    at = next(i for i, p in enumerate(row["masked_lm_positions"]) if row["input_ids"][p] == MASK)
    row["masked_lm_labels"][at] = 20 if row["masked_lm_labels"][at] != 20 else 21


def lose(place: Callable[[Row], int]) -> Callable[[Row], None]:
    """A token less; a mask that was there goes to the token before it."""

    def change(row: Row) -> None:
        at = place(row)
        if at in row["masked_lm_positions"]:
            mask_elsewhere(row, at)
        del row["input_ids"][at]
        del row["token_type_ids"][at]
        row["masked_lm_positions"] = [p - (p > at) for p in row["masked_lm_positions"]]

    return change


def mask_elsewhere(row: Row, at: int) -> None:
    """Moves the mask at a position to another one."""
    index = row["masked_lm_positions"].index(at)
    row["input_ids"][at] = row["masked_lm_labels"][index]
    ends = {0, middle(row), len(row["input_ids"]) - 1}
    new = next(p for p in range(len(row["input_ids"])) if p not in {*row["masked_lm_positions"], *ends})
    row["masked_lm_positions"][index], row["masked_lm_labels"][index] = new, row["input_ids"][new]
    row["input_ids"][new] = MASK
    pairs = sorted(zip(row["masked_lm_positions"], row["masked_lm_labels"], strict=True))
    row["masked_lm_positions"], row["masked_lm_labels"] = map(list, zip(*pairs, strict=True))


def last_of_a(row: Row) -> int:
    return middle(row) - 1


def last_of_b(row: Row) -> int:
    return len(row["input_ids"]) - 2


def shift(**by: int) -> Callable[[Row], None]:
    return lambda row: row.update({name: row[name] + step for name, step in by.items()})


def name_both(number: int) -> Callable[[Row], None]:
    return lambda row: row.update(document_a=number, document_b=number)


def exchange_segments(row: Row) -> None:
    """A and B change places, and nothing says so."""
    ids = undo(row)
    end = middle(row)
    row["input_ids"] = [ids[0], *ids[end + 1 : -1], ids[end], *ids[1:end], ids[-1]]
    row["token_type_ids"] = [0] * (len(ids) - end) + [1] * end
    remask(row)


def undo(row: Row) -> list[int]:
    """The ids without masks."""
    ids = list(row["input_ids"])
    for position, label_id in zip(row["masked_lm_positions"], row["masked_lm_labels"], strict=True):
        ids[position] = label_id
    return ids


def remask(row: Row) -> None:
    """As many masks as there were, at the first tokens."""
    places = [p for p in range(1, len(row["input_ids"]) - 1) if p != middle(row)][: len(row["masked_lm_positions"])]
    row["masked_lm_positions"], row["masked_lm_labels"] = places, [row["input_ids"][p] for p in places]
    for index, place in enumerate(places):
        row["input_ids"][place] = MASK if index % 8 else row["input_ids"][place]


def skip_sentences(rows: list[Row]) -> None:
    """A of one row stands before B of the next row of its document: sentences between them are left out."""
    for row, after in itertools.pairwise(rows):
        follows = after["document_a"] == row["document_a"] and after["sentence_b"] - row["sentence_a"] < 5
        if follows and row["next_sentence_label"] == after["next_sentence_label"] == 0 and middle(row) > 6:
            ids, end = undo(row), middle(row)
            b = undo(after)[middle(after) + 1 :][: 40 - end]
            b[-1] = ids[-1]
            row["input_ids"], row["sentence_b"] = [*ids[: end + 1], *b], after["sentence_b"]
            row["token_type_ids"] = [0] * (end + 1) + [1] * len(b)
            row["masked_lm_positions"] = row["masked_lm_labels"] = [0] * min(8, budget(len(row["input_ids"])))
            remask(row)
            return


def take_out_document(rows: list[Row]) -> None:
    """All rows of the document that has the fewest tokens in them."""
    tokens: dict[int, int] = {}
    for row in rows:
        tokens[row["document_a"]] = tokens.get(row["document_a"], 0) + len(row["input_ids"])
    least = min(tokens, key=lambda document: tokens[document])
    rows[:] = [row for row in rows if row["document_a"] != least]


def take_out_row(rows: list[Row]) -> None:
    """A row of a document that has several."""
    for before, row in itertools.pairwise(rows):
        if before["document_a"] == row["document_a"] and before["document_b"] != 0:
            rows.remove(row)
            return


def repeat_masked_anew(rows: list[Row]) -> None:
    """A row once more, with a mask elsewhere."""
    row = json.loads(json.dumps(next(row for row in rows if label(0)(row))))
    mask_elsewhere(row, row["masked_lm_positions"][0])
    rows.append(row)


def exchange_two(rows: list[Row]) -> None:
    """Two neighbours change places."""
    rows[10], rows[60] = rows[60], rows[10]


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
    "a row twice, masked anew": ("nsp", "duplicated_rows", edits(repeat_masked_anew)),
    "rows in another order": ("nsp", "row_order", edits(exchange_two)),
    "another tokenizer": ("nsp", "segment_not_found", change_tokenizer),
    "tokens cut off, as counted": ("nsp", "source_counts", count_otherwise("tokens_truncated", 5000)),
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
    "a missing document",
    "a missing document of single segments",
    "a single segment that ends too early",
    "duplicates, as counted",
}
"""Damage that shows in the counts as well."""


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_caught_by_name(name: str, copied: Callable[[str], Path], corpus: Path) -> None:
    """Each damage passes without the documents, and is found with them under the law that it breaks."""
    kind, law, damage = DAMAGES[name]
    directory = copied(kind)
    damage(directory)
    if name not in SEEN_WITHOUT:
        assert validate(directory) == []
    assert law in {finding.law for finding in validate_source(directory, [str(corpus)], fast=True)}
