"""A batch of documents as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_BYTES = 8 << 20
"""A document of a file of its own with more bytes of text than this is kept as UTF-8."""

PIECE_BYTES = 1 << 16
"""UTF-8 that is decoded at once. Pieces of a megabyte took longer, and 70 MB more because the heap was fragmented."""


class DocumentLanguages(Protocol):
    """The languages of documents, from a field of their records."""

    @property
    def field(self) -> str:
        """The field, or rules `GLOB=FIELD` separated by commas."""
        ...

    def code_of(self, value: object) -> str | None:
        """The language code for a value of the field: "" for the default language, None if the document is rejected."""
        ...


class LongText(Sequence[str]):
    """The only text of a batch, as UTF-8. A string needs up to four bytes per character, and each copy of it as much again.

    `pieces` decodes it piece by piece. As a sequence it has one text, which is decoded each time.
    """

    def __init__(self, utf8: bytes | bytearray) -> None:
        self.utf8 = utf8

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return [self.utf8.decode()][index]

    def pieces(self) -> Iterator[str]:
        """The text in pieces; see `decoded`."""
        return decoded(self.utf8)


def decoded(utf8: bytes | bytearray, size: int = PIECE_BYTES) -> Iterator[str]:
    """Decodes UTF-8 piece by piece. Fails where the decoding of the whole fails, because no piece ends inside a character.

    Args:
        utf8: the text.
        size: bytes of a piece, at most; at least 4.

    >>> list(decoded("déjà".encode(), 4))
    ['déj', 'à']

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8.
    """
    view, start = memoryview(utf8), 0
    while start < len(view):
        end = start + size
        for _ in range(3):  # a character has at most three bytes after the first
            if end < len(view) and view[end] & 0xC0 == 0x80:
                end -= 1
        yield str(view[start:end], "utf-8")
        start = end


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBatch:
    """About a megabyte of text as documents.

    Attributes:
        ids: document ids.
        texts: the documents' texts, valid Unicode without NUL, each with at least one character that is not white space; a
            `LongText` if the batch has one long document.
        sentences: the sentences given by the input (one list per document), or None if the text has to be split.
        utf8: the texts as UTF-8, if the reader has encoded them already.
        languages: language code of each document, "" for the default language; None if all are in the default language.
    """

    ids: list[str]
    texts: Sequence[str]
    sentences: list[list[str]] | None = None
    utf8: Sequence[bytes | bytearray] | None = None
    languages: list[str] | None = None

    def encoded(self) -> Sequence[bytes | bytearray]:
        """The texts as UTF-8."""
        return [text.encode() for text in self.texts] if self.utf8 is None else self.utf8

    @property
    def long(self) -> LongText | None:
        """The text of a batch of one long document; None for other batches."""
        return self.texts if type(self.texts) is LongText else None

    @property
    def characters(self) -> int:
        """Characters of the texts; of a long text its bytes, because it is not decoded for this."""
        return len(self.texts.utf8) if type(self.texts) is LongText else sum(map(len, self.texts))

    def __len__(self) -> int:
        return len(self.ids)


def joined(batches: Sequence[DocumentBatch]) -> DocumentBatch:
    """One batch of the documents of several, all of them with sentences or all without; at least one."""
    first = batches[0]
    if len(batches) == 1:
        return first
    sentences = [document for batch in batches for document in batch.sentences or ()]
    languages = [code for batch in batches for code in batch.languages or ()]
    return DocumentBatch(
        ids=[name for batch in batches for name in batch.ids],
        texts=[text for batch in batches for text in batch.texts],
        utf8=[text for batch in batches for text in batch.encoded()],
        sentences=None if first.sentences is None else sentences,
        languages=None if first.languages is None else languages,
    )
