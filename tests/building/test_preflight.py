"""The checks before a build on real text: warnings, hard limits, and no false alarms."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from nspdata.building.preflight import check_sample, preflight, require_in_range, shortened, summarize_sample
from nspdata.building.prepare import make_plan
from nspdata.config.build import Config
from nspdata.config.keywords import nested_settings
from nspdata.config.parsing import from_dict
from nspdata.errors import InputError, UnsoundInputError
from nspdata.files.local import LocalFiles
from nspdata.reading import expand_inputs
from nspdata.reading.documents import DocumentBatch, LongText
from nspdata.reading.survey import Sample, take_sample
from nspdata.reading.units import expected_text_bytes
from nspdata.statistics.checks import CHECKS, DataWarning
from nspdata.tokenization.training import train
from nspdata.tokenization.wordpiece import WordPiece
from tests.shared import documents, shared

MULTILINGUAL = "languages/fixture_multilingual.jsonl"

GOOGLE = "vocab/bert-base-uncased.vocab.txt"

CODES = {
    "ar": "Arabic: ar, fa or ur",
    "el": "Greek: el or grc",
    "he": "Hebrew: he",
    "hi": "Devanagari: hi, mr, ne or sa",
    "ja": "Japanese: ja",
    "km": "Khmer: xx",
    "ko": "Hangul: ko",
    "my": "Myanmar: xx",
    "ru": "Cyrillic: ru, uk, bg, mk, sr, ky or tt",
    "th": "Thai: th",
    "zh": "Chinese: zh",
}
"""What is said of a text of this language where `sentences.language` is `en`."""

LATIN = ("de", "en", "es", "ro", "tr", "vi")


@cache
def texts_of(language: str) -> tuple[str, ...]:
    """The texts of a language, cut into documents of about eight sentences."""
    found = []
    for record in documents(shared(MULTILINGUAL)):
        if record["lang"].split("-")[0] == language:
            sentences = [part for part in re.split(r"(?<=[.!?。؟।။។])\s*|\n", record["text"]) if part.strip()]
            found += [" ".join(sentences[at : at + 8]) for at in range(0, len(sentences), 8)]
    return tuple(dict.fromkeys(found))


@cache
def own_vocabulary(language: str) -> WordPiece:
    """A vocabulary trained on the texts of a language, accents kept."""
    return train(lambda: iter(texts_of(language)), vocab_size=3000, strip_accents=False)


def check(place: Path, texts: tuple[str, ...], tokenizer: WordPiece, **settings: object) -> dict[str, DataWarning]:
    """The warnings of a sample of these texts, by key; `sentences__language` and the like are settings."""
    config = from_dict(Config, nested_settings(Config, None, settings))
    path = place / "corpus.jsonl"
    path.write_text("".join(json.dumps({"id": f"{n}", "text": text}) + "\n" for n, text in enumerate(texts)))
    sources = expand_inputs([str(path)], LocalFiles(), config.input)
    plan = make_plan(sources, "", tokenizer, config)
    sample = take_sample(sources, LocalFiles(), config.input, expected_bytes=expected_text_bytes(sources))
    found = check_sample(plan, sources, summarize_sample(plan, sample), whole=sample.whole)
    return {warning.key: warning for warning in found}


@pytest.mark.parametrize("language", CODES)
def test_text_in_another_script_than_english_is_seen(language: str, tmp_path: Path) -> None:
    """With the default language, the warning names the code of the text's own language."""
    found = check(tmp_path, texts_of(language), own_vocabulary(language))
    assert f"({CODES[language]})" in found["language"].message
    assert "sentences.language = 'en'" in found["language"].message


@pytest.mark.parametrize("language", [*LATIN, "ar", "el", "he", "hi", "ru", "zh"])
def test_the_right_language_and_vocabulary_are_sound(language: str, tmp_path: Path) -> None:
    """No false alarm about language, accents, words, [UNK], labels or one-sentence documents."""
    code = "xx" if language == "vi" else language  # spaCy's Vietnamese needs another package
    found = check(tmp_path, texts_of(language), own_vocabulary(language), sentences__language=code)
    assert not found.keys() - {"padding_share", "vocabulary_seen_share"}
    assert not any(warning.stops for warning in found.values())


@pytest.mark.parametrize(
    ("language", "keys"),
    [
        ("hi", {"language", "stripped_share", "tokens_per_word", "unknown_share"}),
        ("vi", {"stripped_share"}),
        ("ru", {"language", "tokens_per_word"}),
        ("he", {"language", "tokens_per_word"}),
        ("en", set()),
        ("de", {"tokens_per_word"}),
    ],
)
def test_googles_english_vocabulary_on_other_languages(language: str, keys: set[str], tmp_path: Path) -> None:
    """Deleted marks and words in many pieces are reported only where they occur."""
    found = check(tmp_path, texts_of(language), WordPiece.load(shared(GOOGLE)))
    judged = {"language", "stripped_share", "tokens_per_word", "unknown_share"}
    assert found.keys() & judged == keys


