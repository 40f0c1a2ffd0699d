"""Sentences as the contract defines them, read plainly: lines to paragraphs, spaCy in each paragraph by itself."""

from __future__ import annotations

import itertools
import re
from functools import cache
from typing import Any


@cache
def pipeline(language: str) -> Any:
    """A blank pipeline with the rule-based sentencizer."""
    import spacy

    nlp = spacy.blank(language)
    nlp.add_pipe("sentencizer")
    return nlp


def paragraphs(text: str, rule: str) -> list[str]:
    """The paragraphs of a text: nothing but them can be left out, and only white space is."""
    if rule == "none":
        return [text] if text.strip() else []
    lines = re.findall(r"[^\n\r]*(?:\r\n|\n|\r)|[^\n\r]+", text)
    if rule == "line":
        return [line for line in lines if line.strip()]
    runs = itertools.groupby(lines, key=lambda line: bool(line.strip()))
    return ["".join(run) for held, run in runs if held]


def sentences(text: str, language: str, rule: str = "blank_line") -> list[str]:
    """The sentences of a text whose paragraphs are all short enough for spaCy."""
    nlp = pipeline(language)
    return [sentence.text for paragraph in paragraphs(text, rule) for sentence in nlp(paragraph).sents]
