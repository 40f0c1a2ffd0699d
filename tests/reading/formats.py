"""Documents written in every format, by the libraries that define them."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from nspdata.config.input import InputConfig
from nspdata.files.local import LocalFiles
from nspdata.reading import Rejected, expand_inputs, read_source, split_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Document = tuple[str, str]
"""Id and text."""

DOCUMENTS: list[Document] = [
    ("a/1", 'Plain. "Quoted", with a comma; and a\ttab.'),
    ("b", "Line one.\nLine two.\r\n\r\nA paragraph.\u2028Not one. \u0085"),
    ("ünï", "Ein Satz. 日本語。 שלום. 👩‍👩‍👧 e\u0301 \U0001d11e"),
    ("long", "Word after word. " * 5000),
    ("tail", " leading and trailing \u00a0"),
]


def jsonl(documents: Sequence[Document]) -> bytes:
    """A JSON object a line."""
    return "".join(
        json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n" for name, text in documents
    ).encode()


def table(documents: Sequence[Document]) -> pa.Table:
    """Two columns."""
    return pa.table({"id": [name for name, _ in documents], "text": [text for _, text in documents]})


def parquet(documents: Sequence[Document]) -> bytes:
    """Several row groups."""
    sink = io.BytesIO()
    pq.write_table(table(documents), sink, row_group_size=2)
    return sink.getvalue()


def arrow_stream(documents: Sequence[Document]) -> bytes:
    """Arrow as a stream, as `datasets` writes it."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table(documents).schema) as writer:
        writer.write_table(table(documents), max_chunksize=2)
    return sink.getvalue()


def arrow_file(documents: Sequence[Document]) -> bytes:
    """Arrow as a file, with a footer."""
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table(documents).schema) as writer:
        writer.write_table(table(documents), max_chunksize=2)
    return sink.getvalue()


def delimited(delimiter: str) -> Callable[[Sequence[Document]], bytes]:
    """CSV or TSV with another column in front."""

    def write(documents: Sequence[Document]) -> bytes:
        sink = io.StringIO(newline="")
        rows = csv.writer(sink, delimiter=delimiter, lineterminator="\n")
        rows.writerows([["more", "text", "id"], *(["x", text, name] for name, text in documents)])
        return sink.getvalue().encode()

    return write


class Format(NamedTuple):
    """How documents are written in a format."""

    suffix: str
    write: Callable[[Sequence[Document]], bytes]


FIELDED = {
    "jsonl": Format(".jsonl", jsonl),
    "parquet": Format(".parquet", parquet),
    "arrow stream": Format(".arrow", arrow_stream),
    "arrow file": Format(".arrow", arrow_file),
    "csv": Format(".csv", delimited(",")),
    "tsv": Format(".tsv", delimited("\t")),
}

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
    ".bz2": bz2.compress,
}


class Found(NamedTuple):
    """What was read of some inputs.

    Attributes:
        documents: id and text of each, in order.
        rejected: in order.
        records: how many there were.
        sentences: those given, one list a document, where the format gives them.
        batches: documents in each batch.
    """

    documents: list[Document]
    rejected: list[Rejected]
    records: int
    sentences: list[list[str]]
    batches: list[int]


def read(
    *inputs: Path | str,
    input_format: Any = "auto",
    batch_bytes: int = 1 << 20,
    range_bytes: int = 64 << 20,
    **settings: Any,
) -> Found:
    """Reads inputs to their end."""
    settings.setdefault("csv_quoting", "quoted")  # as these files are written, TSV too
    files, config = LocalFiles(), InputConfig(format=input_format, **settings)
    sources = split_sources(expand_inputs([str(path) for path in inputs], files, config), range_bytes=range_bytes)
    found = Found([], [], 0, [], [])
    for source in sources:
        for batch in read_source(source, files, config, batch_bytes=batch_bytes):
            found.documents.extend(zip(batch.documents.ids, batch.documents.texts, strict=True))
            found.rejected.extend(batch.rejected)
            found.sentences.extend(batch.documents.sentences or [])
            found.batches.append(len(batch.documents))
            found = found._replace(records=found.records + batch.records)
    return found
