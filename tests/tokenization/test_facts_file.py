"""The file of a language: what is read from it is what spaCy says, spaCy is not imported for it, and a wrong file is ignored."""

from __future__ import annotations

import dataclasses
import os
import string
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from nspdata.errors import ConfigError
from nspdata.tokenization import languages, spacy_import
from nspdata.tokenization.encoders import make_encoder
from nspdata.tokenization.fast import facts_file
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.fast.facts import BY_CHARACTER, BY_RULES, OTHER, Facts, facts_of, tokenizer_facts
from nspdata.tokenization.fast.facts_file import keep_facts, kept_facts, packed, unpacked
from nspdata.tokenization.languages import known_code
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter
from nspdata.tokenization.wordpiece import WordPiece
from tests.reference.sentences import pipeline
from tests.tokenization.fuzzing import hard_texts
from tests.tokenization.test_chunk_tokens import LANGUAGES, OWN_PACKAGES
from tests.tokenization.texts import BUNDLED, assert_same, wordpiece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nspdata.tokenization.fast.facts import TokenizerFacts

QUICK = ["ar", "en", "ru", "zh"]
"""Each is of another kind: other patterns, many rules, rules with a space, every character a token."""

TEXTS = ['One. "Two," e.g. three (four). Didn\'t! Five', "Six? 7.5km."]

WITHOUT_SPACY = """
import sys
from nspdata.config.build import SentencesConfig
from nspdata.tokenization.encoders import make_encoder
from nspdata.tokenization.wordpiece import WordPiece
encoded = make_encoder(WordPiece.load(sys.argv[1]), SentencesConfig(language=sys.argv[2])).encode(sys.argv[3:])
print(encoded.ids.sum(), len(encoded.sentence_offsets), "spacy" in sys.modules)
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of this test, switched on, in a process in which only this package has imported spaCy."""
    monkeypatch.setenv("NSPDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NSPDATA_SHAPE_CACHE", raising=False)
    monkeypatch.setitem(spacy_import._STATE, "private", True)
    monkeypatch.setitem(spacy_import._STATE, "ours", True)
    yield tmp_path / "cache" / "languages"
    known_code.cache_clear()


def learned(language: str) -> tuple[Facts, TokenizerFacts | None]:
    facts = facts_of(pipeline(language))
    return facts, tokenizer_facts(pipeline(language).tokenizer) if facts.kind == BY_RULES else None


def assert_kept(language: str) -> None:
    """What a file holds is what spaCy said, field by field, in the same order."""
    facts, tokenizer = learned(language)
    found, read = unpacked(packed(facts, tokenizer))
    assert found == facts
    assert (found.kind, read is None) == (BY_CHARACTER if language == "zh" else BY_RULES, language == "zh")
    if tokenizer and read:
        for field in dataclasses.fields(tokenizer):
            assert getattr(read, field.name) == getattr(tokenizer, field.name), field.name
        assert list(read.rules or ()) == list(tokenizer.rules or ())
        assert list(read.groups or ()) == list(tokenizer.groups or ())


@pytest.mark.parametrize("language", QUICK)
def test_a_file_holds_what_spacy_says(language: str) -> None:
    assert_kept(language)


def test_a_tokenizer_with_unknown_patterns_and_rules_is_kept() -> None:
    """As those of a package that adds to spaCy can be."""
    facts, tokenizer = learned("xx")
    assert tokenizer
    unknown = dataclasses.replace(tokenizer, groups=None, programs=None, rules=None)
    assert unpacked(packed(facts, unknown)) == (facts, unknown)


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - OWN_PACKAGES - {*QUICK}))
def test_a_file_holds_what_spacy_says_in_every_language(language: str) -> None:
    assert_kept(language)


@pytest.mark.parametrize("language", ["en", "ru", "zh"])
def test_the_encoding_is_the_same_from_the_file(language: str, directory: Path) -> None:
    """The first splitter writes the file; the second has no pipeline until spaCy must tokenize a chunk."""
    first = FastEncoder(Splitter(language), wordpiece(BUNDLED))
    assert len([*directory.iterdir()]) == 1
    second = FastEncoder(Splitter(language), wordpiece(BUNDLED))
    assert second.splitter._nlp is None
    assert second.splitter.rules == first.splitter.rules
    texts = hard_texts(language, 10_000, seed=4)
    assert_same(second, PlainEncoder(Splitter(language), wordpiece(BUNDLED)), texts)
    assert second.splitter.nlp.lang == language


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_process_with_the_file_does_not_import_spacy(language: str, tmp_path: Path) -> None:
    """It encodes the same ids and sentences."""
    letters = string.ascii_lowercase + string.punctuation
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (tmp_path / "vocab.txt").write_text("\n".join(tokens))
    keep_facts(language, *learned(language))
    command = [sys.executable, "-c", WITHOUT_SPACY, str(tmp_path / "vocab.txt"), language, *TEXTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    plain = PlainEncoder(Splitter(language), WordPiece.load(str(tmp_path / "vocab.txt"))).encode(TEXTS)
    assert done.stdout.split() == [str(plain.ids.sum()), str(len(plain.sentence_offsets)), "False"]


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: b"", lambda data: data[:90] + b"~" + data[91:], lambda data: data[10:]],
    ids=["cut", "empty", "another character", "another head"],
)
def test_a_wrong_file_is_overwritten(damage: Callable[[bytes], bytes], directory: Path) -> None:
    FastEncoder(Splitter("xx"), wordpiece(BUNDLED))
    (path,) = directory.iterdir()
    right = path.read_bytes()
    path.write_bytes(damage(right))
    assert kept_facts("xx") is None
    FastEncoder(Splitter("xx"), wordpiece(BUNDLED))
    assert path.read_bytes() == right


