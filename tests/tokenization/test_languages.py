"""Documents of several languages: each is split by its own rules, and few splitters are in memory."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

import nspdata
from nspdata.config.build import SentencesConfig
from nspdata.errors import ConfigError
from nspdata.tokenization.encoded import Encoded
from nspdata.tokenization.encoders import DocumentEncoder, DocumentSplitter, make_encoder, make_splitter
from nspdata.tokenization.languages import Languages, PerLanguage, known_code
from tests.shared import documents, shared
from tests.tokenization.texts import CHINESE, wordpiece

BY_FIELD = SentencesConfig(language="en", language_field="lang")


def pieces(code: str, characters: int = 800) -> list[dict[str, str]]:
    """Documents of a language: pieces of about this length of real articles and declarations, cut at line ends."""
    found = [record for record in documents(shared("languages/fixture_multilingual.jsonl")) if record["lang"] == code]
    result = [""]
    for line in "\n".join(record["text"] for record in found).splitlines(keepends=True):
        result[-1] += line
        if len(result[-1]) >= characters:
            result.append("")
    texts = [text for text in result if text.strip()][:12]
    return [{"id": f"{code}-{number}", "text": text, "lang": code} for number, text in enumerate(texts)]


def mixed(*codes: str) -> tuple[list[str], list[str]]:
    """Real texts of these languages in turn, and their codes."""
    groups = [[piece["text"] for piece in pieces(code)] for code in codes]
    rounds = [list(zip(texts, codes, strict=True)) for texts in zip(*groups, strict=False)]
    pairs = [pair for each in rounds for pair in each]
    return [text for text, _ in pairs], [code for _, code in pairs]


def document_ids(encoded: Encoded) -> list[list[list[int]]]:
    """Ids by document and sentence."""
    ids, ends, bounds = encoded.ids.tolist(), encoded.sentence_offsets.tolist(), encoded.document_offsets.tolist()
    return [[ids[ends[index] : ends[index + 1]] for index in range(begin, end)] for begin, end in pairwise(bounds)]


@pytest.mark.parametrize("fast", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_each_document_is_encoded_by_its_own_language(fast: bool) -> None:  # noqa: FBT001
    """Hebrew, English and Chinese in turn have the ids that an encoder of each language gives."""
    texts, codes = mixed("he", "en", "zh")
    assert len(texts) >= 12
    tokenizer = wordpiece(CHINESE)
    encoder = DocumentEncoder(tokenizer, BY_FIELD, fast=fast)
    expected = [
        document_ids(make_encoder(tokenizer, SentencesConfig(language=code), fast=False).encode([text]))[0]
        for text, code in zip(texts[:9], codes[:9], strict=True)
    ]
    assert document_ids(encoder.encode(texts[:9], None, codes[:9])) == expected
    wrong = document_ids(make_encoder(tokenizer, SentencesConfig(language="en")).encode(texts[:9]))
    assert wrong != expected  # the language matters for these texts


def test_sentences_are_those_of_each_language() -> None:
    """A splitter with one language in memory gives what splitters of each language give."""
    texts, codes = mixed("he", "en", "zh")
    own = {code: make_splitter(SentencesConfig(language=code)) for code in ("he", "en", "zh")}
    expected = [next(iter(own[code].split([text]))) for text, code in zip(texts, codes, strict=True)]
    splitter = DocumentSplitter(BY_FIELD)
    assert list(splitter.split(texts, codes)) == expected
    assert nspdata.split_sentences(texts, languages=codes, language_field="lang") == expected
    assert list(splitter.split(["One. Two."], [""])) == [[(0, 4), (5, 9)]]
    with pytest.raises(ConfigError, match=r"languages must be as many as texts \(2\), not 1"):
        nspdata.split_sentences(["One.", "Two."], languages=["en"])


def test_few_languages_are_in_memory() -> None:
    """The one that was used longest ago is removed; those in memory are used before others are created."""
    made: list[str] = []
    kept: PerLanguage[str] = PerLanguage(
        lambda settings: made.append(settings.language) or settings.language, BY_FIELD, limit=2
    )
    assert [code for code, _ in kept.grouped(["de", "fr", "de", "es"])] == ["de", "es", "fr"]
    assert len(kept) == 2
    assert list(kept.grouped(["de", "fr", "", "fr"])) == [("fr", [1, 3]), ("de", [0]), ("en", [2])]
    assert made == ["de", "es", "fr", "de", "en"]
    assert len(kept) == 2


def test_no_documents_encode_to_nothing() -> None:
    """An empty batch has no ids, with and without languages."""
    encoder = DocumentEncoder(wordpiece(CHINESE), BY_FIELD)
    for found in (encoder.encode([], None, []), encoder.encode([])):
        assert len(found.ids) == 0
        assert np.array_equal(found.document_offsets, [0])


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("en", "en"),
        ("EN-us", "en"),
        ("zh_Hant", "zh"),
        ("zh-cn", "zh"),
        ("eng", "en"),
        ("heb", "he"),
        ("iw", "he"),
        ("no", "nb"),
        ("und", "xx"),
        ("English", None),
        ("klingon", None),
        ("", None),
        ("e n", None),
        ("../en", None),
    ],
)
def test_codes_are_read_as_people_write_them(written: str, code: str | None) -> None:
    """Regions, scripts, three letters and older codes; a name or a path is no code."""
    assert known_code(written, "spacy") == code


def test_unknown_codes_are_refused_or_fall_back() -> None:
    """`refuse` rejects the document and names the codes, `default` gives the default language."""
    languages = Languages(BY_FIELD)
    found = [languages.code_of(value) for value in ("he", " de ", None, 7, "klingon", "klingon", b"fr", "x" * 99)]
    assert found == ["he", "de", None, None, None, None, "fr", None]
    assert languages.unknown["klingon"] == 2
    with pytest.raises(
        ConfigError,
        match=r"sentences.language_field='lang' holds codes that cannot be used: 'klingon' \(2 documents\), .*"
        r"set sentences.unknown_language=default to split such documents by sentences.language \('en'\)",
    ):
        languages.require_known()
    missing = Languages(BY_FIELD)
    assert missing.code_of(None) is None
    missing.require_known()  # a missing code is a rejected record
    falling = Languages(dataclasses.replace(BY_FIELD, unknown_language="default"))
    assert [falling.code_of(value) for value in ("he", None, "klingon")] == ["he", "", ""]
    falling.require_known()


def test_a_model_has_no_languages() -> None:
    """A named pipeline splits every document, so a field is refused with it."""
    with pytest.raises(ConfigError, match=r'sentences.language_field must be "" with sentences\.model'):
        SentencesConfig(model="pipeline", language_field="lang")
