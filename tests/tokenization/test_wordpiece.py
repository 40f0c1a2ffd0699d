"""Loading a tokenizer from any of its usual files, and saving it for others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nspdata.errors import ConfigError
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
from nspdata.tokenization.wordpiece import WordPiece
from tests.shared import shared

WORDS = ("the", "people", "##s", "of", ".", "a", "##b", "中")


def write(path: Path, *tokens: str, ending: str = "\n") -> Path:
    path.write_bytes("".join(token + ending for token in tokens).encode())
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write(tmp_path / "vocab.txt", *SPECIAL_TOKENS, *WORDS)


def pieces(tokenizer: WordPiece, text: str) -> list[str]:
    ids, _ = tokenizer.encode([text])
    return [tokenizer.vocabulary.tokens[number] for number in ids.tolist()]


def test_a_list_of_tokens_is_read(plain: Path, tmp_path: Path) -> None:
    """One token a line, with either line end, by its name or in its directory."""
    expected = ["the", "people", "##s", "中", "中", "a", "##b", "[UNK]", "."]
    carriage = write(tmp_path / "dos.txt", *SPECIAL_TOKENS, *WORDS, ending="\r\n")
    for path in (plain, tmp_path, carriage):
        assert pieces(WordPiece.load(path), "THE peoples中中 ab zz.") == expected


def test_offsets_say_where_each_text_begins(plain: Path) -> None:
    """A text without a token is an empty run."""
    ids, offsets = WordPiece.load(plain).encode(["the people", "", " \u200b", "a"])
    assert offsets.tolist() == [0, 2, 2, 2, 3]
    assert len(ids) == 3


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """Loading any of the saved files gives the same casing and accent settings."""
    vocabulary = Vocabulary((*SPECIAL_TOKENS, *WORDS, "É", "é", "e", "E"))
    for lowercase in (True, False):
        for strip in (True, False):
            saved = WordPiece(vocabulary, lowercase=lowercase, strip_accents=strip)
            saved.save(tmp_path / "t")
            for path in (tmp_path / "t", tmp_path / "t" / "tokenizer.json"):
                loaded = WordPiece.load(path)
                assert loaded.identity() == saved.identity()
                assert pieces(loaded, "É é") == pieces(saved, "É é")
            (tmp_path / "t" / "tokenizer.json").unlink()
            assert WordPiece.load(tmp_path / "t").identity() == saved.identity()


def test_settings_go_before_what_the_files_say(plain: Path) -> None:
    """`auto` lower-cases unless there is an upper-case letter; yes and no are taken at their word."""
    assert WordPiece.load(plain).identity()["lowercase"] is True
    assert WordPiece.load(plain, lowercase="no").identity()["lowercase"] is False
    assert WordPiece.load(plain, lowercase="no").identity()["strip_accents"] is False
    assert WordPiece.load(plain, lowercase="no", strip_accents="yes").identity()["strip_accents"] is True
    cased = write(plain.parent / "cased.txt", *SPECIAL_TOKENS, *WORDS, "The")
    assert WordPiece.load(cased).identity()["lowercase"] is False
    assert pieces(WordPiece.load(cased), "The the") == ["The", "the"]


def test_googles_vocabularies_are_known(tmp_path: Path) -> None:
    """Uncased English and Chinese are lower-cased; ids are those of transformers."""
    AutoTokenizer = pytest.importorskip("transformers").AutoTokenizer  # noqa: N806 - a class

    for name in ("uncased", "chinese"):
        tokenizer = WordPiece.load(shared(f"vocab/bert-base-{name}.vocab.txt"))
        assert tokenizer.lowercase
        assert tokenizer.strip_accents
        assert tokenizer.vocabulary.special_ids["[MASK]"] == 103
        tokenizer.save(tmp_path / name)
        theirs = AutoTokenizer.from_pretrained(tmp_path / name)
        text = "Héllo, WORLD! 今天天气很好。 naïve [MASK] Ⅷ ½ 𝒳"
        ids, _ = tokenizer.encode([text])
        assert theirs(text, add_special_tokens=False)["input_ids"] == ids.tolist()


def described(**changes: Any) -> dict[str, Any]:
    """A `tokenizer.json` of BERT's kind, with changes at its top level."""
    tokenizer = WordPiece(Vocabulary((*SPECIAL_TOKENS, *WORDS)), lowercase=True, strip_accents=True)
    return {**json.loads(tokenizer.files()["tokenizer.json"]), **changes}


MODEL = described()["model"]

BROKEN: list[tuple[str, Any, str]] = [
    ("absent.txt", None, "cannot be read"),
    ("tokenizer.json", b"{", "not JSON"),
    ("tokenizer.json", b"[]", "must be an object"),
    ("tokenizer.json", described(model={"type": "BPE"}), "BPE, not WordPiece.*train-tokenizer"),
    ("tokenizer.json", described(normalizer={"type": "Unheard"}), "`tokenizers` cannot load it"),
    ("tokenizer.json", described(model={**MODEL, "unk_token": "<unk>"}), "unk_token is '<unk>'"),
    ("tokenizer.json", described(model={**MODEL, "continuing_subword_prefix": "@@"}), "continuing_subword_prefix"),
    ("tokenizer.json", described(added_tokens=[{"id": 99, "content": "<x>"}]), "without a gap"),
    ("vocab.txt", b"\xff\xfe", "not UTF-8"),
    ("vocab.txt", b"\xef\xbb\xbf[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n", "byte order mark"),
    ("vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n", r"lacks \[MASK\].*train-tokenizer"),
    ("vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nthe\n", "'the' twice"),
    ("model.safetensors", b"x", "holds neither"),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN)
def test_what_is_no_tokenizer_of_bert_is_refused(name: str, content: Any, message: str, tmp_path: Path) -> None:
    """An unsupported tokenizer is refused with the reason and a remedy."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(ConfigError, match=message):
        WordPiece.load(tmp_path if name == "model.safetensors" else path)


def test_a_tokenizer_is_known_by_all_that_moves_ids(plain: Path) -> None:
    """The tokenizer's sha256 covers every setting that changes ids."""
    loaded = [
        WordPiece.load(plain, lowercase=lower, strip_accents=strip)
        for lower in ("yes", "no")
        for strip in ("yes", "no")
    ]
    assert len({tokenizer.sha256 for tokenizer in loaded}) == 4
    assert WordPiece.load(plain).sha256 == loaded[0].sha256


def test_equal_tokenizers_share_their_backend() -> None:
    """It takes 25 ms to make, and a build makes three equal tokenizers; other settings or another vocabulary have their own."""
    tokens = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "ä")
    one, same, cased, other = (
        WordPiece(Vocabulary(found), lowercase=lowercase, strip_accents=False)
        for found, lowercase in ((tokens, True), ((*tokens,), True), (tokens, False), ((*tokens, "b"), True))
    )
    assert one.backend is same.backend
    assert [made.encode(["A Ä b"])[0].tolist() for made in (one, cased, other)] == [[5, 6, 1], [1, 1, 1], [5, 6, 7]]
