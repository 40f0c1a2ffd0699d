"""Whether a vocabulary fits: the shares are counted right, and one that does not fit is refused with the remedy."""

from __future__ import annotations

import pytest

from nspdata.errors import ConfigError
from nspdata.tokenization.fit import measure, require
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
from nspdata.tokenization.wordpiece import WordPiece


@pytest.fixture
def small() -> WordPiece:
    return WordPiece(
        Vocabulary((*SPECIAL_TOKENS, "the", "cat", "##s", ".", *"catse", "h")), lowercase=True, strip_accents=True
    )


def test_shares_are_counted(small: WordPiece) -> None:
    """A golden: words, tokens, [UNK], and the characters that no token holds."""
    found = measure(small, ["The cats.", "the dog 汉!", ""])
    assert (found.texts, found.words, found.tokens, found.unknown) == (3, 7, 8, 3)
    assert found.unknown_share == pytest.approx(3 / 8)
    assert found.tokens_a_word == pytest.approx(8 / 7)
    assert dict(found.unwritable) == {"d": 1, "o": 1, "g": 1, "汉": 1, "!": 1}
    assert found.examples["o"] == "dog"


def test_no_text_fits(small: WordPiece) -> None:
    """Nothing is unknown of nothing."""
    assert measure(small, []).unknown_share == 0
    require(measure(small, []), 0.0, tokenizer="small")


def test_a_vocabulary_that_does_not_fit_is_refused(small: WordPiece) -> None:
    """The share, the limit, the characters, and three ways out; one at the limit is taken."""
    found = measure(small, ["the dog \u0307"])
    require(found, found.unknown_share, tokenizer="small")
    with pytest.raises(ConfigError, match=r"(?s)50\.0%.*small.*max_unknown.*5\.0%.*d.*train-tokenizer.*lowercase"):
        require(found, 0.05, tokenizer="small")
