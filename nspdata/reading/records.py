"""From a record to a document, or to the reason why it is none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from nspdata.documents import DocumentBatch

if TYPE_CHECKING:
    from nspdata.reading.sources import Source

EXCERPT = 200
"""Characters of a rejected record that are kept."""

BROKEN_JSON = "broken_json"
NOT_AN_OBJECT = "not_an_object"
MISSING_TEXT = "missing_text"
TEXT_NOT_STRING = "text_not_string"
EMPTY_TEXT = "empty_text"
INVALID_UTF8 = "invalid_utf8"
NUL_CHARACTER = "nul_character"
LONE_SURROGATE = "lone_surrogate"
TRUNCATED_FILE = "truncated_file"
BROKEN_FILE = "broken_file"

REASONS = {
    BROKEN_JSON: "the line is not JSON",
    NOT_AN_OBJECT: "the line is JSON, but not an object",
    MISSING_TEXT: "the record has no text field, or null in it",
    TEXT_NOT_STRING: "the text field holds no string",
    EMPTY_TEXT: "the text is empty or white space only",
    INVALID_UTF8: "the bytes are not UTF-8",
    NUL_CHARACTER: "the text holds U+0000",
    LONE_SURROGATE: "the text holds half of a surrogate pair",
    TRUNCATED_FILE: "the compressed file is damaged or ends too early; what came before was read",
    BROKEN_FILE: "the file cannot be read from here on",
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be used.

    Attributes:
        source: name of the file.
        position: byte offset (of the decompressed file) or row number.
        reason: a key of `REASONS`.
        excerpt: its first 200 characters.
    """

    source: str
    position: int
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Some records of a source.

    Attributes:
        documents: those that can be used.
        rejected: those that cannot.
        records: how many there were.
        input_bytes: bytes read for them (decompressed).
    """

    documents: DocumentBatch
    rejected: list[Rejected]
    records: int
    input_bytes: int


@dataclass(slots=True)
class Gathering:
    """Documents and rejected records of one source, gathered until they make a batch."""

    source: Source
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    sentences: list[list[str]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    text_size: int = 0
    input_bytes: int = 0

    def reject(self, position: int, reason: str, record: str | bytes) -> None:
        """Keeps a record's place, reason and beginning."""
        text = record[: 4 * EXCERPT].decode("utf-8", "replace") if isinstance(record, bytes) else record
        readable = text[:EXCERPT].encode("utf-8", "backslashreplace").decode()
        self.rejected.append(Rejected(self.source.name, position, reason, readable))

    def add(self, position: int, document_id: object, text: object, sentences: list[str] | None = None) -> None:
        """Takes a text if it can be used; without an id it is named by its file and place."""
        if text is None:
            self.reject(position, MISSING_TEXT, f"id {document_id!r}")
        elif not isinstance(text, str):
            self.reject(position, TEXT_NOT_STRING, repr(text))
        elif (reason := _fault(text)) is not None:
            self.reject(position, reason, text)
        else:
            named = document_id is not None and document_id != ""
            self.ids.append(_well_formed(str(document_id)) if named else f"{self.source.name}:{position}")
            self.texts.append(text)
            self.text_size += len(text)
            if sentences is not None:
                self.sentences.append(sentences)

    def take(self) -> ReadBatch:
        """Everything gathered, as a batch; begins anew."""
        given = self.source.format == "text_sentence"
        documents = DocumentBatch(ids=self.ids, texts=self.texts, sentences=self.sentences if given else None)
        batch = ReadBatch(documents, self.rejected, len(self.ids) + len(self.rejected), self.input_bytes)
        self.ids, self.texts, self.sentences, self.rejected = [], [], [], []
        self.text_size = self.input_bytes = 0
        return batch


def _fault(text: str) -> str | None:
    """Why a string cannot be used as text, or None."""
    if not text or text.isspace():
        return EMPTY_TEXT
    if "\0" in text:
        return NUL_CHARACTER
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return LONE_SURROGATE
    return None


def _well_formed(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def add_json(gathering: Gathering, position: int, line: bytes, text_field: str, id_field: str) -> None:
    """Takes one line of JSON."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = _slowly(gathering, position, line)
        if record is None:
            return
    if not isinstance(record, dict):
        gathering.reject(position, NOT_AN_OBJECT, line)
    elif record.get(text_field) is None:
        gathering.reject(position, MISSING_TEXT, line)
    else:
        gathering.add(position, record.get(id_field), record[text_field])


def _slowly(gathering: Gathering, position: int, line: bytes) -> object | None:
    """What the standard library makes of a line that orjson refuses (a lone surrogate, say), or None if it is rejected."""
    try:
        decoded = line.decode()
    except UnicodeDecodeError:
        gathering.reject(position, INVALID_UTF8, line)
        return None
    try:
        return json.loads(decoded)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        gathering.reject(position, BROKEN_JSON, line)
        return None
