"""Documents to sentences: paragraphs first, then spaCy in each of them, then the rules of `nspdata.tokenization.rules`."""

from __future__ import annotations

import gc
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from nspdata.errors import ConfigError
from nspdata.tokenization.fast.facts import BY_CHARACTER, BY_RULES, facts_of, tokenizer_facts
from nspdata.tokenization.fast.facts_file import keep_facts, kept_facts
from nspdata.tokenization.paragraphs import MAX_CHARACTERS, paragraph_spans
from nspdata.tokenization.rules import LANGUAGE_MARKS, SentenceRules
from nspdata.tokenization.spacy_import import import_spacy, is_untouched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nspdata.config.build import SentencesConfig
    from nspdata.tokenization.fast.facts import TokenizerFacts

MAX_BYTES = {"ja": 49_149}
"""Longest text in bytes of UTF-8, for languages whose tokenizer has a limit (SudachiPy)."""

MAX_NEW_WORDS = 100_000
"""Distinct tokens, and distinct chunks between white space, that a pipeline caches before it is created again."""

MAX_READ_CHARACTERS = 64 << 20
"""Characters that a pipeline reads before it is created again: its cache of chunks may be full of rare ones."""

PIECES_AT_ONCE = 64

PACKAGES = {
    "ja": "sudachipy sudachidict_core",
    "ko": "natto-py (and the system's mecab-ko with mecab-ko-dic)",
    "th": "pythainlp",
    "vi": "pyvi",
}
"""Packages that the tokenizers of these languages need besides spaCy."""

SPLITTERS = {"senter", "parser", "sentencizer"}
"""spaCy's own components that set sentence starts."""

WITHOUT_EFFECT = {
    "attribute_ruler",
    "entity_linker",
    "entity_ruler",
    "lemmatizer",
    "morphologizer",
    "ner",
    "span_ruler",
    "spancat",
    "spancat_singlelabel",
    "tagger",
    "textcat",
    "textcat_multilabel",
    "trainable_lemmatizer",
}
"""spaCy's own components that neither set sentence starts nor are read by one of its own that does."""


