"""Ids: those of Hugging Face, sentence by sentence; and every encoder gives the same."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nspdata.config.build import SentencesConfig
from nspdata.tokenization.encoders import can_encode_fast, make_encoder
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.paragraphs import MAX_CHARACTERS
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
from nspdata.tokenization.wordpiece import WordPiece
from tests.reference import sentences as reference
from tests.shared import SHARED
from tests.tokenization.fuzzing import hard_texts, texts_of
from tests.tokenization.texts import (
    BUNDLED,
    CHINESE,
    CORPORA,
    UNCASED,
    Corpus,
    assert_same,
    batches,
    decoded,
    encoders,
    wordpiece,
)

LANGUAGES = ["en", "de", "ru", "fr", "he", "ar", "hi", "tr", "zh", "xx"]

SETTINGS = [("auto", "auto"), ("no", "no"), ("yes", "no"), ("no", "yes")]


def any_vocabulary(language: str = "en") -> str:
    """Google's vocabulary for a language where the shared texts are there, else the small one."""
    name = CHINESE if language in {"zh", "xx"} else UNCASED
    return name if (SHARED / name).exists() else BUNDLED


@pytest.mark.parametrize("corpus", CORPORA, ids=str)
def test_plain_ids_are_those_of_transformers(corpus: Corpus, tmp_path: Path) -> None:
    """What `AutoTokenizer` makes of each sentence of spaCy; a sentence without a token is not counted."""
    AutoTokenizer = pytest.importorskip("transformers").AutoTokenizer  # noqa: N806 - a class

    tokenizer = wordpiece(corpus.vocabulary if corpus.name else BUNDLED)
    tokenizer.save(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    texts = corpus.texts(20_000)
    found = decoded(PlainEncoder(Splitter(corpus.language), tokenizer).encode(texts))
    for text, ids in zip(texts, found, strict=True):
        sentences = reference.sentences(text, corpus.language)
        expected = theirs(sentences, add_special_tokens=False)["input_ids"] if sentences else []
        assert ids == [part for part in expected if part]


@pytest.mark.parametrize("corpus", CORPORA, ids=str)
def test_the_fast_encoder_gives_what_the_plain_one_gives(corpus: Corpus) -> None:
    """On a sample of every corpus, fast and plain encoder give the same ids, sentence ends and document ends."""
    fast, plain = encoders(corpus.language, wordpiece(corpus.vocabulary if corpus.name else BUNDLED))
    for texts in batches(corpus.texts(120_000)):
        assert_same(fast, plain, texts)


@pytest.mark.slow
@pytest.mark.parametrize("corpus", [*CORPORA, Corpus("english/books_100mb.jsonl.gz")], ids=str)
def test_the_fast_encoder_gives_what_the_plain_one_gives_everywhere(corpus: Corpus) -> None:
    """Fast and plain encoder agree on every text of every corpus."""
    fast, plain = encoders(corpus.language, wordpiece(corpus.vocabulary if corpus.name else BUNDLED))
    for texts in batches(corpus.texts(1 << 60), 1_000_000):
        assert_same(fast, plain, texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hard_texts_encode_alike(language: str) -> None:
    """Fast and plain encoder agree on real chunks joined to random characters."""
    fast, plain = encoders(language, wordpiece(any_vocabulary(language)))
    for texts in batches(hard_texts(language, 30_000, seed=0), 15_000):
        assert_same(fast, plain, texts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("language", LANGUAGES)
def test_many_hard_texts_encode_alike(language: str, seed: int) -> None:
    """As `test_hard_texts_encode_alike`, with twenty times as many texts."""
    fast, plain = encoders(language, wordpiece(any_vocabulary(language)))
    for texts in batches(hard_texts(language, 1_000_000, seed=seed + 1)):
        assert_same(fast, plain, texts)


@pytest.mark.slow
def test_every_language_of_spacy_encodes_alike() -> None:
    """Whatever language's rules: exact, or known to be none of the fast encoder's."""
    import spacy.lang

    tokenizer = wordpiece(any_vocabulary("xx"))
    directory = Path(spacy.lang.__file__ or "").parent
    languages = sorted(path.name for path in directory.iterdir() if (path / "__init__.py").exists())
    checked = 0
    for language in languages:
        try:
            splitter = Splitter(language)
        except Exception:  # noqa: BLE001 - its tokenizer is not installed
            continue
        if not can_encode_fast(splitter):
            continue
        assert_same(
            FastEncoder(splitter, tokenizer), PlainEncoder(splitter, tokenizer), hard_texts(language, 60_000, seed=0)
        )
        checked += 1
    assert checked > 50


@pytest.mark.parametrize("language", ["en", "zh"])
@settings(max_examples=200)
@given(data=st.data())
def test_any_texts_encode_alike(language: str, data: st.DataObject) -> None:
    """Fast and plain encoder agree on random texts of hypothesis, several at a time."""
    fast, plain = encoders(language, wordpiece(any_vocabulary(language)))
    assert_same(fast, plain, data.draw(st.lists(texts_of(language), max_size=3)))


@pytest.mark.parametrize("paragraphs", ["line", "none"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_rule_for_paragraphs_encodes_alike(language: str, paragraphs: str) -> None:
    """Fast and plain encoder agree for every paragraph rule."""
    fast, plain = encoders(language, wordpiece(any_vocabulary(language)), paragraphs)
    assert_same(fast, plain, hard_texts(language, 40_000, seed=7))


@pytest.mark.parametrize(("lowercase", "strip_accents"), SETTINGS)
def test_every_casing_encodes_alike(lowercase: str, strip_accents: str) -> None:
    """Fast and plain encoder agree with and without lowercasing and accents."""
    tokenizer = wordpiece(any_vocabulary("xx"), lowercase, strip_accents)
    fast, plain = encoders("en", tokenizer)
    assert_same(fast, plain, hard_texts("en", 40_000, seed=11))


def test_every_character_encodes_alike() -> None:
    """Each of Unicode's characters: alone, inside a word, at a word's end, after the end of a sentence."""
    fast, plain = encoders("en", wordpiece(any_vocabulary("xx")))
    characters = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    assigned = [character for character in characters if character.isprintable() or ord(character) < 0x3000]
    sampled = assigned[:0x1800] + assigned[0x1800::40]
    texts = [
        " ".join(f"a{character}b b{character} {character}. {character}B" for character in sampled[start : start + 200])
        for start in range(0, len(sampled), 200)
    ]
    assert_same(fast, plain, texts)


def test_marks_that_change_places_encode_alike() -> None:
    """Canonical order moves marks that are not taken off, and a vocabulary that holds them shows it."""
    codes = range(0x110000)
    marks = [
        chr(code) for code in codes if unicodedata.combining(chr(code)) and unicodedata.category(chr(code)) != "Mn"
    ]
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "a", "##a", *marks, *(f"##{mark}" for mark in marks)))
    tokenizer = WordPiece(vocabulary, lowercase=True, strip_accents=True)
    fast, plain = encoders("en", tokenizer)
    pairs = [f"a{one}\u0300{other}a. {other}{one}" for one in marks for other in marks]
    assert len({unicodedata.combining(mark) for mark in marks}) > 1
    assert_same(fast, plain, pairs)
    assert len(set(fast.encode(pairs).ids.tolist())) > len(marks)


def test_a_text_over_the_limit_of_spacy_encodes_alike() -> None:
    """One paragraph of over 1,000,000 characters among short texts: cut at the same places."""
    fast, plain = encoders("en", wordpiece(any_vocabulary()))
    line = "It " + "goes-on-and-on-" * 60 + "end. Does it? It does! "
    long = (line + "\n") * (MAX_CHARACTERS // len(line) + 20)
    assert len(long) > MAX_CHARACTERS
    assert_same(fast, plain, ["Short one. Two.", long, "Short. Last."])


@pytest.mark.parametrize("paragraphs", ["blank_line", "line", "none"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_texts_over_the_limit_encode_alike(language: str, paragraphs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit of 300 characters: paragraphs cut in pieces, runs of short paragraphs, white space only, all by the fast encoder."""
    monkeypatch.setattr("nspdata.tokenization.fast.encoder.BATCH_CHARACTERS", 1000)
    fast, plain = encoders(language, wordpiece(any_vocabulary(language)), paragraphs)
    fast, plain = FastEncoder(fast.splitter, fast.plain.wordpiece), PlainEncoder(fast.splitter, fast.plain.wordpiece)
    monkeypatch.setattr(fast.splitter, "max_characters", 300)
    texts = hard_texts(language, 30_000, seed=13)
    joined = ["".join(texts[start : start + 9]) for start in range(0, len(texts), 9)]
    assert max(map(len, joined)) > 3000
    words = ["word. " * 100 + "\r\n" + "a" * 700 + " b.\r\n\r\nNext. One.", " \n" * 400, "Short. Last."]
    assert_same(fast, plain, [*words, *joined, *words])


def test_a_long_paragraph_stays_with_the_fast_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long paragraph does not fall back to the plain encoder."""
    fast, _ = encoders("en", wordpiece(any_vocabulary()))
    monkeypatch.setattr(fast.plain, "encode", None)
    assert (
        len(fast.encode(["One word. Two. " * (MAX_CHARACTERS // 10)]).sentence_offsets)
        == 2 * (MAX_CHARACTERS // 10) + 1
    )


@given(
    documents=st.lists(
        st.lists(st.one_of(texts_of("en"), st.just(""), st.just("[SEP] a.b. C")), max_size=4), max_size=4
    )
)
@settings(max_examples=100)
def test_given_sentences_are_taken_as_they_stand(documents: list[list[str]]) -> None:
    """Where the input gives sentences, nothing splits or joins them; each that holds a token is one."""
    tokenizer = wordpiece(any_vocabulary())
    fast, plain = encoders("en", tokenizer)
    texts = ["\n".join(sentences) for sentences in documents]
    expected = [
        [found for sentence in sentences if (found := tokenizer.backend.encode(sentence, add_special_tokens=False).ids)]
        for sentences in documents
    ]
    assert decoded(plain.encode(texts, documents)) == expected
    assert decoded(fast.encode(texts, documents)) == expected


def test_no_texts_encode_to_nothing() -> None:
    """An empty batch and a batch of texts without tokens give no ids."""
    for encoder in encoders("en", wordpiece(any_vocabulary())):
        assert decoded(encoder.encode([])) == []
        assert decoded(encoder.encode(["", " \u00a0\n", "\u200b", "\x7f"])) == [[], [], [], []]


def test_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the cache of chunks is full it is emptied, and the results stay the same."""
    monkeypatch.setattr("nspdata.tokenization.fast.boundaries.MOST_ENTRIES", 500)
    tokenizer = wordpiece(any_vocabulary())
    fast, plain = FastEncoder(Splitter("en"), tokenizer), PlainEncoder(Splitter("en"), tokenizer)
    texts = hard_texts("en", 60_000, seed=3)
    for part in batches(texts, 6_000):
        assert_same(fast, plain, part)


def test_other_marks_end_sentences_where_the_pipeline_says_so(tmp_path: Path) -> None:
    """The fast encoder uses the end marks of a custom sentencizer."""
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer", config={"punct_chars": ["|"]})
    nlp.to_disk(tmp_path / "bars")
    found = decoded(
        make_encoder(wordpiece(BUNDLED), SentencesConfig(model=str(tmp_path / "bars"))).encode(["The | of! and"])
    )
    assert [len(sentence) for sentence in found[0]] == [2, 3]


def test_a_trained_splitter_is_run_the_plain_way(tmp_path: Path) -> None:
    """A pipeline that learnt where sentences begin is used as it is, by the plain encoder."""
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("en")
    nlp.add_pipe("senter")
    nlp.add_pipe("sentencizer")
    example = Example.from_dict(nlp.make_doc("One. Two."), {"sent_starts": [1, 0, 1, 0]})
    nlp.initialize(lambda: [example])
    nlp.to_disk(tmp_path / "learnt")
    splitter = Splitter(model=str(tmp_path / "learnt"))
    assert splitter.nlp.pipe_names == ["senter", "sentencizer"]
    assert not can_encode_fast(splitter)
    encoder = make_encoder(wordpiece(BUNDLED), SentencesConfig(model=str(tmp_path / "learnt")))
    assert isinstance(encoder, PlainEncoder)
    assert sum(map(len, decoded(encoder.encode(["The people. Of them."]))[0])) == 6


UNCOMPILED = """
import sys
from nspdata.arrays.compiled import is_compiled
from nspdata.config.build import SentencesConfig
from nspdata.tokenization.encoders import make_encoder
from nspdata.tokenization.plain import PlainEncoder
from tests.tokenization.fuzzing import hard_texts
from tests.tokenization.test_encoders import any_vocabulary
from tests.tokenization.texts import assert_same, encoders, wordpiece
assert not is_compiled()
for language in ("en", "zh"):
    tokenizer = wordpiece(any_vocabulary(language))
    fast, plain = encoders(language, tokenizer)
    assert_same(fast, plain, hard_texts(language, 10_000, seed=5))
    assert isinstance(make_encoder(tokenizer, SentencesConfig(language=language)), PlainEncoder)
"""


@pytest.mark.slow
def test_without_numba_the_fast_encoder_gives_the_same() -> None:
    """The loops give the same where they are not compiled; there the plain way is taken, for it is faster."""
    done = subprocess.run(
        [sys.executable, "-c", UNCOMPILED], capture_output=True, text=True, check=False, env=without_numba()
    )
    assert done.returncode == 0, done.stderr[-3000:]


def without_numba() -> dict[str, str]:
    import os

    return {**os.environ, "NSPDATA_NUMBA": "0", "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.mark.slow
def test_ids_of_a_large_vocabulary_are_wider() -> None:
    """With more than 65,536 entries the ids are uint32 and equal."""
    small = wordpiece(BUNDLED)
    words = (f"filler{number}" for number in range(70_000))
    large = WordPiece(Vocabulary((*small.vocabulary.tokens, *words)), lowercase=True, strip_accents=True)
    texts = ["Fellow citizens. filler69999 of the Senate."]
    encoded = FastEncoder(Splitter("en"), large).encode(texts)
    assert encoded.ids.dtype == "uint32"
    assert int(encoded.ids.max()) > 1 << 16
    assert_same(FastEncoder(Splitter("en"), large), PlainEncoder(Splitter("en"), large), texts)
