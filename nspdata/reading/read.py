"""Reads a source of any format into batches of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.config.input import InputConfig
from nspdata.reading.compression import CutShortError
from nspdata.reading.delimited import read_csv
from nspdata.reading.json_lines import read_json, read_json_lines
from nspdata.reading.records import TRUNCATED_FILE, Gathering
from nspdata.reading.text import read_document, read_lines, read_sentences
from nspdata.reading.wiki import read_wiki

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files.local import Files
    from nspdata.reading.documents import DocumentLanguages
    from nspdata.reading.records import ReadBatch
    from nspdata.reading.sources import Source


def read_columns(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """See `columnar.read_columns`; imported when it is used, because `pyarrow.compute` and `pyarrow.parquet` take 0.06 s."""
    from nspdata.reading import columnar

    return columnar.read_columns(source, files, gathering, settings)


READERS = {
    "jsonl": read_json_lines,
    "json": read_json,
    "wikiextractor": read_wiki,
    "csv": read_csv,
    "tsv": read_csv,
    "parquet": read_columns,
    "arrow": read_columns,
    "text_document": read_document,
    "text_line": read_lines,
    "text_sentence": read_sentences,
}
"""The reader of each format."""

REJECTED_A_BATCH = 10_000


def read_source(
    source: Source,
    files: Files,
    settings: InputConfig | None = None,
    *,
    languages: DocumentLanguages | None = None,
    batch_bytes: int = 1 << 20,
) -> Iterator[ReadBatch]:
    """Yields the documents of a source in file order, in batches of about `batch_bytes` of text.

    With `languages`, each document has the language that a field of its record names. A record that cannot be used is in `rejected` with a reason from `REASONS`. The content of a file never raises an error;
    the disk or the network may (OSError).
    """
    gathering = Gathering(source, languages)
    try:
        for _ in READERS[source.format](source, files, gathering, settings or InputConfig()):
            if gathering.text_size >= batch_bytes or len(gathering.rejected) >= REJECTED_A_BATCH:
                yield gathering.take()
    except CutShortError as error:
        lost = error.lost_bytes(source.stored_bytes, gathering.read_bytes)
        gathering.reject_rest(error.position, TRUNCATED_FILE, error.part or str(error), lost_bytes=lost)
    if not gathering.is_empty():
        yield gathering.take()