def test_another_version_has_another_file(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of this package, other files of spaCy, a package that adds to spaCy, another language."""
    changes: list[tuple[object, str, object]] = [
        (facts_file.nspdata, "__version__", "0"),
        (facts_file.unicodedata, "unidata_version", "1.0"),
        (facts_file, "_installed", lambda language: [(language, 1, 1)]),
        (facts_file, "_extensions", lambda: [b"[spacy_languages]\nen = mine:English"]),
    ]
    keep_facts("xx", *learned("xx"))
    for place, name, value in changes:
        with monkeypatch.context() as changed:
            changed.setattr(place, name, value)
            assert kept_facts("xx") is None
    assert kept_facts("en") is None
    assert kept_facts("xx") == learned("xx")


def test_entry_points_of_spacy_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a package anywhere on the path; others do not count."""
    for name, text in (("mine", "[spacy_languages]\nen = mine:English\n"), ("other", "[console_scripts]\na = b:c\n")):
        (tmp_path / f"{name}-1.dist-info").mkdir()
        (tmp_path / f"{name}-1.dist-info" / "entry_points.txt").write_text(text)
    before = facts_file._extensions.__wrapped__()
    monkeypatch.syspath_prepend(tmp_path)
    assert facts_file._extensions.__wrapped__() == sorted([*before, b"[spacy_languages]\nen = mine:English\n"])


def test_without_a_directory_spacy_is_asked(tmp_path: Path) -> None:
    """The cache directory is a file: nothing is written, and nothing fails."""
    (tmp_path / "cache").write_text("")
    encoder = FastEncoder(Splitter("xx"), wordpiece(BUNDLED))
    assert encoder.splitter._nlp is not None
    assert kept_facts("xx") is None


def test_it_is_turned_off_by_the_environment(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_facts("xx", *learned("xx"))
    monkeypatch.setenv("NSPDATA_SHAPE_CACHE", "0")
    assert Splitter("xx")._nlp is not None
    keep_facts("en", *learned("en"))
    assert len([*directory.iterdir()]) == 1


def test_a_process_that_has_imported_spacy_itself_asks_it(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code may have changed the language. What it says is not kept for other processes."""
    keep_facts("xx", *learned("xx"))
    for name in ("private", "ours"):
        with monkeypatch.context() as changed:
            changed.setitem(spacy_import._STATE, name, False)
            assert Splitter("xx")._nlp is not None
            FastEncoder(Splitter("en"), wordpiece(BUNDLED))
    assert len([*directory.iterdir()]) == 1


def test_languages_with_a_package_of_their_own_are_not_kept(directory: Path) -> None:
    keep_facts("ja", Facts("ja", OTHER, frozenset("."), ()), None)
    assert not directory.exists()


@pytest.mark.parametrize("code", ["qq", "../en", "", "lang"])
def test_an_unknown_language_is_the_same_error(code: str, directory: Path) -> None:
    """At the same time, with other languages in the directory."""
    keep_facts("xx", *learned("xx"))
    with pytest.raises(ConfigError, match="is not a language of spaCy"):
        Splitter(code)
    assert len([*directory.iterdir()]) == 1


def test_codes_of_records_are_known_from_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without spaCy: the code of the language, also for another tag of it."""
    keep_facts("xx", *learned("xx"))
    monkeypatch.setattr(languages, "import_spacy", lambda: pytest.fail("imported"))
    assert [known_code(tag, "spacy") for tag in ("xx", "und-Latn", "mul")] == ["xx", "xx", "xx"]


def test_the_encoder_of_a_build_uses_the_file() -> None:
    keep_facts("en", *learned("en"))
    encoder = make_encoder(wordpiece(BUNDLED))
    assert isinstance(encoder, FastEncoder)
    assert encoder.splitter._nlp is None
    assert os.environ.get("NSPDATA_SHAPE_CACHE") is None
