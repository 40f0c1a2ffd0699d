"""Documents to sentences: paragraphs first, then spaCy in each of them."""

from __future__ import annotations

import gc
import re
import sys
from typing import TYPE_CHECKING, Any

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_CHARACTERS = 1_000_000
"""The longest text that spaCy takes (its error E088 says why); longer paragraphs are cut."""

MAX_BYTES = {"ja": 49_149}
"""Languages whose tokenizer refuses longer texts, in bytes of UTF-8 (SudachiPy's limit)."""

MAX_NEW_WORDS = 100_000
"""Distinct tokens, and distinct chunks between white space, that a pipeline remembers before it is made anew."""

MAX_READ_CHARACTERS = 64 << 20
"""Characters that a pipeline reads before it is made anew: its memory of chunks may have filled with rare ones."""

PIECES_AT_ONCE = 64

PACKAGES = {
    "ja": "sudachipy sudachidict_core",
    "ko": "natto-py (and the system's mecab-ko with mecab-ko-dic)",
    "th": "pythainlp",
    "vi": "pyvi",
}
"""What the tokenizers of these languages need beside spaCy."""

_LINE = re.compile(r"[^\n\r]*(?:\r\n|\n|\r|\Z)")

_SENTENCE_ENDS = "。．！？｡"

_SPLITTERS = ("senter", "parser", "sentencizer")


def paragraph_spans(text: str, paragraphs: str, *, max_characters: int = MAX_CHARACTERS) -> list[tuple[int, int]]:
    r"""Where the paragraphs of a text lie; no sentence crosses the end of one.

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
        cut = start + _cut(text[start : start + max_characters])
        yield start, cut
        start = cut
    yield start, end


def _cut(window: str) -> int:
    """Where to cut a window of a longer text: from 1 to its length."""
    at = max(window.rfind("\n"), window.rfind("\r")) + 1
    at = at or max(window.rfind(mark) for mark in _SENTENCE_ENDS) + 1
    if not at:
        words = window.rsplit(None, 1)
        ends_in_space = window[-1].isspace()
        at = len(window) if ends_in_space else len(window) - len(words[-1])
    return at or len(window)


class Splitter:
    """Sentences by spaCy, paragraph by paragraph.

    spaCy remembers every word that it meets, for ever, and its tokenizer remembers the first 10,000 chunks between white
    space, however rare. `Language.memory_zone` forgets the words but remembers no chunk (measured: 1.0 MB/s of English, where
    a full memory gives 4.1), so the pipeline is made anew when it has grown by `MAX_NEW_WORDS`: 0.1 s, every 50 MB or so.

    Args:
        language: a spaCy language code: `spacy.blank(language)` with the rule-based `sentencizer`.
        model: name or path of an installed pipeline; its senter splits (also where it is off by default, as in spaCy's own
            pipelines: measured as good as the parser, and ten times as fast), else its parser, else its sentencizer.
            Everything else in it is off, but for a `tok2vec` or `transformer` that the splitting component listens to.
        paragraphs: see `paragraph_spans`.

    Raises:
        ConfigError: the language or the pipeline is unknown, or needs a package that is not installed.
    """

    def __init__(self, language: str = "en", model: str = "", paragraphs: str = "blank_line") -> None:
        self.language, self.model, self.paragraphs = language, model, paragraphs
        self.rule_based = not model
        self._make()
        self.max_characters = MAX_BYTES.get(self.nlp.lang, 4 * MAX_CHARACTERS) // 4

    def _make(self) -> None:
        self.nlp: Any = None
        gc.collect()  # a pipeline is a circle of references: the old one goes before the new one comes
        self.nlp = _pipeline(self.model) if self.model else _blank(self.language)
        if hasattr(self.nlp.tokenizer, "max_cache_size"):
            self.nlp.tokenizer.max_cache_size = MAX_NEW_WORDS
        self._first_words = len(self.nlp.vocab)
        self._read_characters = 0

    def split(self, texts: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
        """For each text, the spans (start, end) of its sentences in characters; they may hold white space only."""
        spans = [paragraph_spans(text, self.paragraphs, max_characters=self.max_characters) for text in texts]
        pieces = [text[start:end] for text, places in zip(texts, spans, strict=True) for start, end in places]
        found = self._sentences(pieces)
        for places in spans:
            yield [(begin + start, begin + end) for begin, _ in places for start, end in next(found)]

    def _sentences(self, pieces: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
        for batch in _batches(pieces):
            if len(self.nlp.vocab) - self._first_words > MAX_NEW_WORDS or self._read_characters > MAX_READ_CHARACTERS:
                self._make()
            self._read_characters += sum(map(len, batch))
            for document in self.nlp.pipe(batch, batch_size=PIECES_AT_ONCE):
                yield [(sentence.start_char, sentence.end_char) for sentence in document.sents]


def _batches(pieces: Iterable[str]) -> Iterator[list[str]]:
    """Runs of pieces: at most 64, and no more once there are a million characters."""
    batch: list[str] = []
    size = 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece)
        if len(batch) == PIECES_AT_ONCE or size >= MAX_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _blank(language: str) -> Any:
    import spacy

    try:
        nlp = spacy.blank(language)
        nlp("a")  # some look for their library at the first text only
    except Exception as error:  # each language's library has errors of its own
        reason = " ".join(str(error).split())
        if "[E048]" in reason:
            raise ConfigError(
                f"sentences.language={language!r} is no language of spaCy; give its code, such as en, de or zh, or xx for any"
            ) from error
        raise ConfigError(
            f"sentences.language={language!r} needs a package that is not installed: "
            f"pip install {PACKAGES.get(language, f'spacy[{language}]')}, or set sentences.language=xx ({reason})"
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
            f"sentences.model={model!r} has no senter, parser or sentencizer (it has {', '.join(nlp.component_names) or 'nothing'}); "
            "give a pipeline that has one, or leave the setting out for the rule-based sentencizer"
        )
    for component in nlp.component_names:
        needed = component == name or name in getattr(nlp.get_pipe(component), "listening_components", ())
        if needed and component in nlp.disabled:
            nlp.enable_pipe(component)
        elif not needed and component not in nlp.disabled:
            nlp.disable_pipe(component)
    return nlp


def import_spacy_alone() -> None:
    """Imports spaCy without torch, which its `thinc` takes along where it is installed: 1.2 s and 190 MB that no rule uses.

    For a process that splits by rules; a pipeline with a network in torch cannot be loaded in it afterwards.
    """
    if "spacy" in sys.modules or "torch" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        import spacy  # noqa: F401 - imported for what stays imported
    finally:
        del sys.modules["torch"]