class SentenceSplitter(Protocol):
    """Splits texts into sentences."""

    def split(self, texts: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
        """For each text, the spans (start, end) of its sentences in characters.

        Only white space is left out. With the settings `as_spacy` and with a model, spans are spaCy's and may hold white space only.
        """
        ...


class Splitter:
    """Sentences by spaCy, paragraph by paragraph.

    spaCy caches every word and never deletes one, and its tokenizer caches the first 10,000 chunks between white
    space, however rare. `Language.memory_zone` forgets the words but caches no chunk (measured: 1.0 MB/s of English, where a
    full cache gives 4.1), so the pipeline is created again when it has grown by `MAX_NEW_WORDS`: 0.1 s, every 50 MB or so.

    Args:
        language: a spaCy language code: `spacy.blank(language)` with the rule-based `sentencizer`.
        model: name or path of an installed pipeline, which is used as it is: its `Doc.sents`, without the rules below. Components
            of spaCy's own that have no effect on sentences are switched off if all components are spaCy's own.
        paragraphs: see `paragraph_spans`.
        opening_marks: `next` or `as_spacy`; see `nspdata.tokenization.rules`.
        end_marks: `corrected` or `as_spacy`; see there.
        extra_marks: further characters that end a sentence.

    Attributes:
        nlp: the pipeline. That of a language is created when it is first needed, if the facts of the language are kept in a file.
        facts: of the pipeline of a language; not set with `model`.

    Raises:
        ConfigError: the language or the pipeline is unknown, or needs a package that is not installed.
    """

    def __init__(  # noqa: PLR0913 - the settings of a splitter
        self,
        language: str = "en",
        model: str = "",
        paragraphs: str = "blank_line",
        *,
        opening_marks: str = "next",
        end_marks: str = "corrected",
        extra_marks: str = "",
    ) -> None:
        self.language, self.model, self.paragraphs = language, model, paragraphs
        self.rule_based = not model
        self._nlp: Any = None
        self._untouched = is_untouched()
        self._kept = kept_facts(language) if self._untouched and not model else None
        if not model:
            self.facts = self._kept[0] if self._kept else facts_of(self.nlp)
        self.max_characters = MAX_BYTES.get(self.nlp.lang if model else self.facts.language, 4 * MAX_CHARACTERS) // 4
        self.rules: SentenceRules | None = None
        corrected = (opening_marks, end_marks, extra_marks) != ("as_spacy", "as_spacy", "")
        if corrected and not model:
            own = LANGUAGE_MARKS.get(language, "") if end_marks == "corrected" else ""
            self.rules = SentenceRules(
                move_opening_marks=opening_marks == "next",
                correct_end_marks=end_marks == "corrected",
                extra_marks=extra_marks + own,
                punct_chars=self.facts.punct_chars,
                exceptions=frozenset(self.facts.strings),
                by_character=self.facts.kind == BY_CHARACTER,
            )

    @staticmethod
    def of(settings: SentencesConfig) -> Splitter:
        """The splitter of the settings `sentences`."""
        return Splitter(
            settings.language,
            settings.model,
            settings.paragraphs,
            opening_marks=settings.opening_marks,
            end_marks=settings.end_marks,
            extra_marks=settings.extra_marks,
        )

    @property
    def nlp(self) -> Any:
        """See `Splitter`."""
        if self._nlp is None:
            self._make()
        return self._nlp

    @cached_property
    def tokenizer(self) -> TokenizerFacts | None:
        """The facts of the language's tokenizer, if it is one by rules. What was taken from spaCy is kept in a file."""
        if self._kept:
            return self._kept[1]
        found = tokenizer_facts(self.nlp.tokenizer) if self.facts.kind == BY_RULES else None
        if self._untouched:
            keep_facts(self.language, self.facts, found)
        return found

    def _make(self) -> None:
        if self._nlp is not None:
            self._nlp = None
            gc.collect()  # a pipeline is a reference cycle: free the old one before the new one is created
        self._nlp = _pipeline(self.model) if self.model else make_blank(self.language)
        if hasattr(self.nlp.tokenizer, "max_cache_size"):
            self.nlp.tokenizer.max_cache_size = MAX_NEW_WORDS
        self._first_words = len(self.nlp.vocab)
        self._read_characters = 0

    def split(self, texts: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
        """See `SentenceSplitter.split`."""
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
            if self.rules is None:
                for document in self.nlp.pipe(batch, batch_size=PIECES_AT_ONCE):
                    yield [(sentence.start_char, sentence.end_char) for sentence in document.sents]
                continue
            for text in batch:
                tokens = [(token.idx, token.idx + len(token)) for token in self.nlp.make_doc(text)]
                starts = self.rules.starts(text, tokens)
                yield [_stripped(text, *span) for span in zip(starts, [*starts[1:], len(text)], strict=True)]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Removes the white space at both ends of a span."""
    sentence = text[start:end]
    return end - len(sentence.lstrip()), start + len(sentence.rstrip())


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


def make_blank(language: str) -> Any:
    """The blank pipeline of spaCy for a language, with the rule-based `sentencizer`.

    Raises:
        ConfigError: the language is unknown, or needs a package that is not installed.
    """
    spacy = import_spacy()
    try:
        nlp = spacy.blank(language)
        nlp("a")  # some import their library with the first text
    except Exception as error:  # each language's library has errors of its own
        reason = " ".join(str(error).split())
        if "[E048]" in reason:
            raise ConfigError(
                f"sentences.language={language!r} is not a language of spaCy; give a code, such as en, de or zh, or xx for any"
            ) from error
        raise ConfigError(
            f"sentences.language={language!r} needs a package that is not installed: "
            f"pip install {PACKAGES.get(language, f'spacy[{language}]')}, or set sentences.language=xx ({reason})"
        ) from error
    nlp.add_pipe("sentencizer")
    return nlp


def _pipeline(model: str) -> Any:
    spacy = import_spacy()
    try:
        nlp = spacy.load(model)
    except (OSError, ImportError, ValueError) as error:
        raise ConfigError(
            f"sentences.model={model!r} is not an installed spaCy pipeline, nor the path of one: "
            f"pip install it, or leave the setting out for the rule-based sentencizer ({str(error).splitlines()[0]})"
        ) from error
    if not nlp("One here. Two there.").has_annotation("SENT_START"):
        raise ConfigError(
            f"sentences.model={model!r} sets no sentences (its components: {', '.join(nlp.pipe_names) or 'none'}; disabled: "
            f"{', '.join(nlp.disabled) or 'none'}); give a pipeline with a senter, parser or sentencizer that is enabled, or "
            "leave the setting out for the rule-based sentencizer"
        )
    _switch_off(nlp)
    return nlp


def _switch_off(nlp: Any) -> None:
    """Disables components without an effect on sentences, unless a component that is not spaCy's own may read their results."""
    factories = {name: nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    vectors = {"tok2vec", "transformer", "curated_transformer"}
    if not {*factories.values()} <= SPLITTERS | WITHOUT_EFFECT | vectors:
        return
    splitters = {name for name, factory in factories.items() if factory in SPLITTERS}
    for name, factory in factories.items():
        unheard = factory in vectors and splitters.isdisjoint(getattr(nlp.get_pipe(name), "listening_components", ()))
        if factory in WITHOUT_EFFECT or unheard:
            nlp.disable_pipe(name)
