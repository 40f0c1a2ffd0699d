"""Detects the format of a file from its suffix, and from its first bytes where the suffix is not enough."""

from __future__ import annotations

import csv
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from nspdata.errors import InputError
from nspdata.files.bounded import BoundedReads
from nspdata.reading.compression import BOM, CutShortError, blocks
from nspdata.reading.delimited import dialect
from nspdata.reading.fields import fields_of

if TYPE_CHECKING:
    from nspdata.config.input import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.sources import Source

SUFFIXES = {
    ".jsonl": "jsonl",
    ".json": "json",
    ".jsonlines": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "text_document",
}
"""Format by suffix; one of `COMPRESSIONS` may follow it. A `json` file of one object per line is read as `jsonl`."""

COMPRESSIONS = {".gz": "gzip", ".bgz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2", ".xz": "xz"}

HEAD_BYTES = 1 << 16

LOOKED_AT = 20
"""Number of lines that decide whether a JSON file has one value per line."""


def known_suffixes() -> str:
    """The known suffixes, for messages."""
    return f"{', '.join(sorted(SUFFIXES))}, each also with {', '.join(sorted(COMPRESSIONS))}"


def by_suffix(path: str) -> tuple[str, str]:
    """The format of a path, or "" for an unknown suffix, and the compression, or "".

    >>> by_suffix("a/b.JSONL.gz"), by_suffix("wiki_00"), by_suffix("a.zip")
    (('jsonl', 'gzip'), ('', ''), ('', ''))
    """
    stem, last = posixpath.splitext(path)
    compression = COMPRESSIONS.get(last.lower(), "")
    suffix = posixpath.splitext(stem)[1] if compression else last
    return SUFFIXES.get(suffix.lower(), ""), compression


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, decompressed, without a byte order mark.

    Attributes:
        data: at most 64 KiB.
        whole: whether that is the whole file.
    """

    data: bytes
    whole: bool

    def lines(self) -> list[bytes]:
        """The complete lines."""
        found = self.data.split(self.line_end())
        return found if self.whole else found[:-1]

    def line_end(self) -> bytes:
        r"""`\r` if there is no `\n`, else `\n`."""
        return b"\r" if b"\r" in self.data and b"\n" not in self.data else b"\n"


def head_of(source: Source, files: Files) -> Head:
    """Reads the beginning of a file.

    Raises:
        InputError: it cannot be opened or read.
    """
    data = b""
    try:
        for block in blocks(source, files):
            data += block
            if len(data) > HEAD_BYTES:
                break
    except CutShortError:
        pass  # the reader reports it
    except OSError as error:
        raise InputError(f"{source.path}: cannot be read ({error.strerror or error})") from error
    data = data.removeprefix(BOM)
    return Head(data[:HEAD_BYTES], whole=len(data) <= HEAD_BYTES)


def format_of(head: Head, by_name: str) -> str:
    """The format of a file: `by_name` unless the first bytes contradict it, "" if unknown.

    Args:
        head: the beginning of the file.
        by_name: the format of its suffix, or "".
    """
    data = head.data.lstrip()
    if data.startswith(b"<doc ") and by_name in {"", "text_document"}:
        return "wikiextractor"
    if by_name in {"jsonl", "json"}:
        return "jsonl" if not data or _is_json_lines(head) else "json"
    if not by_name and data.startswith(b"{") and _is_json_lines(head) and head.lines():
        return "jsonl"
    return by_name


def _is_json_lines(head: Head) -> bool:
    """Whether the file is one value per line, judged by its first lines.

    It is not if it starts with an array that spans several lines or the whole file, or with an object and no line is a
    complete object. A first line longer than the head counts as a record.
    """
    found = [_parsed(line) for line in head.lines()[:LOOKED_AT] if line.strip()]
    has_object = any(isinstance(value, dict) for value in found)
    data = head.data.lstrip()
    if data.startswith(b"["):
        return bool(found) and isinstance(found[0], list) and has_object
    return has_object or not found or not data.startswith(b"{")


def _parsed(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def check_fields(source: Source, head: Head, files: Files, settings: InputConfig) -> None:
    """Checks that a file's schema, header or first records contain the text field.

    Raises:
        InputError: they do not; the error names the columns that exist.
    """
    field, _ = fields_of(settings, source.name)
    columns = _columns(source, head, files, settings)
    if not columns or field in columns or field.split(".", maxsplit=1)[0] in columns:
        return
    raise InputError(
        f"{source.path}: has no field {field!r}, only {', '.join(sorted(columns)[:20])}; name the field of the text with "
        f"--text-field, for this file alone with --text-field '{source.name}=FIELD'"
    )


def _columns(source: Source, head: Head, files: Files, settings: InputConfig) -> set[str]:
    """The fields known before the file is read; empty if unknown."""
    if source.format in {"jsonl", "json"}:
        return _json_fields(head)
    if source.format in {"csv", "tsv"} and head.data:
        line = head.data.split(head.line_end())[0].decode("utf-8", "replace")
        try:
            names = next(csv.reader([line], **dialect(source, settings)), [])
        except csv.Error:
            return set()
        return set(names) if settings.csv_header else set(map(str, range(len(names))))
    if source.format in {"parquet", "arrow"} and not source.compression:
        return _schema(source, files)
    return set()


def _json_fields(head: Head) -> set[str]:
    names: set[str] = set()
    for line in head.lines():
        if line.strip():
            record = _parsed(line)
            names |= set(record) if isinstance(record, dict) else set()
    return names


def _schema(source: Source, files: Files) -> set[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with BoundedReads(files.open(source.path)) as stream:
            if source.format == "parquet":
                return set(pq.ParquetFile(stream).schema_arrow.names)
            magic = stream.read(6)
            stream.seek(0)
            opened = pa.ipc.open_file(stream) if magic == b"ARROW1" else pa.ipc.open_stream(stream)
            return set(opened.schema.names)
    except (pa.ArrowException, OSError, ValueError):
        return set()  # the reader reports it
