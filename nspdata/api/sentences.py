"""Sentences of texts, as a build splits them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from nspdata.api.builds import build_config
from nspdata.api.inputs import as_paths
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nspdata.api.inputs import Inputs
    from nspdata.config.build import Config
    from nspdata.tokenization.inspecting import Sentence

MAX_TEXTS = 200
"""Maximum documents of the sample to split."""

MAX_CHARACTERS = 20_000
"""Maximum characters of a document to split."""

SAMPLE_BYTES = 1_000_000


def split_sentences(
    texts: Sequence[str], *, languages: Sequence[str] | None = None, config: Any = None, **settings: Any
) -> list[list[tuple[int, int]]]:
    """The sentences of texts as a build splits them.

    Args:
        texts: the texts.
        languages: the language code of each text; None if all are in the language of the settings.
        config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
        settings: settings by name, such as `language="de"` or `paragraphs="line"`; see docs/settings.md.

    Returns:
        For each text the spans (start, end) of its sentences, in characters.

    Raises:
        ConfigError: a setting is wrong, a code is unknown, or a language needs a package that is not installed.

    >>> import nspdata
    >>> text = "He left. She stayed."
    >>> [text[start:end] for start, end in nspdata.split_sentences([text], language="en")[0]]
    ['He left.', 'She stayed.']
    """
    sentences = build_config(config, settings).sentences
    from nspdata.tokenization.encoders import DocumentSplitter

    if languages is not None and len(languages) != len(texts):
        raise ConfigError(f"languages must be as many as texts ({len(texts)}), not {len(languages)}")
    return list(DocumentSplitter(sentences).split(list(texts), languages))


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledSentence:
    """A sentence of a document of a sample.

    Attributes:
        text: the sentence.
        start: index of its first character in the document.
        end: index after its last character.
        tokens: number of tokens; None without a tokenizer.
        cuts: where it is cut because it is too long, as characters of the document, each with the reason.
    """

    text: str
    start: int
    end: int
    tokens: int | None
    cuts: tuple[tuple[int, str], ...]

    @property
    def pieces(self) -> list[str]:
        """The text between the cuts."""
        ends = [0, *(place - self.start for place, _ in self.cuts), len(self.text)]
        return [self.text[begin:end] for begin, end in pairwise(ends)]

    def to_json(self) -> dict[str, Any]:
        """As JSON's types, as `nspdata sentences --json` prints it."""
        cuts = [{"at": place, "reason": reason} for place, reason in self.cuts]
        return {"text": self.text, "start": self.start, "end": self.end, "tokens": self.tokens, "cuts": cuts}


def sample_sentences(
    inputs: Inputs,
    n: int = 20,
    *,
    tokenizer: str | os.PathLike[str] | None = None,
    config: Any = None,
    **settings: Any,
) -> list[SampledSentence]:
    """The sentences of a sample of the inputs, as a build splits them; from several documents.

    Args:
        inputs: paths, URLs, texts, records, or a table; see `nspdata.Inputs`.
        n: number of sentences.
        tokenizer: as for `build`; gives the lengths in tokens and the cuts of long sentences.
        config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
        settings: settings by name, such as `language="de"` or `max_tokens=100`; see docs/settings.md.

    Raises:
        ConfigError: a setting is wrong, or the language needs a package that is not installed.
        InputError: an input is missing, or holds no document.

    >>> import nspdata
    >>> [sentence.text for sentence in nspdata.sample_sentences(iter(["He left. She stayed."]), 1)]
    ['He left.']
    """
    resolved = build_config(config, settings)
    with as_paths(inputs, resolved.input, language_field=resolved.sentences.language_field) as paths:
        return list(islice(_sampled(paths, resolved, None if tokenizer is None else os.fspath(tokenizer), n), n))


def _sampled(paths: list[str], config: Config, tokenizer: str | None, n: int) -> Iterator[SampledSentence]:
    from nspdata.files.any import AnyFiles
    from nspdata.reading import expand_inputs, sample_with_languages
    from nspdata.tokenization.encoders import DocumentSplitter
    from nspdata.tokenization.inspecting import inspect_sentences
    from nspdata.tokenization.languages import Languages
    from nspdata.tokenization.wordpiece import WordPiece

    files, wordpiece = AnyFiles(), None
    if tokenizer is not None:
        casing = config.tokenizer
        wordpiece = WordPiece.load(tokenizer, lowercase=casing.lowercase, strip_accents=casing.strip_accents)
    sources = expand_inputs(paths, files, config.input)
    languages = Languages.of(config.sentences)
    sample = sample_with_languages(sources, files, config.input, sample_bytes=SAMPLE_BYTES, languages=languages)
    try:
        documents = list(islice(sample, MAX_TEXTS))
    finally:  # before an error that no document can be used
        if languages:
            languages.require_known()
    texts, codes = [text[:MAX_CHARACTERS] for text, _ in documents], [code for _, code in documents]
    splitter = DocumentSplitter(config.sentences)
    found = inspect_sentences(texts, splitter, wordpiece, languages=codes, max_tokens=config.max_sentence_tokens)
    for text, sentences in zip(texts, found, strict=True):
        yield from (_of(text, sentence) for sentence in sentences[: max(1, -(-n // 4))])  # of four documents or more


def _of(text: str, found: Sentence) -> SampledSentence:
    return SampledSentence(
        text=text[found.start : found.end], start=found.start, end=found.end, tokens=found.tokens, cuts=found.cuts
    )
