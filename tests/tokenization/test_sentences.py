"""Sentences: those of spaCy, paragraph by paragraph, whatever the text."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nspdata.config.build import SentencesConfig
from nspdata.errors import ConfigError
from nspdata.tokenization.encoders import can_encode_fast, make_splitter
from nspdata.tokenization.paragraphs import MAX_CHARACTERS, paragraph_spans
from nspdata.tokenization.sentences import PACKAGES, Splitter
from tests.reference import sentences as reference
from tests.tokenization.fuzzing import WHITE_SPACE, texts_of
from tests.tokenization.texts import CORPORA, Corpus

RULES = ["blank_line", "line", "none"]


def split(splitter: Splitter, texts: list[str]) -> list[list[str]]:
    return [[text[start:end] for start, end in spans] for text, spans in zip(texts, splitter.split(texts), strict=True)]


AS_SPACY = {"opening_marks": "as_spacy", "end_marks": "as_spacy"}


@pytest.mark.parametrize("corpus", CORPORA, ids=str)
def test_sentences_are_those_of_spacy(corpus: Corpus) -> None:
    """Without corrections, on every corpus: `spacy.blank` and the sentencizer in each paragraph by itself."""
    texts = corpus.texts(30_000)
    expected = [reference.spacy_sentences(text, corpus.language) for text in texts]
    assert split(Splitter(corpus.language, **AS_SPACY), texts) == expected


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=100)
@given(text=texts_of("en"))
def test_sentences_of_hard_texts_are_those_of_spacy(rule: str, text: str) -> None:
    """Without corrections, sentences equal spaCy's for any text and paragraph rule."""
    expected = reference.spacy_sentences(text, "en", rule)
    assert split(english(rule), [text, "", text]) == [expected, [], expected]


@pytest.mark.parametrize("language", ["en", "de", "hy", "zh", "xx"])
@settings(max_examples=100)
@given(data=st.data())
def test_corrected_sentences_cover_the_text(language: str, data: st.DataObject) -> None:
    """In order, apart, none empty; what is between them is white space; none begins with white space but the first of a paragraph."""
    text = data.draw(texts_of(language))
    (spans,) = english("blank_line", language).split([text])
    ends, starts = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
    assert all(start < end for start, end in spans)
    assert all(not text[end:start].strip() for end, start in zip(ends, starts, strict=True))


SPLITTERS: dict[tuple[str, str], Splitter] = {}


def english(rule: str, language: str = "") -> Splitter:
    """English as spaCy splits it, or another language with the corrections."""
    if (rule, language) not in SPLITTERS:
        SPLITTERS[rule, language] = Splitter(language or "en", paragraphs=rule, **({} if language else AS_SPACY))
    return SPLITTERS[rule, language]


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
    expected = [*reference.spacy_sentences(text[:cut], "en"), *reference.spacy_sentences(text[cut:], "en")]
    assert split(english("blank_line"), [text]) == [expected]


def test_a_long_text_without_white_space_is_cut_hard() -> None:
    """A word of more than a million characters is split without losing any."""
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
    splitter = Splitter("ja", **AS_SPACY)
    assert not can_encode_fast(splitter)
    assert split(splitter, texts) == [reference.spacy_sentences(text, "ja") for text in texts]
    long = "これは長い文です。それも長い文です。" * 3000
    (found,) = split(splitter, [long])
    assert "".join(found) == long
    assert len(found) == 6000


def test_a_pipeline_made_anew_splits_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of spaCy is bounded by creating the pipeline again, which moves no sentence."""
    texts = [f"Word{number} is here. It{number} ends." for number in range(300)]
    expected = [reference.spacy_sentences(text, "en") for text in texts]
    monkeypatch.setattr("nspdata.tokenization.sentences.MAX_NEW_WORDS", 50)
    splitter = Splitter("en", **AS_SPACY)
    first = splitter.nlp
    assert split(splitter, texts) == expected
    assert splitter.nlp is not first


@pytest.mark.parametrize("language", [*PACKAGES, "zz"])
def test_a_language_that_cannot_be_had_says_what_to_do(language: str) -> None:
    """An unknown code, and a language whose tokenizer is not installed, are reported with the remedy."""
    needed = PACKAGES.get(language, "").replace("sudachidict_core", "").split(" ")[0].replace("natto-py", "natto")
    if needed and importlib.util.find_spec(needed):
        pytest.skip(f"{needed} is installed")
    with pytest.raises(ConfigError, match="pip install" if language in PACKAGES else "is not a language of spaCy"):
        Splitter(language)


JOIN = """
from spacy.language import Language

@Language.component("join_quotes")
def join_quotes(doc):
    for index in range(1, len(doc)):
        if doc[index].is_sent_start and doc[index - 1].text in "\\"([":
            doc[index].is_sent_start, doc[index - 1].is_sent_start = False, True
    return doc
"""


def test_a_named_pipeline_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A component after the splitter that moves sentence starts stays on; spaCy's own without an effect are switched off."""
    import spacy

    scope: dict[str, object] = {}
    exec(JOIN, scope)
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "TERM", "pattern": "Modes"}])
    nlp.to_disk(tmp_path / "stock")
    nlp.add_pipe("join_quotes")
    nlp.to_disk(tmp_path / "own")
    text = 'Press the key now. "Modes" differ from menus. 2004. he left.'
    found = Splitter(model=str(tmp_path / "own"))
    assert found.nlp.pipe_names == ["sentencizer", "entity_ruler", "join_quotes"]
    assert split(found, [text]) == [[sentence.text for sentence in nlp(text).sents]]
    assert split(found, [text])[0][1] == '"Modes" differ from menus.'
    assert Splitter(model=str(tmp_path / "stock")).nlp.pipe_names == ["sentencizer"]


def test_a_pipeline_that_sets_no_sentences_is_refused(tmp_path: Path) -> None:
    """A pipeline without a sentence splitter is refused; the error lists its components."""
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.disable_pipe("sentencizer")
    nlp.to_disk(tmp_path / "off")
    with pytest.raises(ConfigError, match=r"sets no sentences.*disabled: sentencizer"):
        Splitter(model=str(tmp_path / "off"))


def test_sentencex_splits_each_paragraph() -> None:
    """sentencex's segments become spans; no sentence crosses a blank line."""
    sentencex = pytest.importorskip("sentencex")
    text = "Mr. Hale left (in 2004). He said: “Go. Now!” Then it rained\n\non everyone. 😀 Yes."
    splitter = make_splitter(SentencesConfig(splitter="sentencex"))
    (spans,) = splitter.split([text])
    head, _, tail = text.partition("\n\n")
    expected = [segment.strip() for part in (head, tail) for segment in sentencex.segment("en", part)]
    assert [text[start:end].strip() for start, end in spans] == expected
    assert len(expected) > 3


def test_an_absent_sentencex_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """If sentencex is missing, the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "sentencex", None)
    with pytest.raises(ConfigError, match=r"nspdata\[sentencex\]"):
        make_splitter(SentencesConfig(splitter="sentencex"))
