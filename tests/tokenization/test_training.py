"""Training a vocabulary: the same from the same texts, in the same order of entries, and one that transformers can load."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from nspdata.arrays.compiled import interpreted
from nspdata.building.train_tokenizer import train_from_inputs
from nspdata.config.build import Config, TokenizerConfig
from nspdata.errors import ConfigError, InputError
from nspdata.files.local import LocalFiles
from nspdata.tokenization.fast.words import Words
from nspdata.tokenization.training import train
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS
from nspdata.tokenization.wordpiece import WordPiece
from tests.building.corpus import records
from tests.shared import documents, shared
from tests.tokenization.fuzzing import hard_texts

TEXTS = [record["text"] for record in records()[:20]]

ACCENTS = ["Élan vital, naïve café; Ångström. Ñandú über Öl!"] * 20


def trained(texts: list[str], **settings: object) -> WordPiece:
    return train(partial(iter, texts), **{"vocab_size": 600, **settings})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def english() -> WordPiece:
    return trained(TEXTS, vocab_size=1000)


def test_the_special_tokens_come_first(english: WordPiece) -> None:
    """The special tokens come first ([PAD] is 0), the size is as requested, and no entry is duplicated."""
    assert english.vocabulary.tokens[:5] == SPECIAL_TOKENS
    assert len(english.vocabulary) == len(set(english.vocabulary.tokens)) == 1000


@pytest.mark.parametrize(("lowercase", "strip"), [(True, True), (True, False), (False, False)])
@pytest.mark.parametrize("language", ["en", "ru", "hi", "zh"])
def test_the_fast_words_are_those_of_bert(language: str, *, lowercase: bool, strip: bool) -> None:
    """Of hard texts, in any order: the normalizer and the pre-tokenizer of `tokenizers` give the same words."""
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    texts = [*hard_texts(language, 20_000, seed=31), "a\u0301\u0323b \u0323\u0301", ""]
    expected = Counter(
        word
        for text in texts
        for word, _ in backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(text))
    )
    words = Words(backend)
    assert Counter(" ".join(words.normalized(texts)).split(" ")) - Counter({"": 1 << 30}) == expected
    characters, parts = words.alphabet()
    assert set(characters) == set("".join(expected))
    assert parts == {character for word in expected for character in word[1:]}


@pytest.mark.parametrize(
    "texts", [TEXTS, ACCENTS, hard_texts("xx", 30_000, seed=37)], ids=["english", "accents", "any"]
)
def test_fast_words_give_the_vocabulary_of_the_plain_ones(texts: list[str]) -> None:
    """Without the compiled loops the trainer normalizes the texts itself."""
    fast = trained(texts, vocab_size=3000)
    with interpreted():
        assert trained(texts, vocab_size=3000).vocabulary == fast.vocabulary


TWICE = """
import hashlib
from tests.tokenization.test_training import TEXTS, trained
print(hashlib.sha256(trained(TEXTS, vocab_size=1000).vocabulary.text.encode()).hexdigest())
"""


@pytest.mark.slow
def test_two_runs_give_the_same_vocabulary(english: WordPiece) -> None:
    """Also in another process: the tables of the trainer have random seeds, and ties are broken all the same."""
    root = Path(__file__).parents[2]
    done = [
        subprocess.run(
            [sys.executable, "-c", TWICE], capture_output=True, text=True, check=True, cwd=root
        ).stdout.strip()
        for _ in range(2)
    ]
    assert done == [hashlib.sha256(english.vocabulary.text.encode()).hexdigest()] * 2


def test_the_order_of_texts_makes_no_difference(english: WordPiece) -> None:
    """The vocabulary does not depend on the order of the texts."""
    assert trained(TEXTS[::-1], vocab_size=1000).vocabulary == english.vocabulary


def test_nothing_of_the_training_texts_is_unknown(english: WordPiece) -> None:
    """Every character of the texts is in the alphabet, at the beginning of a word and inside one."""
    ids, _ = english.encode(TEXTS)
    assert english.vocabulary.special_ids["[UNK]"] not in ids.tolist()


@pytest.mark.parametrize(
    ("lowercase", "strip_accents", "held", "absent"),
    [
        (True, None, {"é", "ñ", "e"}, {"É", "Ñ", "E"}),
        (True, True, {"e", "n"}, {"E", "É", "é", "ñ", "Ñ"}),
        (True, False, {"é", "ñ", "e"}, {"É", "Ñ", "E"}),
        (False, None, {"É", "é", "Ñ"}, set()),
        (False, True, {"E", "e", "N"}, {"É", "é", "Ñ", "ñ"}),
    ],
)
def test_casing_and_accents(
    lowercase: bool,  # noqa: FBT001
    strip_accents: bool | None,  # noqa: FBT001
    held: set[str],
    absent: set[str],
) -> None:
    """By default accents are kept where they are frequent; cased or not, the setting decides."""
    tokenizer = trained(ACCENTS, lowercase=lowercase, strip_accents=strip_accents)
    letters = {letter for token in tokenizer.vocabulary.tokens[5:] for letter in token.removeprefix("##")}
    assert held <= letters
    assert not absent & letters
    assert (tokenizer.lowercase, tokenizer.strip_accents) == (lowercase, strip_accents is True)


def test_chinese_characters_are_words() -> None:
    """Each is a separate token: no entry holds two of them, and none continues a word."""
    tokenizer = trained(["今天天气很好。我们去公园abc散步。"] * 5)
    tokens = tokenizer.vocabulary.tokens[5:]
    assert {"今", "天", "。"} <= set(tokens)
    assert not [token for token in tokens if len(token.removeprefix("##")) > 1 and not token.isascii()]
    assert "##天" not in tokens


def test_rare_pairs_are_not_merged() -> None:
    """Words with fewer than `min_frequency` occurrences are not merged."""
    texts = ["common " * 50 + "seldom"]
    assert "seldom" not in trained(texts, min_frequency=2).vocabulary.tokens
    assert "common" in trained(texts, min_frequency=2).vocabulary.tokens
    assert "seldom" in trained(texts, min_frequency=1).vocabulary.tokens


def test_the_alphabet_is_limited_to_the_commonest() -> None:
    """The alphabet keeps the most frequent characters; rarer ones become [UNK]."""
    texts = ["a" * 50, "b" * 40, "c" * 30, "d" * 20, "e" * 10]
    tokenizer = trained([" ".join(text) for text in texts], limit_alphabet=3)
    assert sorted(token for token in tokenizer.vocabulary.tokens if len(token) == 1) == ["a", "b", "c"]
    ids, _ = tokenizer.encode(["a d"])
    assert [tokenizer.vocabulary.tokens[number] for number in ids.tolist()] == ["a", "[UNK]"]


@pytest.mark.parametrize("vocab_size", [10, 30, 60, 100])
def test_a_small_vocabulary_is_never_larger_than_asked(vocab_size: int) -> None:
    """If the alphabet exceeds the vocabulary size, its rarest characters are dropped."""
    tokenizer = trained(TEXTS, vocab_size=vocab_size)
    assert len(tokenizer.vocabulary) <= vocab_size
    assert "e" in tokenizer.vocabulary.tokens


def test_a_small_corpus_gives_a_small_vocabulary() -> None:
    """A small corpus gives fewer entries than requested, without an error."""
    assert trained(["one two two"], vocab_size=30_000).vocabulary.tokens[5:]


def test_texts_without_a_word_are_reported() -> None:
    """Texts without words are an error that says what to check."""
    for texts in ([], ["", " \u200b\n"]):
        with pytest.raises(InputError, match="--text-field"):
            trained(texts)


def test_transformers_gives_the_same_ids(english: WordPiece, tmp_path: Path) -> None:
    """What is saved loads with `AutoTokenizer`, with every special token in its place."""
    AutoTokenizer = pytest.importorskip("transformers").AutoTokenizer  # noqa: N806 - a class

    for name, tokenizer in {"english": english, "cased": trained(ACCENTS, lowercase=False)}.items():
        tokenizer.save(tmp_path / name)
        theirs = AutoTokenizer.from_pretrained(tmp_path / name)
        assert len(theirs) == len(tokenizer.vocabulary)
        assert [theirs.pad_token, theirs.unk_token, theirs.cls_token, theirs.sep_token, theirs.mask_token] == list(
            SPECIAL_TOKENS
        )
        for text in (*TEXTS[:3], *ACCENTS[:1], "[SEP] a [MASK]", "汉字 x", "\u200b"):
            ids, _ = tokenizer.encode([text])
            assert theirs(text, add_special_tokens=False)["input_ids"] == ids.tolist()
        pair = theirs("the people", "of them")
        cls, sep = (tokenizer.vocabulary.special_ids[token] for token in ("[CLS]", "[SEP]"))
        assert pair["input_ids"][0] == cls
        assert pair["input_ids"].count(sep) == 2
        assert sorted(set(pair["token_type_ids"])) == [0, 1]


def test_a_shared_language_is_trained(tmp_path: Path) -> None:
    """Chinese with a limited alphabet: few [UNK], deterministic, and room left for words."""
    texts = [record["text"] for record in documents(shared("languages/zh-hans_cmrc2018.jsonl.gz"), limit=300)]
    one = trained(texts, vocab_size=4000, limit_alphabet=2500)
    assert trained(texts, vocab_size=4000, limit_alphabet=2500).vocabulary == one.vocabulary
    ids, _ = one.encode(texts)
    assert (ids == 1).mean() < 0.01
    assert sum(len(token.removeprefix("##")) > 1 for token in one.vocabulary.tokens[5:]) > 500


def test_the_texts_are_read_anew_and_never_held() -> None:
    """The trainer asks for the texts again for each pass, so that they need not fit in memory."""
    calls = []

    def texts() -> Iterator[str]:
        calls.append(1)
        yield from TEXTS[:3]

    train(texts, vocab_size=200)
    assert 2 <= len(calls) <= 3


KEPT = {
    "hi": True,
    "th": True,
    "ja": True,
    "vi": True,
    "de": True,
    "ru": True,
    "ar": True,
    "ko": True,
    "en": False,
    "zh": False,
}


@pytest.mark.parametrize("language", KEPT)
def test_marks_are_kept_where_they_are_letters_of_the_script(language: str) -> None:
    """By default, measured on the texts; English is lower-cased and stripped as BERT does."""
    texts = [r["text"] for r in documents(shared("languages/fixture_multilingual.jsonl")) if r["lang"] == language]
    tokenizer = trained(texts, vocab_size=2000)
    assert tokenizer.lowercase
    assert tokenizer.strip_accents is not KEPT[language]


def test_a_trained_vocabulary_writes_hindi_back() -> None:
    """No vowel sign is lost."""
    texts = [r["text"] for r in documents(shared("languages/fixture_multilingual.jsonl")) if r["lang"] == "hi"]
    tokenizer = trained(texts, vocab_size=3000)
    words = texts[0].split()[:30]
    ids, offsets = tokenizer.encode([word.strip("।,()'\"") for word in words])
    pieces = [tokenizer.vocabulary.tokens[index] for index in ids.tolist()]
    found = ["".join(p.removeprefix("##") for p in pieces[a:b]) for a, b in itertools.pairwise(offsets.tolist())]
    assert [word for word in found if word.isprintable()] == [word.strip("।,()'\"").lower() for word in words]


def test_an_existing_tokenizer_is_not_overwritten(tmp_path: Path) -> None:
    """Unless that is asked for; and a directory with anything else in it never is."""
    source = tmp_path / "a.txt"
    source.write_text("\n".join(TEXTS[:3]), encoding="utf-8")
    config = Config(tokenizer=TokenizerConfig(vocab_size=300))
    out = tmp_path / "tokenizer"
    first = train_from_inputs([str(source)], str(out), config, LocalFiles())
    assert first.accents is not None
    assert first.accents.strip
    with pytest.raises(ConfigError, match=r"holds a tokenizer already.*--overwrite"):
        train_from_inputs([str(source)], str(out), config, LocalFiles())
    train_from_inputs([str(source)], str(out), config, LocalFiles(), overwrite=True)
    (out / "notes.md").write_text("mine")
    with pytest.raises(ConfigError, match=r"is not empty.*notes\.md"):
        train_from_inputs([str(source)], str(out), config, LocalFiles(), overwrite=True)
