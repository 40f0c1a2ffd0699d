"""A batch of documents as text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBatch:
    """About a megabyte of documents as text.

    Attributes:
        ids: the documents' ids.
        texts: the documents' texts, valid Unicode without NUL, each with a character that is not white space.
        sentences: the sentences as given by the input (one list a document), or None where they are to be split.
    """

    ids: list[str]
    texts: list[str]
    sentences: list[list[str]] | None = None

    def __len__(self) -> int:
        return len(self.ids)
