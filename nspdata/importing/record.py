"""One row as it is read from a file, and many of them as the flat arrays of a shard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.hashing import document_hashes
from nspdata.arrays.ragged import offsets
from nspdata.dataset.schema import OTHER, SAME_DOCUMENT
from nspdata.errors import InputError
from nspdata.instances.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nspdata.tokenization.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row without padding.

    Attributes:
        where: file and number of the record, for messages.
        ids: shape (num_tokens,), masks applied.
        length_a: tokens of `[CLS] A [SEP]`.
        label: 0 = B follows A, 1 = it does not.
        positions: shape (num_masked,), strictly increasing.
        originals: shape (num_masked,), the original ids there.
        width: tokens of the row with its padding.
        origin: `document_a`, `document_b`, `sentence_a`, `sentence_b`; None if unknown.
        objective: of its build: `nsp`, `sop` or `none`.
        negatives: of its build: `same_document` or `other`.
    """

    where: str
    ids: NDArray[np.int64]
    length_a: int
    label: int
    positions: NDArray[np.int64]
    originals: NDArray[np.int64]
    width: int
    origin: tuple[int, int, int, int] | None = None
    objective: str = "nsp"
    negatives: str = OTHER


def length_of_a(types: NDArray[np.int64], where: str) -> int:
    """Tokens of type 0 in token types that are 0, then 1.

    Raises:
        InputError: they are not.
    """
    length = int(np.count_nonzero(types == 0))
    if not bool((types[:length] == 0).all() and (types[length:] == 1).all()):
        raise InputError(f"{where}: the token types must be 0 for [CLS] A [SEP] and then 1 for B [SEP]; fix the record")
    return length


def check_record(record: Record, vocabulary: Vocabulary) -> None:
    """Checks that a record is a row of this vocabulary.

    Raises:
        InputError: it is not; the message names the record, the rule and the value.
    """
    ids, where, special = record.ids, record.where, vocabulary.special_ids
    highest = int(max(ids.max(initial=0), record.originals.max(initial=0)))
    if highest >= len(vocabulary):
        raise InputError(
            f"{where}: id {highest} is not in the vocabulary of {len(vocabulary):,} tokens; "
            "give the tokenizer that the rows were made with: --tokenizer"
        )
    ends = [int(ids[0]), int(ids[record.length_a - 1]), int(ids[-1])] if record.length_a >= 2 else []
    if ends != [special["[CLS]"], special["[SEP]"], special["[SEP]"]]:
        raise InputError(
            f"{where}: a row must be [CLS] A [SEP] B [SEP]; the ids at its ends are {ends}, those of the vocabulary are "
            f"[CLS] {special['[CLS]']} and [SEP] {special['[SEP]']}. Give the tokenizer that the rows were made with: --tokenizer"
        )
    if record.label not in {0, 1}:
        raise InputError(f"{where}: the label must be 0 or 1, not {record.label}; fix the record")
    inside = bool((record.positions < len(ids)).all() and (np.diff(record.positions) > 0).all())
    if not inside:
        raise InputError(f"{where}: the masked positions must increase and be inside the row; fix the record")


def to_rows(records: Sequence[Record], vocabulary: Vocabulary) -> Rows:
    """The records as the rows of a shard; a row of unknown origin gets documents of its own."""
    lengths = np.array([len(record.ids) for record in records], np.int64)
    counts = np.array([len(record.positions) for record in records], np.int64)
    origins = _origins(records)
    return Rows(
        input_ids=_joined([record.ids for record in records], vocabulary.dtype),
        offsets=offsets(lengths),
        lengths_a=np.array([record.length_a for record in records], np.int64),
        next_sentence_label=np.array([record.label for record in records], np.uint8),
        masked_lm_positions=_joined([record.positions for record in records], np.dtype(np.uint16)),
        masked_lm_labels=_joined([record.originals for record in records], vocabulary.dtype),
        masked_offsets=offsets(counts),
        document_a=origins[:, 0],
        document_b=origins[:, 1],
        sentence_a=origins[:, 2].astype(np.uint32),
        sentence_b=origins[:, 3].astype(np.uint32),
    )


def _origins(records: Sequence[Record]) -> NDArray[np.uint64]:
    """Shape (num_records, 4), uint64."""
    first = document_hashes([record.where for record in records])
    second = document_hashes([f"{record.where}, B" for record in records])
    result = np.zeros((len(records), 4), np.uint64)
    for index, record in enumerate(records):
        two = record.label == 1 and (record.objective, record.negatives) == ("nsp", OTHER)
        made = (first[index], second[index] if two else first[index], *_sentences(record))
        result[index] = record.origin if record.origin is not None else made
    return result


def _sentences(record: Record) -> tuple[int, int]:
    """Sentence numbers that fit the label of a record of unknown origin."""
    if record.objective == "sop" and record.label == 1:
        return 1, 0
    if record.objective == "none" or (record.label == 1 and record.negatives != SAME_DOCUMENT):
        return 0, 0
    return 0, 1 + record.label


def _joined(parts: Sequence[NDArray[np.int64]], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, np.int64), *parts]).astype(dtype)
