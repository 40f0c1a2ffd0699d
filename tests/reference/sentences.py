"""Sentences as the contract defines them, read plainly: lines to paragraphs, spaCy in each paragraph by itself."""

from __future__ import annotations

import itertools
import re
from functools import cache
from typing import Any

from tests.reference.rules import Language, begins


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


def pieces(paragraph: str, limit: int = 1_000_000) -> list[str]:
    """A paragraph that is too long for spaCy, cut after its last line end, mark, or white space that is not too far on."""
    found = []
    while len(paragraph) > limit:
        window = paragraph[:limit]
        ends = [
            max((place + 1 for place, character in enumerate(window) if ends_here(character)), default=0)
            for ends_here in ("\n\r".__contains__, "。．！？｡".__contains__, str.isspace)
        ]
        cut = next(filter(None, ends), limit)
        found.append(paragraph[:cut])
        paragraph = paragraph[cut:]
    return [*found, paragraph]


def spacy_sentences(text: str, language: str, rule: str = "blank_line") -> list[str]:
    """The sentences of a text as spaCy's rules give them."""
    nlp = pipeline(language)
    parts = [piece for paragraph in paragraphs(text, rule) for piece in pieces(paragraph)]
    return [sentence.text for part in parts for sentence in nlp(part).sents]


def sentences(text: str, language: str, rule: str = "blank_line") -> list[str]:
    """The sentences of a text with the default corrections: spaCy's tokens, and the rules read plainly."""
    nlp, found = pipeline(language), []
    known = Language(
        code=language,
        spacy_marks=frozenset(nlp.get_pipe("sentencizer").punct_chars),
        exceptions=frozenset(getattr(nlp.tokenizer, "rules", None) or ()),
        by_character=getattr(nlp.tokenizer, "segmenter", "") == "char",
    )
    for part in (piece for paragraph in paragraphs(text, rule) for piece in pieces(paragraph)):
        starts = begins(part, [(token.idx, token.idx + len(token)) for token in nlp.make_doc(part)], known)
        found += [part[start:end] for start, end in zip(starts, [*starts[1:], len(part)], strict=True)]
    return found
