"""A batch of documents as text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBatch:
    """About a megabyte of text as documents.

    Attributes:
        ids: document ids.
        texts: the documents' texts, valid Unicode without NUL, each with at least one character that is not white space.
        sentences: the sentences given by the input (one list per document), or None if the text has to be split.
    """

    ids: list[str]
    texts: list[str]
    sentences: list[list[str]] | None = None

    def __len__(self) -> int:
        return len(self.ids)
