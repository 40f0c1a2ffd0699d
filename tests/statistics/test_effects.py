"""Settings that have no effect are named with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from nspdata.config.build import Config, MaskingConfig, SentencesConfig
from nspdata.config.input import InputConfig
from nspdata.statistics.effects import check_settings

JSONL = frozenset({"jsonl"})


def without_effect(
    formats: frozenset[str] = JSONL, *, reading: dict[str, Any] | None = None, **sentences: Any
) -> dict[str, str]:
    """The settings named, each with its reason."""
    config = Config(sentences=SentencesConfig(**sentences), input=InputConfig(**(reading or {})))
    messages = [warning.message for warning in check_settings(config, formats) if warning.key == "no_effect"]
    return {
        text.partition(" = ")[0]: text.partition(" has no effect: ")[2].partition("; remove")[0] for text in messages
    }


def test_a_pipeline_splits_by_itself() -> None:
    """The rules after the sentencizer, and the language, are not used with a pipeline."""
    why = "sentences.model = 'pipe' splits the sentences"
    given = {
        "model": "pipe",
        "language": "de",
        "opening_marks": "as_spacy",
        "end_marks": "as_spacy",
        "extra_marks": ";",
    }
    assert without_effect(**given) == {
        f"sentences.{key}": why for key in ("language", "opening_marks", "end_marks", "extra_marks")
    }


def test_sentencex_has_rules_of_its_own() -> None:
    """`sentencex` uses the language setting."""
    why = "sentences.splitter = 'sentencex' has rules of its own"
    found = without_effect(splitter="sentencex", language="de", opening_marks="as_spacy", extra_marks=";")
    assert found == {"sentences.opening_marks": why, "sentences.extra_marks": why}
    assert without_effect(language="de", opening_marks="as_spacy", extra_marks=";") == {}


def test_languages_of_documents() -> None:
    """`language` is used only for documents without a usable code, `unknown_language` only with a field."""
    assert without_effect(unknown_language="default") == {
        "sentences.unknown_language": "sentences.language_field names no field"
    }
    assert without_effect(language="de", language_field="lang") == {
        "sentences.language": "each document has the language in its field 'lang'"
    }
    assert without_effect(language="de", language_field="lang", unknown_language="default") == {}
    assert without_effect(language="de", language_field="*.csv=lang") == {}
    assert without_effect(frozenset({"text_line"}), language_field="lang") == {
        "sentences.language_field": "the input files have no fields"
    }


@pytest.mark.parametrize("key", ["splitter", "language", "paragraphs", "opening_marks", "end_marks", "extra_marks"])
def test_given_sentences_are_not_split(key: str) -> None:
    """With one sentence per line, splitter settings have no effect."""
    value = {"splitter": "sentencex", "language": "de", "paragraphs": "line", "extra_marks": ";"}.get(key, "as_spacy")
    assert without_effect(frozenset({"text_sentence"}), **{key: value}) == {
        f"sentences.{key}": "the input has one sentence per line"
    }


def test_whole_words_of_chinese_are_characters() -> None:
    """BERT's tokenizer makes a word of each Chinese character; other languages have whole words."""
    for language, named in (("zh", True), ("en", False)):
        config = Config(sentences=SentencesConfig(language=language), masking=MaskingConfig(strategy="whole_word"))
        found = [warning.message for warning in check_settings(config, JSONL) if warning.key == "no_effect"]
        assert any(message.startswith("masking.strategy = 'whole_word' has no effect") for message in found) is named


def test_dialects_are_for_csv() -> None:
    """CSV settings have no effect without a CSV file."""
    assert without_effect(reading={"csv_delimiter": ";"}) == {"input.csv_delimiter": "no input file is CSV or TSV"}
    assert without_effect(frozenset({"jsonl", "tsv"}), reading={"csv_delimiter": ";"}) == {}
