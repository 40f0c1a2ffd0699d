"""CSV files with the text of A and B, the label, and the ids as JSON lists; in the convention of Hugging Face or of IBM's course."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.dataset.schema import OTHER
from nspdata.exporting.batches import TRACE, flat_labels, padded
from nspdata.inspection.texts import decode_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nspdata.exporting.files import NewFile
    from nspdata.exporting.options import Context
    from nspdata.instances.rows import Rows

SUFFIX = "csv"

CONVENTION = {"hf": "0=next", "ibm": "1=next"}
"""What the column `label_convention` begins with."""

PAIRS = {"objective": "nsp", "negatives": OTHER}
"""How the pairs were made unless `label_convention` says otherwise, as in `0=next, negatives=same_document`."""

COLUMNS = {
    "hf": ("text_a", "text_b", "next_sentence_label", "input_ids", "token_type_ids", "labels", "label_convention"),
    "ibm": ("Original Text", "BERT Input", "BERT Label", "Segment Label", "Is Next", "label_convention"),
}
"""The header of each convention. In `ibm`, `BERT Label` is [PAD] where nothing is predicted, and rows are padded."""


def write(batches: Iterable[Rows], context: Context, new_file: NewFile) -> None:
    """Writes one file: UTF-8, a header, lines that end in a newline."""
    header = COLUMNS[context.options.convention] + (TRACE if context.options.trace else ())
    records = _records_ibm if context.options.convention == "ibm" else _records_hf
    with new_file() as file:
        file.write(_lines([header]))
        for rows in batches:
            lines = records(rows, context)
            if context.options.trace:
                traces = zip(*(getattr(rows, name).tolist() for name in TRACE), strict=True)
                lines = ((*line, *trace) for line, trace in zip(lines, traces, strict=True))
            file.write(_lines(lines))
            file.add(rows=len(rows), tokens=len(rows.input_ids))


def label_convention(context: Context) -> str:
    """The value of the column: which label means next, and the objective and the negatives if they are not `nsp` and `other`."""
    found = {"objective": context.metadata.objective, "negatives": context.metadata.negatives}
    different = [f"{key}={value}" for key, value in found.items() if value != PAIRS[key]]
    return ", ".join([CONVENTION[context.options.convention], *different])


def _records_hf(rows: Rows, context: Context) -> Iterator[tuple[Any, ...]]:
    types, labels, convention = rows.token_type_ids(), flat_labels(rows), label_convention(context)
    for index, (text_a, text_b) in enumerate(_texts(rows, context)):
        at = slice(rows.offsets[index], rows.offsets[index + 1])
        lists = [str(values[at].tolist()) for values in (rows.input_ids, types, labels)]
        yield (text_a, text_b, int(rows.next_sentence_label[index]), *lists, convention)


def _records_ibm(rows: Rows, context: Context) -> Iterator[tuple[Any, ...]]:
    batch, convention = padded(rows, context), label_convention(context)
    segments = np.where(batch["attention_mask"] > 0, batch["token_type_ids"] + 1, 0)
    labels = np.where(batch["labels"] >= 0, batch["labels"], context.pad_id)
    for index, texts in enumerate(_texts(rows, context)):
        lists = [str(values[index].tolist()) for values in (batch["input_ids"], labels, segments)]
        yield (" ".join(texts), *lists, 1 - int(rows.next_sentence_label[index]), convention)


def _texts(rows: Rows, context: Context) -> Iterator[tuple[str, str]]:
    """The text of A and of B in each row, without masks; "" for an absent B."""
    begins, ends = rows.offsets[:-1], rows.offsets[1:]
    bounds = np.stack([begins + 1, begins + rows.lengths_a - 1, begins + rows.lengths_a, ends - 1], axis=1)
    texts = decode_all(rows.unmasked_ids(), bounds.reshape(-1, 2), context.vocabulary)
    return zip(texts[::2], texts[1::2], strict=True)


def _lines(records: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(records)
    return text.getvalue().encode()
