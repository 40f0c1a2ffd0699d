"""A batch of documents as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class DocumentLanguages(Protocol):
    """The languages of documents, from a field of their records."""

    @property
    def field(self) -> str:
        """The field, or rules `GLOB=FIELD` separated by commas."""
        ...

    def code_of(self, value: object) -> str | None:
        """The language code for a value of the field: "" for the default language, None if the document is rejected."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBatch:
    """About a megabyte of text as documents.

    Attributes:
        ids: document ids.
        texts: the documents' texts, valid Unicode without NUL, each with at least one character that is not white space.
        sentences: the sentences given by the input (one list per document), or None if the text has to be split.
        utf8: the texts as UTF-8, if the reader has encoded them already.
        languages: language code of each document, "" for the default language; None if all are in the default language.
    """

    ids: list[str]
    texts: list[str]
    sentences: list[list[str]] | None = None
    utf8: list[bytes] | None = None
    languages: list[str] | None = None

    def encoded(self) -> list[bytes]:
        """The texts as UTF-8."""
        return [text.encode() for text in self.texts] if self.utf8 is None else self.utf8

    def __len__(self) -> int:
        return len(self.ids)
