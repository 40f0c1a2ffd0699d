"""The sentences are those of the rules written slowly, in every language, and the fast encoder's ids are the ids of those sentences."""

from __future__ import annotations

import random
import sys
import unicodedata
from pathlib import Path

import pytest

from nspdata.tokenization.encoders import can_encode_fast
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter
from tests.reference import sentences as reference
from tests.tokenization.fuzzing import hard_texts
from tests.tokenization.test_encoders import any_vocabulary
from tests.tokenization.texts import CORPORA, Corpus, wordpiece

LANGUAGES = ["en", "de", "fr", "el", "hy", "ar", "he", "hi", "zh", "xx"]


def check(language: str, texts: list[str]) -> None:
    """Holds a splitter, and the fast encoder where it applies, to the slow rules."""
    splitter = Splitter(language)
    expected = [[sentence.strip() for sentence in reference.sentences(text, language)] for text in texts]
    found = [
        [text[start:end] for start, end in spans] for text, spans in zip(texts, splitter.split(texts), strict=True)
    ]
    for text, ours, slow in zip(texts, found, expected, strict=True):
        assert ours == slow, (language, text)
    if can_encode_fast(splitter):
        tokenizer = wordpiece(any_vocabulary("xx"))
        fast = FastEncoder(splitter, tokenizer).encode(texts)
        plain = PlainEncoder(splitter, tokenizer).encode(texts, expected)
        assert fast.ids.tolist() == plain.ids.tolist()
        assert fast.sentence_offsets.tolist() == plain.sentence_offsets.tolist()
        assert fast.document_offsets.tolist() == plain.document_offsets.tolist()


def unassigned_texts(seed: int, count: int) -> list[str]:
    """Sentences with code points that Unicode has not assigned, private ones and noncharacters, next to marks and quotes."""
    source = random.Random(seed)
    codes = [code for code in range(0x80, sys.maxunicode) if unicodedata.category(chr(code)) in {"Cn", "Co"}]
    parts = [
        "One",
        "two",
        ".",
        "!",
        "\u2026",
        "\u3002",
        '"',
        "\u201c",
        "\u00bb",
        "(",
        ")",
        "-",
        "\u2014",
        " ",
        " ",
        "\n",
    ]
    return [
        "".join(source.choice(parts) if source.random() < 0.7 else chr(source.choice(codes)) for _ in range(60))
        for _ in range(count)
    ]


@pytest.mark.parametrize("corpus", CORPORA, ids=str)
def test_every_corpus(corpus: Corpus) -> None:
    """The encoder equals the reference on real texts of every corpus."""
    check(corpus.language, corpus.texts(10_000))


@pytest.mark.parametrize("language", LANGUAGES)
def test_hard_texts(language: str) -> None:
    """The encoder equals the reference on real chunks joined to random and unassigned characters."""
    check(language, [*hard_texts(language, 4_000, seed=7), *unassigned_texts(7, 20)])


@pytest.mark.slow
def test_every_language_of_spacy() -> None:
    """All languages whose packages are installed, those that the fast encoder does not know included."""
    import spacy.lang

    directory = Path(spacy.lang.__file__ or "").parent
    checked = []
    for path in sorted(directory.iterdir()):
        if not (path / "__init__.py").exists():
            continue
        try:
            Splitter(path.name)
        except Exception:  # noqa: BLE001 - its tokenizer is not installed
            continue
        check(path.name, [*hard_texts(path.name, 60_000, seed=11), *unassigned_texts(11, 300)])
        checked.append(path.name)
    assert len(checked) > 70
