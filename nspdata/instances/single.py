"""One segment per row: RoBERTa's DOC-SENTENCES."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.instances.pairs import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray


def full_sentences(
    sentence_offsets: NDArray[np.int64], document_offsets: NDArray[np.int64], *, max_tokens: int
) -> Pairs:
    """Returns rows of whole sentences of one document, as many as fit. A longer sentence is cut into several rows; no token is lost.

    Args:
        sentence_offsets: shape (num_sentences + 1,), tokens.
        document_offsets: shape (num_documents + 1,), sentences.
        max_tokens: tokens per row, without special tokens.

    >>> rows = full_sentences(np.array([0, 3, 5, 14]), np.array([0, 3]), max_tokens=6)
    >>> rows.sentence_a.tolist(), rows.start_a.tolist(), rows.length_a.tolist()
    ([0, 2, 2], [0, 5, 11], [5, 6, 3])
    """
    limit = len(sentence_offsets) - 1 + int(sentence_offsets[-1]) // max_tokens
    rows = np.empty((limit, 4), np.int64)
    rows = rows[: _full_rows(sentence_offsets, document_offsets, max_tokens, rows)]
    none = np.zeros(len(rows), np.int64)
    return Pairs(
        document_a=rows[:, 0],
        document_b=rows[:, 0],
        sentence_a=rows[:, 1],
        sentence_b=rows[:, 1],
        start_a=rows[:, 2],
        start_b=none,
        length_a=rows[:, 3],
        length_b=none,
        label=none,
    )


@compiled
def _full_rows(
    sentence_offsets: NDArray[np.int64],
    document_offsets: NDArray[np.int64],
    max_tokens: int,
    rows: NDArray[np.int64],
) -> int:
    """Fills `rows` (any, 4): document, first sentence, first token, tokens. Returns the number of rows."""
    count = 0
    for document in range(len(document_offsets) - 1):
        sentence, end = document_offsets[document], document_offsets[document + 1]
        while sentence < end:
            begin = sentence_offsets[sentence]
            stop = sentence + 1
            while stop < end and sentence_offsets[stop + 1] - begin <= max_tokens:
                stop += 1
            token = begin
            while token < sentence_offsets[stop]:
                length = min(max_tokens, sentence_offsets[stop] - token)
                rows[count, 0] = document
                rows[count, 1] = sentence
                rows[count, 2] = token
                rows[count, 3] = length
                count += 1
                token += length
            sentence = stop
    return count
