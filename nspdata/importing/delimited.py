"""Reads CSV files of ids, in the convention of Hugging Face (0 = next) or of IBM's course (1 = next)."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from nspdata.dataset.schema import OTHER, SAME_DOCUMENT
from nspdata.errors import InputError
from nspdata.exporting.batches import TRACE
from nspdata.importing.record import Record, length_of_a
from nspdata.loading.collate import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

MAX_FIELD_BYTES = 1 << 24

IBM = {"bert_input", "bert_label", "segment_label", "is_next"}
HF = {"input_ids", "token_type_ids", "labels", "next_sentence_label"}
"""The columns that each convention needs; case, spaces and underscores do not matter."""

MEANING = {"0=next": 0, "1=next": 1}
"""The label that means "B follows A", by what `label_convention` begins with."""

KNOWN_PAIRS = {"objective": ("nsp", "sop", "none"), "negatives": (OTHER, SAME_DOCUMENT)}
"""Values of `objective` and `negatives` in `label_convention`, as in `0=next, negatives=same_document`."""


def read_records(stream: BinaryIO, name: str, *, pad_id: int) -> Generator[Record]:
    """The rows of a file; its header says the convention.

    Raises:
        InputError: columns are missing, or a value is not what its column needs.
    """
    csv.field_size_limit(MAX_FIELD_BYTES)
    try:
        with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            names = {_key(column): column for column in reader.fieldnames or ()}
            convention = _convention(names, name)
            for number, values in enumerate(reader):
                where = f"{name}, record {number}"
                record = {key: values[column] or "" for key, column in names.items()}
                yield _ibm(record, where, pad_id) if convention == "ibm" else _hf(record, where)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{name}: not a CSV file in UTF-8 ({error}); export it again") from error


def _convention(names: Mapping[str, str], name: str) -> str:
    if set(names) >= IBM:
        return "ibm"
    if set(names) >= HF:
        return "hf"
    raise InputError(
        f"{name}: the columns must be {', '.join(sorted(HF))} or those of IBM's course (BERT Input, BERT Label, Segment Label, "
        f"Is Next), not {', '.join(names.values()) or 'none'}; add the missing ones"
    )


def _key(column: str) -> str:
    key = column.strip().lower().replace(" ", "_")
    return {"bert_labels": "bert_label", "segment_labels": "segment_label", "segment_ids": "segment_label"}.get(
        key, key
    )


def _hf(record: Mapping[str, str], where: str) -> Record:
    ids, types, labels = (_integers(record, key, where) for key in ("input_ids", "token_type_ids", "labels"))
    length = int(_integers(record, "attention_mask", where).sum()) if "attention_mask" in record else len(ids)
    labels = np.where(labels == IGNORED, -1, labels)
    return _row(
        record, where, (ids, types, labels), length=length, label=_label(record, "next_sentence_label", where, 0)
    )


def _ibm(record: Mapping[str, str], where: str, pad_id: int) -> Record:
    ids, segments, labels = (_integers(record, key, where) for key in ("bert_input", "segment_label", "bert_label"))
    length = int(np.count_nonzero(segments))
    labels = np.where(labels == pad_id, -1, labels)
    return _row(record, where, (ids, segments - 1, labels), length=length, label=_label(record, "is_next", where, 1))


def _row(
    record: Mapping[str, str],
    where: str,
    lists: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    *,
    length: int,
    label: int,
) -> Record:
    """The row of these ids, token types and labels (-1 where nothing is predicted), padded after `length`."""
    ids, types, labels = lists
    if not len(ids) == len(types) == len(labels):
        raise InputError(
            f"{where}: the lists must have one length, not {len(ids)}, {len(types)} and {len(labels)}; fix the record"
        )
    positions = np.flatnonzero(labels[:length] >= 0)
    origin = (
        tuple(int(record[name]) for name in TRACE) if all(record.get(name, "").isdecimal() for name in TRACE) else None
    )
    return Record(
        where=where,
        ids=ids[:length],
        length_a=length_of_a(types[:length], where),
        label=label,
        positions=positions,
        originals=labels[positions],
        width=len(ids),
        origin=cast("tuple[int, int, int, int] | None", origin),
        **_pairs(record, where),
    )


def _pairs(record: Mapping[str, str], where: str) -> dict[str, str]:
    """The objective and the negatives that `label_convention` names."""
    _, *named = record.get("label_convention", "").replace(" ", "").split(",")
    pairs = dict(name.partition("=")[::2] for name in named)
    if unknown := [f"{key}={value}" for key, value in pairs.items() if value not in KNOWN_PAIRS.get(key, ())]:
        raise InputError(
            f"{where}: label_convention must name an objective or negatives that nspdata knows, not {unknown[0][:40]!r}; "
            "fix the record, or import it with the version that exported it"
        )
    return pairs


def _label(record: Mapping[str, str], key: str, where: str, follows: int) -> int:
    """The label with 0 = B follows A."""
    named = record.get("label_convention", "").replace(" ", "").partition(",")[0]
    follows = MEANING.get(named, follows)
    value = {"true": "1", "false": "0"}.get(record[key].strip().lower(), record[key].strip())
    if value not in {"0", "1"}:
        raise InputError(f"{where}: the label must be 0 or 1, not {record[key][:40]!r}; fix the record")
    return int(int(value) != follows)


def _integers(record: Mapping[str, str], key: str, where: str) -> NDArray[np.int64]:
    try:
        values = json.loads(record[key])
        if isinstance(values, list) and all(type(value) is int for value in values):
            return np.array(values, np.int64)
    except (ValueError, OverflowError, RecursionError):
        pass
    raise InputError(f"{where}: {key} must be a JSON list of integers, not {record[key][:40]!r}; fix the record")