def test_a_mixed_corpus_is_judged_by_its_shares(tmp_path: Path) -> None:
    """A third of Chinese in English is named with its share and its code; a few characters are not."""
    english, chinese = texts_of("en"), texts_of("zh")
    both = train(lambda: iter([*english, *chinese]), vocab_size=5000, strip_accents=False)
    found = check(tmp_path, english + chinese, both)["language"]
    assert 0.2 < found.value < 0.6
    assert (
        "name the field of each document's language with sentences.language_field, or build each language alone (Chinese: zh)"
        in found.message
    )
    assert "language" not in check(tmp_path, (*english, chinese[0][:60]), both)


def test_english_under_a_chinese_rule_is_seen(tmp_path: Path) -> None:
    """Latin letters are in texts of every language, but are not most of them."""
    found = check(tmp_path, texts_of("en"), WordPiece.load(shared(GOOGLE)), sentences__language="zh")
    assert "Latin: the code of its language, such as en, de or fr" in found["language"].message


def chinese_passages() -> tuple[str, ...]:
    return tuple(record["text"] for record in documents(shared("languages/zh-hans_cmrc2018.jsonl.gz"), limit=300))


CHINESE = "vocab/bert-base-chinese.vocab.txt"


def test_chinese_under_the_default_language_is_named(tmp_path: Path) -> None:
    """The script is not that of `en`: the language is named, and with --strict the build stops before any work."""
    found = check(tmp_path, chinese_passages(), WordPiece.load(shared(CHINESE)))
    assert set(found) == {"language"}
    assert "Chinese: zh" in found["language"].message
    as_spacy = check(tmp_path, chinese_passages(), WordPiece.load(shared(CHINESE)), sentences__end_marks="as_spacy")
    assert as_spacy["cut_share"].value > 0.5
    named = "set sentences.language to the language of the text (Chinese: zh; it is 'en')"
    assert named in as_spacy["cut_share"].message
    config = Config()
    sources = expand_inputs([str(tmp_path / "corpus.jsonl")], LocalFiles(), config.input)
    plan = make_plan(sources, "", WordPiece.load(shared(CHINESE)), config)
    with pytest.raises(InputError, match=r"(?s)Chinese: zh"):
        preflight(plan, sources, LocalFiles(), strict=True)


def test_tokens_in_no_row_of_their_document_stop_a_build(tmp_path: Path) -> None:
    """Chinese as English, spaCy's sentences, nothing cut, Google's procedure: unused tokens (85%) and labels exceed their limits."""
    settings = {"pairing__fill": "overshoot", "sentences__max_tokens": 100_000, "sentences__end_marks": "as_spacy"}
    found = check(tmp_path, chinese_passages(), WordPiece.load(shared(CHINESE)), **settings)
    assert found["unused_share"].value == pytest.approx(0.85, abs=0.1)
    assert found["one_sentence_share"].value > 0.8
    assert {key for key, warning in found.items() if warning.stops} == {"unused_share", "label_1_share"}


def test_chinese_with_its_language_and_vocabulary_is_sound(tmp_path: Path) -> None:
    """Chinese passages with `zh` and a Chinese vocabulary give no warning."""
    found = check(tmp_path, chinese_passages(), WordPiece.load(shared(CHINESE)), sentences__language="zh")
    assert not found


@pytest.mark.parametrize(
    "name", ["english/english_inaugural.jsonl", "english/fixture_english.jsonl", "english/abstracts_20mb.jsonl.gz"]
)
def test_english_corpora_are_sound(name: str, tmp_path: Path) -> None:
    """Addresses, mixed documents and abstracts give no warning except for padding."""
    texts = tuple(record["text"] for record in documents(shared(name), limit=800))
    found = check(tmp_path, texts, WordPiece.load(shared(GOOGLE)))
    assert not found.keys() - {"padding_share"}


def test_points_that_are_deleted_from_a_pointed_text_are_seen(tmp_path: Path) -> None:
    """Biblical Hebrew is half points: Google's uncased vocabulary deletes them all. A vocabulary that keeps them is sound."""
    texts = tuple(record["text"] for record in documents(shared("languages/he_wlc_pointed.jsonl.gz"), limit=40))
    found = check(tmp_path, texts, WordPiece.load(shared(GOOGLE)), sentences__language="he")
    assert found["stripped_share"].value == pytest.approx(0.52, abs=0.03)
    assert "letters and marks in Hebrew script" in found["stripped_share"].message
    kept = train(lambda: iter(texts), vocab_size=4000, strip_accents=False)
    assert "stripped_share" not in check(tmp_path, texts, kept, sentences__language="he")


