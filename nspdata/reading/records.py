"""Turns a record into a document, or into the reason why it is rejected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nspdata.reading.documents import DocumentBatch, LongText, decoded
from nspdata.reading.fields import language_field_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nspdata.reading.documents import DocumentLanguages
    from nspdata.reading.sources import Source

EXCERPT = 200
"""Characters kept of a rejected record."""

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
BROKEN_CSV = "broken_csv"
WRONG_FIELDS = "wrong_fields"
TOO_LARGE = "record_too_large"
OUTSIDE_OF_A_DOCUMENT = "outside_of_a_document"
UNKNOWN_LANGUAGE = "unknown_language"

REASONS = {
    BROKEN_JSON: "the record is not JSON",
    NOT_AN_OBJECT: "the record is JSON, but not an object",
    MISSING_TEXT: "the record has no text field, or null in it",
    TEXT_NOT_STRING: "the text field is not a string",
    EMPTY_TEXT: "the text is empty or white space only",
    INVALID_UTF8: "the bytes are not UTF-8",
    NUL_CHARACTER: "the text contains U+0000",
    LONE_SURROGATE: "the text contains a lone surrogate",
    TRUNCATED_FILE: "the compressed file is damaged or truncated; what came before was read",
    BROKEN_FILE: "a part of the file, or everything from here on, cannot be read",
    BROKEN_CSV: "the quotes of the row are malformed",
    WRONG_FIELDS: "the row has more fields than the header",
    TOO_LARGE: "the record has more bytes than input.max_record_bytes",
    OUTSIDE_OF_A_DOCUMENT: "the line is not inside a <doc> element",
    UNKNOWN_LANGUAGE: "the record has no language code in the field of sentences.language_field, or one that cannot be used",
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected record.

    Attributes:
        source: name of the file.
        position: byte offset (of the decompressed file) or row number.
        reason: a key of `REASONS`.
        excerpt: the first 200 characters.
        bytes: size in the (decompressed) input; for a corrupt file, the size of the part that could not be read.
    """

    source: str
    position: int
    reason: str
    excerpt: str
    bytes: int


