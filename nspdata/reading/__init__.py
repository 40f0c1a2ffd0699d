"""Inputs to documents: every format the same batches, every bad record counted and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.reading.columnar import read_columns, read_csv
from nspdata.reading.lines import CutShortError, lines
from nspdata.reading.records import REASONS, TRUNCATED_FILE, Gathering, ReadBatch, Rejected, add_json
from nspdata.reading.sources import Source, expand_inputs, split_sources
from nspdata.reading.text import read_document, read_lines, read_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files import Files

__all__ = [
    "REASONS",
    "ReadBatch",
    "Rejected",
    "Source",
    "expand_inputs",
    "read_source",
    "sample_documents",
    "split_sources",
]


def read_source(
    source: Source, files: Files, *, text_field: str, id_field: str, batch_bytes: int = 1 << 20
) -> Iterator[ReadBatch]:
    """The documents of a source in batches of about this many bytes of text.

    Raises:
        InputError: a file of columns has no column of this name.
    """
    gathering = Gathering(source)
    for _ in _turns(source, files, gathering, text_field, id_field):
        if gathering.text_size >= batch_bytes or len(gathering.rejected) >= 10_000:
            yield gathering.take()
    yield gathering.take()


def _turns(source: Source, files: Files, gathering: Gathering, text_field: str, id_field: str) -> Iterator[None]:
    """Fills the gathering; gives the caller a turn about once a megabyte."""
    try:
        if source.format == "jsonl":
            yield from _read_json(source, files, gathering, text_field, id_field)
        elif source.format in {"csv", "tsv"}:
            yield from read_csv(source, files, gathering, text_field, id_field)
        elif source.format in {"parquet", "arrow"}:
            yield from read_columns(source, files, gathering, text_field, id_field)
        else:
            shapes = {"text_document": read_document, "text_line": read_lines, "text_sentence": read_sentences}
            yield from shapes[source.format](source, files, gathering)
    except CutShortError as error:
        gathering.reject(gathering.input_bytes, TRUNCATED_FILE, str(error))


def _read_json(source: Source, files: Files, gathering: Gathering, text_field: str, id_field: str) -> Iterator[None]:
    for offsets, found in lines(source, files):
        for position, line in zip(offsets, found, strict=True):
            gathering.input_bytes += len(line) + 1
            if line and not line.isspace():
                add_json(gathering, position, line, text_field, id_field)
        yield


def sample_documents(
    sources: list[Source], files: Files, *, text_field: str, id_field: str, sample_bytes: int
) -> Iterator[str]:
    """Texts spread over all the sources, about `sample_bytes` in all, the same whatever order the user lists files in.

    Where there is more, every file gives the same share: the beginning of each of its fixed ranges of a megabyte.
    A compressed or columnar file gives its beginning.
    """
    total = sum(source.size_bytes for source in sources)
    share = min(1.0, sample_bytes / max(1, total))
    for source in sorted(sources, key=lambda source: source.name):
        pieces = split_sources([source], range_bytes=1 << 20) if share < 1 else [source]
        for piece in pieces:
            size = (source.size_bytes if piece.end is None else piece.end) - piece.start
            budget = size * share if share < 1 else float("inf")
            for text in _texts(piece, files, text_field, id_field):
                yield text
                budget -= len(text.encode())
                if budget <= 0:
                    break


def _texts(source: Source, files: Files, text_field: str, id_field: str) -> Iterator[str]:
    for batch in read_source(source, files, text_field=text_field, id_field=id_field, batch_bytes=1 << 16):
        yield from batch.documents.texts
