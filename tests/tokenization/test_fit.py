"""Whether a vocabulary fits: the shares are counted right, and one that does not fit is refused with the remedy."""

from __future__ import annotations

import pytest

from nspdata.errors import ConfigError
from nspdata.tokenization.fit import measure_fit, problems, require
from nspdata.tokenization.training import train
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
from nspdata.tokenization.wordpiece import WordPiece
from tests.shared import documents, shared


@pytest.fixture
def small() -> WordPiece:
    return WordPiece(
        Vocabulary((*SPECIAL_TOKENS, "the", "cat", "##s", ".", *"catse", "h")), lowercase=True, strip_accents=True
    )


def test_shares_are_counted(small: WordPiece) -> None:
    """A golden: words, tokens, [UNK], and the characters that no token holds."""
    found = measure_fit(small, ["The cats.", "the dog 汉!", ""])
    assert (found.texts, found.words, found.tokens, found.unknown) == (3, 7, 8, 3)
    assert found.unknown_share == pytest.approx(3 / 8)
    assert (found.letter_words, found.letter_tokens) == (3, 4)
    assert found.tokens_per_word == pytest.approx(4 / 3)
    assert dict(found.unwritable) == {"d": 1, "o": 1, "g": 1, "汉": 1, "!": 1}
    assert found.examples["o"] == "dog"


def test_no_text_fits(small: WordPiece) -> None:
    """Empty texts have no unknown tokens."""
    assert measure_fit(small, []).unknown_share == 0
    require(measure_fit(small, []), 0.0, tokenizer="small")


def test_a_vocabulary_that_does_not_fit_is_refused(small: WordPiece) -> None:
    """The share, the limit, the characters, and three ways out; one at the limit is taken."""
    found = measure_fit(small, ["the dog \u0307"])
    require(found, found.unknown_share, tokenizer="small")
    with pytest.raises(ConfigError, match=r"(?s)50\.0%.*small.*max_unknown.*5\.0%.*d.*train-tokenizer.*lowercase"):
        require(found, 0.05, tokenizer="small")


MULTILINGUAL = "languages/fixture_multilingual.jsonl"

DOES_NOT_FIT = {
    "hi": {"stripped_share", "tokens_per_word"},
    "vi": {"stripped_share"},
    "he": {"tokens_per_word"},
    "ru": {"tokens_per_word"},
    "ar": {"tokens_per_word"},
    "tr": {"tokens_per_word", "stripped_share"},
    "ja": {"unknown_share", "stripped_share"},
    "zh": {"unknown_share"},
    "en": set(),
}


@pytest.mark.parametrize("language", DOES_NOT_FIT)
def test_googles_english_vocabulary_fits_english_alone(language: str) -> None:
    """Letters deleted, tokens per word or [UNK] say that it is not the vocabulary of the language."""
    tokenizer = WordPiece.load(shared("vocab/bert-base-uncased.vocab.txt"))
    texts = [record["text"] for record in documents(shared(MULTILINGUAL)) if record["lang"] == language]
    found = problems(measure_fit(tokenizer, texts), max_unknown=0.05, tokenizer="google")
    assert {problem.key for problem in found} == DOES_NOT_FIT[language]
    assert all(problem.value > problem.limit for problem in found)


def test_the_share_of_letters_that_stripping_changes_is_that_of_hindi() -> None:
    """A golden: 19.5% of the letters and marks of the Hindi texts."""
    tokenizer = WordPiece.load(shared("vocab/bert-base-uncased.vocab.txt"))
    texts = [record["text"] for record in documents(shared(MULTILINGUAL)) if record["lang"] == "hi"]
    fitness = measure_fit(tokenizer, texts)
    assert fitness.stripped_share == pytest.approx(0.195, abs=0.001)
    kept = WordPiece.load(shared("vocab/bert-base-uncased.vocab.txt"), strip_accents="no")
    assert measure_fit(kept, texts).stripped_share == 0
    assert not [
        p for p in problems(fitness, max_unknown=1, tokenizer="x", strip_accents="yes") if p.key == "stripped_share"
    ]


def test_a_hebrew_vocabulary_with_latin_letters_does_not_fit_english() -> None:
    """No [UNK], and almost three tokens per word: not its language."""
    hebrew = [record["text"] for record in documents(shared("languages/he_wlc_pointed.jsonl.gz"))][:300]
    alphabet = " ".join("abcdefghijklmnopqrstuvwxyz0123456789.,;:'\"()-!?$%/&#*@[]")
    words = " ".join(f"x{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789")
    tokenizer = train(lambda: iter([*hebrew, alphabet, words]), vocab_size=8000, strip_accents=True)
    own, other = measure_fit(tokenizer, hebrew), measure_fit(tokenizer, english())
    assert not problems(own, max_unknown=0.05, tokenizer="he", strip_accents="yes")
    assert other.tokens_per_word > 2.9
    assert [problem.key for problem in problems(other, max_unknown=0.05, tokenizer="he")] == ["tokens_per_word"]


def english() -> list[str]:
    return [record["text"][:20_000] for record in documents(shared("english/english_inaugural.jsonl"))][:20]
