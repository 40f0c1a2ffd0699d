"""Splits documents into paragraphs; no sentence crosses the end of a paragraph."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CHARACTERS = 1_000_000
"""The longest text that spaCy accepts (error E088); longer paragraphs are cut."""

_LINE = re.compile(r"[^\n\r]*(?:\r\n|\n|\r|\Z)")

_BLANK_LINES = re.compile(r"(\r\n|\n|\r(?!\n))(?:[^\S\r\n]*(?:\r\n|\n|\r(?!\n)))+")
_BLANK_LINES_OF_UNIX = re.compile(r"(\n)(?:[^\S\n]*\n)+")
"""The end of a line, and blank lines after it. The second one is for texts without `\\r`; its search is twice as fast."""

_SENTENCE_ENDS = "。．！？｡"


def paragraph_spans(text: str, paragraphs: str, *, max_characters: int = MAX_CHARACTERS) -> list[tuple[int, int]]:
    r"""Returns the spans of the paragraphs of a text; no sentence crosses the end of a paragraph.

    A line ends at `\n`, `\r\n` or `\r`, and at no other character. With `blank_line` a paragraph is a run of lines that are
    not white space only (`str.isspace`), with `line` each such line, with `none` the whole text. The ends of its lines belong
    to a paragraph. What is longer than `max_characters` is cut into pieces: within the next `max_characters`, after the last
    end of a line; where there is none, after the last of 。．！？｡; else after the last white space; else at the limit.

    >>> paragraph_spans("One\nline.\n \t\nTwo.", "blank_line")
    [(0, 10), (13, 17)]
    >>> paragraph_spans("One\nline.", "line")
    [(0, 4), (4, 9)]
    >>> paragraph_spans("One two.", "none", max_characters=5)
    [(0, 4), (4, 8)]
    """
    if paragraphs == "none":
        spans = [(0, len(text))] if text and not text.isspace() else []
    else:
        spans = list(_between_blank_lines(text) if paragraphs == "blank_line" else _lines(text))
    if all(end - start <= max_characters for start, end in spans):
        return spans
    return [piece for span in spans for piece in _pieces(text, *span, max_characters)]


def _between_blank_lines(text: str) -> Iterator[tuple[int, int]]:
    """Runs of lines that are not blank, with the ends of their lines."""
    first, last = len(text) - len(text.lstrip()), len(text.rstrip())
    if not last:
        return
    start = max(text.rfind("\n", 0, first), text.rfind("\r", 0, first)) + 1
    for match in (_BLANK_LINES if "\r" in text else _BLANK_LINES_OF_UNIX).finditer(text, first, last):
        yield start, match.end(1)
        start = match.end()
    ending = _LINE.match(text, last)
    yield start, ending.end() if ending else last


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Lines that are not blank, with their ends."""
    for match in _LINE.finditer(text):
        if match.group() and not match.group().isspace():
            yield match.span()


def _pieces(text: str, start: int, end: int, max_characters: int) -> Iterator[tuple[int, int]]:
    while end - start > max_characters:
        cut = start + cut_window(text[start : start + max_characters])
        yield start, cut
        start = cut
    yield start, end


def cut_window(window: str) -> int:
    """Where to cut a window of a longer text: from 1 to its length."""
    at = max(window.rfind("\n"), window.rfind("\r")) + 1
    at = at or max(window.rfind(mark) for mark in _SENTENCE_ENDS) + 1
    if not at:
        words = window.rsplit(None, 1)
        ends_in_space = window[-1].isspace()
        at = len(window) if ends_in_space else len(window) - len(words[-1])
    return at or len(window)