def count_rejected(rejected: Iterable[Rejected]) -> dict[str, int]:
    """Counts records and their bytes: `rejected.<reason>` and `rejected_bytes.<reason>`.

    >>> count_rejected([Rejected("a.jsonl", 0, "empty_text", "", 12), Rejected("a.jsonl", 12, "empty_text", "", 8)])
    {'rejected.empty_text': 2, 'rejected_bytes.empty_text': 20}
    """
    counts: Counter[str] = Counter()
    for record in rejected:
        counts.update({f"rejected.{record.reason}": 1, f"rejected_bytes.{record.reason}": record.bytes})
    return dict(counts)


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Some records of a source.

    Attributes:
        documents: the usable records.
        rejected: the rejected records.
        records: number of records.
        input_bytes: bytes of the records (decompressed), including those that could not be read.
    """

    documents: DocumentBatch
    rejected: list[Rejected]
    records: int
    input_bytes: int


@dataclass(slots=True)
class Gathering:
    """Collects the documents and rejected records of one source until they make a batch."""

    source: Source
    known_languages: DocumentLanguages | None = None
    language_field: str = field(init=False)
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    utf8: list[bytes] = field(default_factory=list)
    long: LongText | None = None
    sentences: list[list[str]] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    text_size: int = 0
    input_bytes: int = 0
    taken_bytes: int = 0

    def __post_init__(self) -> None:
        rules = self.known_languages.field if self.known_languages else ""
        self.language_field = language_field_of(rules, self.source.name)

    def reject(self, position: int, reason: str, record: str | bytes, *, size: int | None = None) -> None:
        """Keeps the position, reason, excerpt and size of a record.

        Args:
            position: byte offset or row number of the record.
            reason: a key of `REASONS`.
            record: the record, for the excerpt.
            size: bytes of the record, where they are not those of `record`.
        """
        text = record[: 4 * EXCERPT].decode("utf-8", "replace") if isinstance(record, bytes) else record
        readable = text[:EXCERPT].encode("utf-8", "backslashreplace").decode()
        self.rejected.append(
            Rejected(self.source.name, position, reason, readable, record_bytes(record) if size is None else size)
        )

    def reject_rest(self, position: int, reason: str, record: str | bytes, *, lost_bytes: int) -> None:
        """Rejects a part of the file that could not be read; its bytes count as input."""
        self.input_bytes += lost_bytes
        self.reject(position, reason, record, size=lost_bytes)

    @property
    def read_bytes(self) -> int:
        """Bytes of the source that were read so far."""
        return self.taken_bytes + self.input_bytes

    def add(  # noqa: PLR0913 - the parts of a record
        self,
        position: int,
        document_id: object,
        text: object,
        *,
        record: str | bytes = "",
        sentences: list[str] | None = None,
        language: object = None,
    ) -> None:
        """Adds a text if it is usable. Without an id, the document is named after its file and position.

        Args:
            position: byte offset or row number of the record.
            document_id: a string, a number, or UTF-8 bytes; None or empty if there is none.
            text: a string, or UTF-8 bytes.
            record: the whole record, for the excerpt.
            sentences: the sentences of the text, if the input gives them.
            language: the value of `language_field`.
        """
        usable, utf8, reason = _usable(text)
        code = "" if self.known_languages is None else self._code_of(language)
        if not reason and code is None:
            reason = UNKNOWN_LANGUAGE
        if reason:
            self.reject(position, reason, record or (text if isinstance(text, str | bytes) else repr(text)))
            return
        self.ids.append(_name(document_id) or f"{self.source.name}:{position}")
        self.texts.append(usable)
        self.utf8.append(utf8)
        self.text_size += len(usable)
        if self.known_languages is not None:
            self.languages.append(code or "")
        if sentences is not None:
            self.sentences.append(sentences)

    def add_long(self, utf8: bytearray) -> None:
        """Adds the text of a whole source, if it is usable, as its only document. No copy of it is made.

        Args:
            utf8: more than `LONG_BYTES` bytes.
        """
        code = self._code_of(None)
        if reason := _long_reason(utf8) or ("" if code is not None else UNKNOWN_LANGUAGE):
            self.reject(0, reason, bytes(utf8[: 4 * EXCERPT]), size=len(utf8))
            return
        self.ids.append(_name(self.source.name))
        self.long = LongText(utf8)
        self.text_size += len(utf8)
        self.languages.append(code or "")

    def _code_of(self, language: object) -> str | None:
        """The code of a document's language: "" for the default language, None if it cannot be used."""
        if self.known_languages is None or not self.language_field:
            return ""
        return self.known_languages.code_of(language)

    def is_empty(self) -> bool:
        """Whether nothing was added since the last batch."""
        return not (self.ids or self.rejected or self.input_bytes)

    def take(self) -> ReadBatch:
        """Returns everything gathered as a batch, and starts the next one."""
        given = self.source.format == "text_sentence"
        documents = DocumentBatch(
            ids=self.ids,
            texts=self.long or self.texts,
            sentences=self.sentences if given else None,
            utf8=[self.long.utf8] if self.long else self.utf8,
            languages=self.languages if self.known_languages else None,
        )
        batch = ReadBatch(documents, self.rejected, len(self.ids) + len(self.rejected), self.input_bytes)
        self.taken_bytes += self.input_bytes
        self.ids, self.texts, self.utf8, self.sentences, self.languages, self.rejected = [], [], [], [], [], []
        self.text_size = self.input_bytes = 0
        self.long = None
        return batch


def record_bytes(record: str | bytes) -> int:
    """Bytes of a record."""
    plain = isinstance(record, bytes) or record.isascii()
    return len(record) if plain else len(record.encode("utf-8", "surrogateescape"))  # type: ignore[union-attr]


def _usable(text: object) -> tuple[str, bytes, str]:
    """The value as text and as UTF-8, and the reason if it cannot be used (else "")."""
    utf8 = b""
    if type(text) is str:  # most documents
        pass
    elif isinstance(text, bytes):
        utf8 = text
        try:
            text = text.decode()
        except UnicodeDecodeError:
            return "", b"", INVALID_UTF8
    if not isinstance(text, str):
        return "", b"", MISSING_TEXT if text is None else TEXT_NOT_STRING
    if not text or text.isspace():
        return "", b"", EMPTY_TEXT
    if "\0" in text:
        return "", b"", NUL_CHARACTER
    try:
        return text, utf8 or text.encode(), ""
    except UnicodeEncodeError:
        return "", b"", LONE_SURROGATE


def _long_reason(utf8: bytearray) -> str:
    """The reason of `_usable` for a long text, without a string of all of it."""
    try:
        blank = all([piece.isspace() for piece in decoded(utf8)])  # noqa: C419 - all pieces are decoded
    except UnicodeDecodeError:
        return INVALID_UTF8
    return EMPTY_TEXT if blank else NUL_CHARACTER if 0 in utf8 else ""


def _name(document_id: object) -> str:
    """A document id as a valid Unicode string; "" if there is none."""
    if type(document_id) is str and document_id.isascii():
        return document_id
    if document_id is None:
        return ""
    if isinstance(document_id, bytes):
        return document_id.decode("utf-8", "backslashreplace")
    text = str(document_id)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
