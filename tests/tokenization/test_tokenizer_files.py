"""Tokenizers as people make them: the ids of `transformers` exactly, in the build and from the dataset's own files, or a refusal."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers

from nspdata.errors import ConfigError
from nspdata.tokenization.encoders import make_encoder
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.fit import measure_fit
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS
from nspdata.tokenization.wordpiece import WordPiece
from tests.building.corpus import records
from tests.shared import shared
from tests.tokenization.texts import decoded

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = [
    "The covid-19 wave came [NEWLINE] in year 2004. A myocardial infarction followed, Covid-19 again.",
    "Straße, café, naïve; ΑΣ ÉTÉ I\u0307 ﬁne ½ x² 東京大学は日本。 [SEP] [MASK] <x> [CLS]\tend\u00a0.",
    "Fellow citizens of the Senate, don't; e-mail 10.5 100,000!",
]

CORPUS = [*TEXTS, *(record["text"][:5000] for record in records()[:10])]

ORDER = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]


def trained(normalizer: Any, pre_tokenizer: Any, *, specials: list[str] = ORDER, **trainer: Any) -> Tokenizer:
    """A tokenizer by the recipes of the documentation of `tokenizers`."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=800, special_tokens=specials, show_progress=False, **trainer)
    )
    return tokenizer


def quicktour(place: Path) -> None:
    recipe = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()])
    trained(recipe, pre_tokenizers.Whitespace()).save(str(place / "tokenizer.json"))


def bert_recipe(place: Path) -> None:
    trained(normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()).save(str(place / "tokenizer.json"))


def nfkc_digits(place: Path) -> None:
    parts = [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)]
    trained(normalizers.NFKC(), pre_tokenizers.Sequence(parts)).save(str(place / "tokenizer.json"))


def no_normalizer(place: Path) -> None:
    trained(None, pre_tokenizers.Whitespace()).save(str(place / "tokenizer.json"))


def chinese_off(place: Path) -> None:
    normalizer = normalizers.BertNormalizer(handle_chinese_chars=False, lowercase=False)
    trained(normalizer, pre_tokenizers.BertPreTokenizer()).save(str(place / "tokenizer.json"))


def added(place: Path) -> None:
    tokenizer = trained(normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer())
    tokenizer.add_tokens(["covid-19", "myocardial infarction", AddedToken("x", single_word=True)])
    tokenizer.add_special_tokens(["[NEWLINE]"])
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=12)
    tokenizer.save(str(place / "tokenizer.json"))


def without_specials_in_texts(place: Path) -> None:
    tokenizer = json.loads(trained(normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()).to_str())
    (place / "tokenizer.json").write_text(json.dumps({**tokenizer, "added_tokens": []}))


def short_words(place: Path) -> None:
    tokenizer = json.loads(trained(normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()).to_str())
    tokenizer["model"]["max_input_chars_per_word"] = 5
    (place / "tokenizer.json").write_text(json.dumps(tokenizer))


def vocabulary(place: Path, *, extra: tuple[str, ...] = ()) -> Path:
    tokenizer = trained(normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), specials=list(SPECIAL_TOKENS))
    ids = tokenizer.get_vocab()
    path = place / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in [*sorted(ids, key=lambda token: ids[token]), *extra]))
    return path


def saved(name: str, **settings: Any) -> Callable[[Path], None]:
    """By `save_pretrained` of a class of transformers, with tokens added or not."""

    def save(place: Path) -> None:
        transformers = pytest.importorskip("transformers")

        words = settings.pop("words", [])
        tokenizer = getattr(transformers, name)(str(vocabulary(place)), **settings)
        if words:
            tokenizer.add_tokens(words)
        (place / "vocab.txt").unlink()
        tokenizer.save_pretrained(place)

    return save


def extended(place: Path) -> None:
    vocabulary(place, extra=("infarction", "##carditis", "[unused7]"))
    (place / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer"})
    )


def older_added_tokens(place: Path) -> None:
    size = len(vocabulary(place).read_text().splitlines())
    (place / "added_tokens.json").write_text(json.dumps({"covid-19": size, "<x>": size + 1}))
    (place / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer"})
    )


def google(name: str) -> Callable[[Path], None]:
    def copy(place: Path) -> None:
        (place / "vocab.txt").write_bytes(shared(f"vocab/bert-base-{name}.vocab.txt").read_bytes())
        (place / "tokenizer_config.json").write_text(
            json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer"})
        )

    return copy


HONOURED: dict[str, tuple[Callable[[Path], None], bool]] = {
    "the recipe of the quicktour": (quicktour, False),
    "the recipe with BERT's parts": (bert_recipe, True),
    "NFKC and single digits": (nfkc_digits, False),
    "no normalizer": (no_normalizer, False),
    "Chinese characters as they are": (chinese_off, False),
    "added tokens": (added, False),
    "special tokens that are not added tokens": (without_specials_in_texts, True),
    "short words": (short_words, False),
    "BertTokenizer": (saved("BertTokenizer"), True),
    "BertTokenizer, cased": (saved("BertTokenizer", do_lower_case=False), True),
    "BertTokenizer, accents kept": (saved("BertTokenizer", strip_accents=False), True),
    "BertTokenizer with words": (saved("BertTokenizer", words=["covid-19", "infarction"]), False),
    "DistilBertTokenizer": (saved("DistilBertTokenizer"), True),
    "ElectraTokenizer": (saved("ElectraTokenizer"), True),
    "a vocabulary of a domain": (extended, True),
    "added_tokens.json": (older_added_tokens, False),
    "Google's uncased": (google("uncased"), True),
    "Google's Chinese": (google("chinese"), True),
}
"""How it is made, and whether the fast encoder applies."""


