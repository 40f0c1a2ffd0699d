"""Texts to encode: samples of every corpus, with its language, and texts made to be hard."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter
from nspdata.tokenization.wordpiece import WordPiece
from tests.building.corpus import records, write_vocabulary
from tests.shared import documents, shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from nspdata.tokenization.encoded import Encoded

UNCASED, CHINESE = "vocab/bert-base-uncased.vocab.txt", "vocab/bert-base-chinese.vocab.txt"

BUNDLED = ""
"""Name of the corpus that the package carries."""


@dataclass(frozen=True)
class Corpus:
    """A corpus with its spaCy language and vocabulary."""

    name: str
    language: str = "en"
    vocabulary: str = UNCASED
    lang: str = ""

    def __str__(self) -> str:
        return f"{Path(self.name or 'bundled').name.split('.')[0]}-{self.language}"

    def texts(self, characters: int) -> list[str]:
        """Documents from all over the corpus until there are so many characters; a long document gives a piece."""
        found = documents(shared(self.name)) if self.name else records()
        texts = [record["text"] for record in found if self.lang in {"", record.get("lang")}]
        return sample([text for text in texts if text and not has_surrogate(text)], characters)


CORPORA = [
    Corpus(BUNDLED),
    Corpus("english/books_20mb.jsonl.gz"),
    Corpus("english/abstracts_20mb.jsonl.gz"),
    Corpus("english/english_inaugural.jsonl"),
    Corpus("english/fixture_english.jsonl"),
    *(
        Corpus("languages/fixture_multilingual.jsonl", language, CHINESE if language in {"zh", "xx"} else UNCASED, lang)
        for lang, language in [
            *((lang, lang) for lang in ("ar", "hi", "de", "el", "en", "es", "ro", "ru", "tr", "zh", "he")),
            *(("zh-Hans", "zh"), ("ja", "xx"), ("th", "xx"), ("vi", "xx"), ("", "xx")),
        ]
    ),
    Corpus("languages/de_novels_6mb.jsonl.gz", "de"),
    Corpus("languages/ru_novels_6mb.jsonl.gz", "ru"),
    Corpus("languages/he_wlc_pointed.jsonl.gz", "he"),
    Corpus("languages/ja_jaquad.jsonl.gz", "xx", CHINESE),
    Corpus("languages/zh-hans_cmrc2018.jsonl.gz", "zh", CHINESE),
    Corpus("languages/zh-hant_drcd.jsonl.gz", "zh", CHINESE),
    Corpus("languages/zh-hant_drcd.jsonl.gz", "xx", CHINESE),
    Corpus("dirty/blns_docs.jsonl"),
    Corpus("dirty/made_edge_docs.jsonl"),
    Corpus("dirty/made_10mb_no_whitespace.jsonl.gz"),
]


def sample(texts: list[str], characters: int) -> list[str]:
    """Texts, or pieces of the long ones, in a random order until there are so many characters."""
    if sum(map(len, texts)) <= characters:
        return texts
    chosen = random.Random(0)
    chosen.shuffle(texts)
    most, found, size = max(2000, characters // 4), [], 0
    for text in texts:
        start = chosen.randrange(max(1, len(text) - most))
        found.append(text[start : start + most])
        size += len(found[-1])
        if size >= characters:
            break
    return found


def has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


@cache
def wordpiece(vocabulary: str = BUNDLED, lowercase: str = "auto", strip_accents: str = "auto") -> WordPiece:
    """A shared vocabulary, or a small one of the bundled corpus."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = shared(vocabulary) if vocabulary else write_vocabulary(Path(directory) / "vocab.txt")
        return WordPiece.load(path, lowercase=lowercase, strip_accents=strip_accents)


@cache
def encoders(language: str, tokenizer: WordPiece, paragraphs: str = "blank_line") -> tuple[FastEncoder, PlainEncoder]:
    """The fast encoder and the plain one."""
    splitter = Splitter(language, paragraphs=paragraphs)
    return FastEncoder(splitter, tokenizer), PlainEncoder(Splitter(language, paragraphs=paragraphs), tokenizer)


def batches(texts: Sequence[str], characters: int = 200_000) -> list[list[str]]:
    """The texts in runs of about so many characters."""
    found: list[list[str]] = [[]]
    for text in texts:
        if sum(map(len, found[-1])) >= characters:
            found.append([])
        found[-1].append(text)
    return found


def decoded(encoded: Encoded) -> list[list[list[int]]]:
    """Documents as lists of sentences as lists of ids."""
    sentences = [part.tolist() for part in split(encoded.ids, encoded.sentence_offsets)]
    places = encoded.document_offsets.tolist()
    return [sentences[begin:end] for begin, end in itertools.pairwise(places)]


def split(values: np.ndarray, offsets: np.ndarray) -> list[np.ndarray]:
    """The runs of a flat array."""
    places = offsets.tolist()
    return [values[begin:end] for begin, end in itertools.pairwise(places)]


def assert_same(fast: FastEncoder, plain: PlainEncoder, texts: Sequence[str]) -> None:
    """Holds both to the same ids, sentences and documents; says which text differs."""
    expected = plain.encode(texts)
    for _ in range(2):  # the second time everything is remembered
        found = fast.encode(texts)
        assert found.ids.dtype == expected.ids.dtype
        if decoded(found) == decoded(expected):
            assert (found.sentence_offsets == expected.sentence_offsets).all()
            assert (found.document_offsets == expected.document_offsets).all()
            continue
        for text, one, other in zip(texts, decoded(found), decoded(expected), strict=True):
            assert (ascii(text[:500]), one) == (ascii(text[:500]), other)
