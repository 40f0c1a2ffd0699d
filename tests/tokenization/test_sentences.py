"""Sentences: those of spaCy, paragraph by paragraph, whatever the text."""

from __future__ import annotations

import importlib.util

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nspdata.errors import ConfigError
from nspdata.tokenization.encoders import can_encode_fast
from nspdata.tokenization.sentences import MAX_CHARACTERS, PACKAGES, Splitter, paragraph_spans
from tests.reference import sentences as reference
from tests.tokenization.fuzzing import WHITE_SPACE, texts_of
from tests.tokenization.texts import CORPORA, Corpus

RULES = ["blank_line", "line", "none"]


def split(splitter: Splitter, texts: list[str]) -> list[list[str]]:
    return [[text[start:end] for start, end in spans] for text, spans in zip(texts, splitter.split(texts), strict=True)]


@pytest.mark.parametrize("corpus", CORPORA, ids=str)
def test_sentences_are_those_of_spacy(corpus: Corpus) -> None:
    """On every corpus, with its own language: `spacy.blank` and the sentencizer in each paragraph by itself."""
    texts = corpus.texts(30_000)
    expected = [reference.sentences(text, corpus.language) for text in texts]
    assert split(Splitter(corpus.language), texts) == expected


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=100)
@given(text=texts_of("en"))
def test_sentences_of_hard_texts_are_those_of_spacy(rule: str, text: str) -> None:
    """Any rule for paragraphs, any text."""
    found = split(english(rule), [text, "", text])
    assert found == [reference.sentences(text, "en", rule), [], reference.sentences(text, "en", rule)]


SPLITTERS: dict[str, Splitter] = {}


def english(rule: str) -> Splitter:
    if rule not in SPLITTERS:
        SPLITTERS[rule] = Splitter("en", paragraphs=rule)
    return SPLITTERS[rule]


@pytest.mark.parametrize("rule", RULES)
@given(text=st.lists(st.sampled_from(["a", ".", *WHITE_SPACE]), max_size=30).map("".join))
def test_paragraphs_leave_out_only_white_space(rule: str, text: str) -> None:
    """Paragraphs are in order, apart, hold something, are those of the plain reading, and what is between them is blank."""
    spans = paragraph_spans(text, rule)
    assert [text[start:end] for start, end in spans] == reference.paragraphs(text, rule)
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    assert all(not text[end:start].strip() for end, start in zip(ends, starts, strict=True))


@given(text=st.text(st.sampled_from("ab。 \n\r\t\u00a0"), max_size=80), limit=st.integers(1, 9))
def test_long_paragraphs_are_cut_without_a_loss(text: str, limit: int) -> None:
    """The pieces of a paragraph are those of the plain reading, join to it, and none is longer than the limit."""
    spans = paragraph_spans(text, "blank_line", max_characters=limit)
    assert all(0 < end - start <= limit for start, end in spans)
    parts = [text[start:end] for start, end in spans]
    whole = reference.paragraphs(text, "blank_line")
    assert parts == [piece for paragraph in whole for piece in reference.pieces(paragraph, limit)]
    assert "".join(parts) == "".join(whole)


def test_a_paragraph_over_the_limit_of_spacy_is_split() -> None:
    """Over 1,000,000 characters there is no error E088, and what is cut at a line end is split as two paragraphs are."""
    line = "A sentence of the long one. Another \u00bfisn't it? " * 200 + "\n"
    text = line * (MAX_CHARACTERS // len(line) + 50)
    assert len(text) > MAX_CHARACTERS
    cut = MAX_CHARACTERS // len(line) * len(line)
    expected = [*reference.sentences(text[:cut], "en"), *reference.sentences(text[cut:], "en")]
    assert split(english("blank_line"), [text]) == [expected]


def test_a_long_text_without_white_space_is_cut_hard() -> None:
    """A word of more than a million characters loses none of them."""
    spans = paragraph_spans("x" * (2 * MAX_CHARACTERS + 5), "blank_line")
    assert spans == [
        (0, MAX_CHARACTERS),
        (MAX_CHARACTERS, 2 * MAX_CHARACTERS),
        (2 * MAX_CHARACTERS, 2 * MAX_CHARACTERS + 5),
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_japanese_is_split_by_its_own_tokenizer() -> None:
    """spaCy's tokenizer of Japanese is none of rules and takes no long text: paragraphs are cut before it must refuse them."""
    pytest.importorskip("sudachipy")
    texts = Corpus("languages/ja_jaquad.jsonl.gz").texts(20_000)
    splitter = Splitter("ja")
    assert not can_encode_fast(splitter)
    assert split(splitter, texts) == [reference.sentences(text, "ja") for text in texts]
    long = "これは長い文です。それも長い文です。" * 3000
    (found,) = split(splitter, [long])
    assert "".join(found) == long
    assert len(found) == 6000


def test_a_pipeline_made_anew_splits_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of spaCy is bounded by making the pipeline anew, and that moves no sentence."""
    texts = [f"Word{number} is here. It{number} ends." for number in range(300)]
    expected = [reference.sentences(text, "en") for text in texts]
    monkeypatch.setattr("nspdata.tokenization.sentences.MAX_NEW_WORDS", 50)
    splitter = Splitter("en")
    first = splitter.nlp
    assert split(splitter, texts) == expected
    assert splitter.nlp is not first


@pytest.mark.parametrize("language", [*PACKAGES, "zz"])
def test_a_language_that_cannot_be_had_says_what_to_do(language: str) -> None:
    """An unknown code, and a language whose tokenizer is not installed, are told with the remedy."""
    needed = PACKAGES.get(language, "").replace("sudachidict_core", "").split(" ")[0].replace("natto-py", "natto")
    if needed and importlib.util.find_spec(needed):
        pytest.skip(f"{needed} is installed")
    with pytest.raises(ConfigError, match="pip install" if language in PACKAGES else "no language of spaCy"):
        Splitter(language)
