"""A vocabulary: read, written, and what is in it."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest

from nspdata.errors import ConfigError
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

TOKENS = ("[PAD]", "a", "##b", "[UNK]", "##", "[CLS]", "[SEP]", "[MASK]", "\u2028", "é", "#", "###")


def test_a_vocabulary_is_written_and_read(tmp_path: Path) -> None:
    """One token a line and nothing else: a token may hold what other readers take for a line end."""
    vocabulary = Vocabulary(TOKENS)
    (tmp_path / "vocab.txt").write_text(vocabulary.text, encoding="utf-8")
    assert Vocabulary.read(tmp_path / "vocab.txt") == vocabulary
    assert Vocabulary.parse(vocabulary.text.removesuffix("\n")) == vocabulary
    assert Vocabulary.parse(vocabulary.text.replace("\n", "\r\n")) == vocabulary


def test_ids_are_the_numbers_of_lines() -> None:
    """The special tokens at any position, and the tokens that continue a word (`##` alone is a word)."""
    vocabulary = Vocabulary(TOKENS)
    assert vocabulary.special_ids == {"[PAD]": 0, "[UNK]": 3, "[CLS]": 5, "[SEP]": 6, "[MASK]": 7}
    assert np.flatnonzero(vocabulary.specials).tolist() == [0, 3, 5, 6, 7]
    assert np.flatnonzero(vocabulary.continuations).tolist() == [2, 11]


def test_the_dtype_is_the_smallest() -> None:
    """Two bytes up to 65,536 entries, four over that."""
    words = tuple(f"w{number}" for number in range(65_531))
    assert Vocabulary((*SPECIAL_TOKENS, *words)).dtype == np.uint16
    assert Vocabulary((*SPECIAL_TOKENS, *words, "more")).dtype == np.uint32


@pytest.mark.parametrize(
    "missing", [set(some) for count in (1, 2) for some in itertools.combinations(SPECIAL_TOKENS, count)]
)
def test_a_special_token_that_is_absent_is_reported(missing: set[str]) -> None:
    """Missing special tokens are an error that names each of them and a remedy."""
    with pytest.raises(ConfigError, match="train-tokenizer") as raised:
        Vocabulary((*(token for token in SPECIAL_TOKENS if token not in missing), "a"))
    assert all(token in str(raised.value) for token in missing)


def test_a_token_that_is_there_twice_is_reported() -> None:
    """A duplicate token is an error."""
    with pytest.raises(ConfigError, match="'a' twice"):
        Vocabulary((*SPECIAL_TOKENS, "a", "b", "a"))


def test_the_sha256_is_that_of_the_file() -> None:
    """The vocabulary's sha256 is that of vocab.txt: one token per line, each with a line end."""
    import hashlib

    assert Vocabulary(TOKENS).sha256 == hashlib.sha256("".join(f"{token}\n" for token in TOKENS).encode()).hexdigest()


def test_tables_are_computed_once_and_not_pickled() -> None:
    """Each shard of a build asks for them; a plan that is sent to workers holds the tokens only."""
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "a", "##b"))
    before = pickle.dumps(vocabulary)
    for name in ("continuations", "specials", "special_ids", "sha256"):
        assert getattr(vocabulary, name) is getattr(vocabulary, name)
    assert pickle.dumps(vocabulary) == before
    assert pickle.loads(before) == vocabulary
    assert pickle.loads(before) is pickle.loads(before)
