"""Changes of rows that keep them sound by themselves."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from tests.validation.damage import Row, edit_rows
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


def move_mask(row: Row) -> None:
    """The first mask goes to another place."""
    mask_elsewhere(row, row["masked_lm_positions"][0])


def replace_otherwise(row: Row) -> None:
    """What a mask shows is the token that stood there."""
    at = next(i for i, p in enumerate(row["masked_lm_positions"]) if row["input_ids"][p] == MASK)
    row["input_ids"][row["masked_lm_positions"][at]] = row["masked_lm_labels"][at]


def exchange_negatives(rows: list[Row]) -> None:
    """Two rows of label 1, of as many tokens in A and in B, get each other's B and its masks."""
    shapes: dict[tuple[int, int, int, int], Row] = {}
    for row in rows:
        end = middle(row)
        before = sum(position < end for position in row["masked_lm_positions"])
        shape = (end, len(row["input_ids"]), before, len(row["masked_lm_positions"]))
        other = shapes.setdefault(shape, row)
        apart = {row["document_a"], row["document_b"]}.isdisjoint({other["document_a"], other["document_b"]})
        if row["next_sentence_label"] == other["next_sentence_label"] == 1 and apart and len(row["input_ids"]) < 46:
            for column, cut in (("input_ids", end), ("masked_lm_positions", before), ("masked_lm_labels", before)):
                row[column][cut:], other[column][cut:] = other[column][cut:], row[column][cut:]
            for column in ("document_b", "sentence_b"):
                row[column], other[column] = other[column], row[column]
            return


def reseed(values: Any) -> None:
    """Another seed, with the fingerprint that goes with it."""
    values["config"]["seed"] = 7
    values["config_fingerprint"] = from_dict(Config, values["config"]).fingerprint()


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


def repeat_with_other_masks(rows: list[Row]) -> None:
    """A row once more, with a mask elsewhere."""
    row = json.loads(json.dumps(next(row for row in rows if label(0)(row))))
    mask_elsewhere(row, row["masked_lm_positions"][0])
    rows.append(row)


def exchange_two(rows: list[Row]) -> None:
    """Two neighbours change places."""
    rows[10], rows[60] = rows[60], rows[10]
