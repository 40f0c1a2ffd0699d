"""Documents to sentences: paragraphs first, then spaCy in each of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_CHARACTERS = 1_000_000
"""The longest text that spaCy takes (its error E088 says why); longer paragraphs are cut."""

MAX_BYTES = {"ja": 49_149}
"""Languages whose tokenizer refuses longer texts, in bytes of UTF-8 (SudachiPy's limit)."""

_LINE = re.compile(r"[^\n\r]*(?:\r\n|\n|\r|\Z)")

_SPLITTERS = ("senter", "parser", "sentencizer")


def paragraph_spans(text: str, paragraphs: str, *, max_characters: int = MAX_CHARACTERS) -> list[tuple[int, int]]:
    r"""Where the paragraphs of a text lie; no sentence crosses the end of one.

    A line ends at `\n`, `\r\n` or `\r`. With `blank_line` a paragraph is a run of lines that are not white space only
    (`str.isspace`), with `line` each such line, with `none` the whole text. What is longer than `max_characters` is cut
    after the last white space before that, or where there is none, right there.

    >>> paragraph_spans("One\nline.\n \t\nTwo.", "blank_line")
    [(0, 10), (13, 17)]
    >>> paragraph_spans("One\nline.", "line")
    [(0, 4), (4, 9)]
    """
    if paragraphs == "none":
        spans = [(0, len(text))] if text and not text.isspace() else []
    else:
        spans = _runs_of_lines(text, joined=paragraphs == "blank_line")
    if all(end - start <= max_characters for start, end in spans):
        return spans
    return [piece for span in spans for piece in _pieces(text, *span, max_characters)]


def _runs_of_lines(text: str, *, joined: bool) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    apart = True
    for match in _LINE.finditer(text):
        start, end = match.span()
        if start == end:
            continue
        if match.group().isspace():
            apart = True
        elif joined and not apart:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
            apart = False
    return spans


def _pieces(text: str, start: int, end: int, max_characters: int) -> Iterator[tuple[int, int]]:
    while end - start > max_characters:
        cut = start + max_characters
        while cut > start and not text[cut - 1].isspace():
            cut -= 1
        cut = cut if cut > start else start + max_characters
        yield start, cut
        start = cut
    if start < end:
        yield start, end


class Splitter:
    """Sentences by spaCy, paragraph by paragraph.

    Args:
        language: a spaCy language code: `spacy.blank(language)` with the rule-based `sentencizer`.
        model: name or path of an installed pipeline; its senter splits, else its parser, else its sentencizer,
            and everything else in it is off.
        paragraphs: see `paragraph_spans`.

    Raises:
        ConfigError: the language or the pipeline is unknown, or needs a package that is not installed.
    """

    def __init__(self, language: str = "en", model: str = "", paragraphs: str = "blank_line") -> None:
        self.nlp = _pipeline(model) if model else _blank(language)
        self.nlp.max_length = MAX_CHARACTERS + 1
        self.rule_based = not model
        self.paragraphs = paragraphs
        self.max_characters = MAX_BYTES.get(self.nlp.lang, 4 * MAX_CHARACTERS) // 4

    def split(self, texts: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
        """For each text, the spans (start, end) of its sentences in characters; they may hold white space only."""
        spans = [paragraph_spans(text, self.paragraphs, max_characters=self.max_characters) for text in texts]
        pieces = [text[start:end] for text, places in zip(texts, spans, strict=True) for start, end in places]
        found = iter(self._sentences(pieces))
        for places in spans:
            yield [(begin + start, begin + end) for begin, _ in places for start, end in next(found)]

    def _sentences(self, pieces: list[str]) -> list[list[tuple[int, int]]]:
        with (
            self.nlp.memory_zone()
        ):  # spaCy forgets these texts' words afterwards, and its tokenizer caches none of them
            return [
                [(sentence.start_char, sentence.end_char) for sentence in document.sents]
                for document in self.nlp.pipe(pieces, batch_size=64)
            ]


def _blank(language: str) -> Any:
    import spacy

    try:
        nlp = spacy.blank(language)
    except ImportError as error:
        reason = str(error).replace("\n", " ")
        if "[E048]" in reason:
            raise ConfigError(
                f"sentences.language={language!r} is no language of spaCy; give its code, such as en, de or zh, or xx for any"
            ) from error
        raise ConfigError(
            f"sentences.language={language!r} needs a package that is not installed: pip install 'spacy[{language}]' ({reason})"
        ) from error
    nlp.add_pipe("sentencizer")
    return nlp


def _pipeline(model: str) -> Any:
    import spacy

    try:
        nlp = spacy.load(model)
    except (OSError, ImportError, ValueError) as error:
        raise ConfigError(
            f"sentences.model={model!r} is not an installed spaCy pipeline, nor the path of one: "
            f"pip install it, or leave the setting out for the rule-based sentencizer ({str(error).splitlines()[0]})"
        ) from error
    name = next((name for name in _SPLITTERS if name in nlp.component_names), None)
    if name is None:
        raise ConfigError(
            f"sentences.model={model!r} has no senter, parser or sentencizer (it has {', '.join(nlp.component_names)}); "
            "give a pipeline that has one, or leave the setting out for the rule-based sentencizer"
        )
    needed = {name, *(other for other in ("tok2vec", "transformer") if name != "sentencizer")}
    for component in nlp.component_names:
        if component in needed and component in nlp.disabled:
            nlp.enable_pipe(component)
        elif component not in needed and component not in nlp.disabled:
            nlp.disable_pipe(component)
    return nlp
