"""Divides a long text that arrives in pieces into sections, without a string of all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.tokenization.paragraphs import cut_window, paragraph_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEAST_CHARACTERS = 1 << 20
"""Characters that are divided together at least."""


def sections(pieces: Iterable[str], paragraphs: str, limit: int) -> Iterator[str]:
    """Yields texts whose sentences are those of the whole text; its white space between paragraphs may be left out.

    A section is a run of paragraphs, or a piece of a paragraph that is longer than `limit`. The pieces are those of
    `paragraph_spans(text, paragraphs, max_characters=limit)` for the whole text:

    - What precedes the last paragraph that has begun is complete. It does not depend on the text that follows, because a blank line and
      then another character have been seen.
    - That last paragraph contains at least all characters up to the last one that is not white space. As long as these are more
      than `limit`, it is longer than `limit`, and its next piece is cut like every piece, from the `limit` characters after the last cut.

    Args:
        pieces: of one text, in order.
        paragraphs: see `paragraph_spans`.
        limit: characters of a section, at most.
    """
    rest, inside, least = "", False, max(LEAST_CHARACTERS, 2 * limit)
    for piece in pieces:
        rest += piece
        if len(rest) < least:
            continue
        spans = _spans(rest, paragraphs, inside=inside)
        if spans:
            last = spans[-1][0]
            yield from _joined(rest, spans[:-1], limit)
            inside &= len(spans) == 1
            rest = rest[last:]
            solid, start = len(rest.rstrip()), 0
            while solid - start > limit:
                cut = start + cut_window(rest[start : start + limit])
                yield rest[start:cut]
                start, inside = cut, True
            rest = rest[start:]
        least = max(
            LEAST_CHARACTERS, 2 * limit, 2 * len(rest)
        )  # a long run of white space is not searched for each piece
    yield from _joined(rest, _spans(rest, paragraphs, inside=inside), limit)


def _spans(text: str, paragraphs: str, *, inside: bool) -> list[tuple[int, int]]:
    """The paragraphs of a text, not cut. `inside`: the text begins inside a paragraph, which has more characters that are not white space."""
    spans = paragraph_spans(text, paragraphs, max_characters=len(text))
    if inside and spans:
        spans[0] = (0, spans[0][1])
    return spans


def _joined(text: str, spans: list[tuple[int, int]], limit: int) -> Iterator[str]:
    """Joins short paragraphs to sections of at most `limit` characters, and cuts the long ones."""
    begin = end = -1
    for first, last in spans:
        if begin >= 0 and (last - first > limit or last - begin > limit):
            yield text[begin:end]
            begin = -1
        if last - first > limit:
            for start, stop in paragraph_spans(text[first:last], "none", max_characters=limit):
                yield text[first + start : first + stop]
            continue
        if begin < 0:
            begin = first
        end = last
    if begin >= 0:
        yield text[begin:end]