def test_latin_words_in_a_chinese_text_are_not_judged(tmp_path: Path) -> None:
    """A vocabulary trained on this text: one in seven tokens is of a Latin word, in many pieces because they are rare."""
    own = train(lambda: iter(chinese_passages()), vocab_size=4000)
    assert not check(tmp_path, chinese_passages(), own, sentences__language="zh")


def test_boilerplate_and_near_duplicates_are_seen(tmp_path: Path) -> None:
    """Three sentences at the end of every address; the same addresses five times with other white space."""
    footer = "Subscribe to our newsletter today. All rights reserved by the publisher. Click here to accept cookies."
    texts = tuple(record["text"][:1200] for record in documents(shared("english/english_inaugural.jsonl")))
    tokenizer = WordPiece.load(shared(GOOGLE))
    assert "repeated_share" not in check(tmp_path, texts, tokenizer)
    assert "repeated_share" not in check(tmp_path, tuple(f"{text}\n\n{footer}" for text in texts[:3]), tokenizer)
    with_footer = check(tmp_path, tuple(f"{text[:400]}\n\n{footer}" for text in texts), tokenizer)
    assert 0.1 < with_footer["repeated_share"].value < 0.3
    copies = check(tmp_path, tuple(text + " " * copy for text in texts for copy in range(5)), tokenizer)
    assert copies["repeated_share"].value == pytest.approx(0.8, abs=0.01)
    assert "duplicates_dropped" not in copies


def test_settings_without_effect_are_named(tmp_path: Path) -> None:
    """A setting without effect and an unusual value are reported."""
    settings = {"pairing__objective": "none", "pairing__negatives": "similar", "masking__masked_lm_prob": 0.9}
    path = tmp_path / "warnings"
    path.mkdir()
    found = check(path, texts_of("en"), WordPiece.load(shared(GOOGLE)), **settings)
    assert found["no_effect"].message.startswith(
        "pairing.negatives = 'similar' has no effect: pairing.objective = 'none'"
    )
    assert found["unusual_setting"].message.startswith("masking.masked_lm_prob = 0.9; usual: from 0.01 to 0.5")


def test_every_check_is_documented() -> None:
    """docs/statistics.md names each check with its hard limit, and every setting of the limits."""
    page = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")
    for one in CHECKS:
        assert f"`{one.key}`" in page
        assert not one.limit or f"`{one.limit}`" in page


def test_several_findings_are_one_a_line() -> None:
    """Findings that stop the build come first; a single finding is on the line of the reason."""
    warning = DataWarning(key="a", message="first")
    stop = DataWarning(key="b", message="second", stops=True)
    with pytest.raises(UnsoundInputError) as raised:
        require_in_range([warning, stop], strict=False)
    assert str(raised.value).split("\n")[1:] == ["  - second", "  - warning: first"]
    with pytest.raises(UnsoundInputError, match=r"^.*hard limit.: second$"):
        require_in_range([stop], strict=False)


@pytest.mark.parametrize("text", ["Größe. Zwei.", " " * 9 + "x", "Zwei"])
def test_of_a_text_kept_as_utf8_the_same_beginning_is_checked(text: str) -> None:
    """Without a string of all of it."""
    utf8 = text.encode()
    long = DocumentBatch(ids=["a"], texts=LongText(utf8), utf8=[utf8])
    short = DocumentBatch(ids=["a"], texts=[text], utf8=[utf8])
    (found, expected) = (shortened(Sample(batches=[batch], kept_bytes=30), 5) for batch in (long, short))
    assert [list(part.texts) for part in found.batches] == [part.texts for part in expected.batches]
    assert [list(part.encoded()) for part in found.batches] == [part.encoded() for part in expected.batches]
    assert found.whole == expected.whole


def test_of_a_long_text_the_beginning_is_checked() -> None:
    """Not of one that begins with white space, nor of one with given sentences; a shortened sample is not the whole input."""
    batch = DocumentBatch(ids=["a", "b", "c"], texts=["One. Two.", "Hi.", " " * 9 + "x"], utf8=[b"1", b"2", b"3"])
    given = DocumentBatch(ids=["d"], texts=["One. Two."], sentences=[["One.", "Two."]])
    found = shortened(Sample(batches=[batch, given], kept_bytes=30), 5)
    assert [part.texts for part in found.batches] == [["One. ", "Hi.", " " * 9 + "x"], ["One. Two."]]
    assert found.batches[0].encoded() == [b"One. ", b"Hi.", b" " * 9 + b"x"]
    assert not found.whole
    assert shortened(Sample(batches=[batch, given]), 10).batches == [batch, given]
    assert shortened(Sample(batches=[batch, given]), 10).whole