@pytest.mark.parametrize("name", HONOURED)
def test_ids_are_those_of_the_tokenizer_as_it_was_made(name: str, tmp_path: Path) -> None:
    """In the build, after a pickle, and by `AutoTokenizer` from the dataset's own directory."""
    AutoTokenizer = pytest.importorskip("transformers").AutoTokenizer  # noqa: N806 - a class

    make, fast = HONOURED[name]
    (tmp_path / "made").mkdir()
    make(tmp_path / "made")
    tokenizer = WordPiece.load(tmp_path / "made")
    assert tokenizer.is_plain is fast
    assert bool(tokenizer.reason) is not fast
    expected = [theirs(tmp_path / "made", text) for text in TEXTS]
    assert ids_of(tokenizer) == expected
    identity = tokenizer.identity()
    copied = WordPiece(
        pickle.loads(pickle.dumps(tokenizer.vocabulary)),
        lowercase=identity["lowercase"],
        strip_accents=identity["strip_accents"],
    )
    assert copied.identity() == identity
    assert ids_of(copied) == expected
    tokenizer.save(tmp_path / "out")
    written = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert [written(text, add_special_tokens=False)["input_ids"] for text in TEXTS] == expected
    assert written(TEXTS[0], TEXTS[1])["input_ids"][0] == tokenizer.vocabulary.special_ids["[CLS]"]
    again = WordPiece.load(tmp_path / "out")
    assert again.identity() == identity
    encoder = make_encoder(tokenizer)
    assert isinstance(encoder, FastEncoder if fast else PlainEncoder)
    assert [sum(map(len, sentences)) for sentences in decoded(encoder.encode(["Fellow citizens."]))] == [
        len(tokenizer.encode(["Fellow citizens."])[0])
    ]
    assert measure_fit(tokenizer, TEXTS).tokens == sum(map(len, expected))


def ids_of(tokenizer: WordPiece) -> list[list[int]]:
    return [tokenizer.encode([text])[0].tolist() for text in TEXTS]


def theirs(place: Path, text: str) -> list[int]:
    """The ids that the library which made the files gives."""
    AutoTokenizer = pytest.importorskip("transformers").AutoTokenizer  # noqa: N806 - a class

    if (place / "tokenizer.json").exists():
        tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return list(tokenizer.encode(text, add_special_tokens=False).ids)
    return list(AutoTokenizer.from_pretrained(place)(text, add_special_tokens=False)["input_ids"])


def japanese(place: Path) -> None:
    vocabulary(place)
    settings = {"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "mecab"}
    (place / "tokenizer_config.json").write_text(json.dumps(settings))


def byte_order_mark(place: Path) -> None:
    path = vocabulary(place)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def bpe(place: Path) -> None:
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(special_tokens=ORDER, show_progress=False))
    tokenizer.save(str(place / "tokenizer.json"))


def other_prefix(place: Path) -> None:
    tokenizer = trained(normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), continuing_subword_prefix="@@")
    tokenizer.save(str(place / "tokenizer.json"))


def other_names(place: Path) -> None:
    names = ["<unk>", "<s>", "</s>", "<pad>", "<mask>"]
    tokenizer = trained(normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), specials=names)
    tokenizer.save(str(place / "tokenizer.json"))


def never_split(place: Path) -> None:
    vocabulary(place)
    (place / "tokenizer_config.json").write_text(json.dumps({"never_split": ["covid-19"]}))


def contradiction(place: Path) -> None:
    bert_recipe(place)
    (place / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "BertJapaneseTokenizer": (japanese, "BertJapaneseTokenizer.*MeCab"),
    "a byte order mark": (byte_order_mark, "byte order mark.*without one"),
    "BPE": (bpe, "BPE, not WordPiece"),
    "another prefix": (other_prefix, "continuing_subword_prefix is '@@'"),
    "other names": (other_names, r"lacks \[PAD\]"),
    "never_split": (never_split, "never_split"),
    "files that contradict each other": (contradiction, "lowercase is True.*False in tokenizer_config"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_given_exactly_is_refused(name: str, tmp_path: Path) -> None:
    """A tokenizer that cannot be reproduced exactly is refused with the reason."""
    make, message = REFUSED[name]
    make(tmp_path)
    with pytest.raises(ConfigError, match=message):
        WordPiece.load(tmp_path)


def test_settings_may_not_contradict_a_tokenizer_that_is_run_as_it_is(tmp_path: Path) -> None:
    """A setting that agrees is taken."""
    quicktour(tmp_path)
    assert WordPiece.load(tmp_path, lowercase="yes").lowercase
    with pytest.raises(ConfigError, match=r"tokenizer\.lowercase=no contradicts.*NFD"):
        WordPiece.load(tmp_path, lowercase="no")
