"""Paragraphs, against the definition line by line."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from nspdata.tokenization.paragraphs import paragraph_spans


def line_by_line(text: str) -> list[tuple[int, int]]:
    """Runs of lines that are not white space only."""
    spans: list[tuple[int, int]] = []
    apart = True
    for match in re.finditer(r"[^\n\r]+(?:\r\n|\n|\r|\Z)|\r\n|\n|\r", text):
        if match.group().isspace():
            apart = True
        elif apart:
            spans.append(match.span())
            apart = False
        else:
            spans[-1] = (spans[-1][0], match.end())
    return spans


@given(st.text("\n\n\r\r \t\x0b\x1c\x85\u2028\u3000ab", max_size=14))
@example("a\r\nb\r\n\r\nc")
@example("a\r\r\nb")
@example(" \n a\n\x85 \nb \n ")
@settings(max_examples=300)
def test_paragraphs_are_runs_of_lines_that_are_not_blank(text: str) -> None:
    r"""Each end of a line, `\r\n` as one; white space that ends no line; blank lines at both ends."""
    assert paragraph_spans(text, "blank_line") == line_by_line(text)
