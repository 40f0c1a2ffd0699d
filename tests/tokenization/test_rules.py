"""The sentence rules: golden examples of each correction, and the measure on gold sentences."""

from __future__ import annotations

from functools import cache

import pytest

from nspdata.tokenization.encoders import can_encode_fast
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter
from tests.shared import documents, shared
from tests.tokenization.texts import BUNDLED, assert_same, wordpiece

GOLDENS = {
    "opening quotes": (
        "en",
        "Press the key now.| “Modes” differ.| (See page 3.)| He left.| \"Modes\" came back.| 'Yes' too.",
    ),
    "closing quotes": ("en", 'He said "Go."| Then (in May.)| “Off.”| It was late.'),
    "quotes of German": ("de", "Er kam. |„Gut.“ |»Ja.« |Sie ging."),
    "spaced quotes of French": ("fr", "Il vint. |« Bon », dit-il. |« Oui. » |Elle partit."),
    "Spanish": ("es", "¿Qué haces?| ¡Nada!| Vamos."),
    "Chinese titles": ("zh", "然后走了。|《红楼梦》很长。|总面积11.37平方公里。|用node.js写。"),
    "dashes": ("ru", "— Да.| — Нет, — сказал он.| — Я приду."),
    "years in Arabic": ("ar", "وصل عام 2004.| كان كثيراً.| ثم رحل."),
    "years in German": ("de", "Das war 1992.| Am 4. Oktober 2. Teil kam er um 23:45.| Ende."),
    "initials and abbreviations": ("en", "John F. Kennedy of the U.S. Senate under 2C.| It held."),
    "lower case": ("en", "“Why?” he said, and “Yahoo!” and AOL.| Then."),
    "initials in Russian": ("ru", "Это было в 363 году до н. э. на юге.| Потом."),
    "ordinals": ("sk", "Bolo to 20. marec 2020.| Koniec."),
    "ellipsis": ("en", "I do not know ...| Two years later he... left.| No..."),
    "Armenian": ("hy", "Բարեւ։| Երկրորդ նախադասություն։| Երրորդ:| Չորրորդ:"),
    "Hindi": ("hi", "यह पहला है॥| यह दूसरा है।| तीसरा।"),
    "Burmese": ("xx", "ခင်ဗျား၊နာမည်။|ဘယ်လိုခေါ်လဲ။|"),
    "Hebrew verses": ("he", "אָדָם שֵׁת אֱנוֹשׁ׃| קֵינָן מַהֲלַלְאֵל יָרֶד׃|"),
    "Tibetan": ("xx", "བོད་སྐད།| གཉིས་པ།|"),
    "Khmer": ("xx", "នេះមួយ។|នេះពីរ។|"),
    "Amharic": ("am", "እንደምን አለህ፧|መልካም ቀን።|"),
    "Japanese without its tokenizer": ("xx", "これは本です。|「はい。」|そうです！|次。"),
    "Greek": ("el", "Τι κάνεις;| Καλά."),
    "exceptions": ("en", "We met Mr. Hale Jr. at 5 p.m. today.| He left."),
}
"""Language and text; a bar is where a sentence begins."""


@cache
def splitter(language: str, **settings: str) -> Splitter:
    return Splitter(language, **settings)


@pytest.mark.parametrize("name", GOLDENS)
def test_sentences_are_those_that_a_reader_marks(name: str) -> None:
    """Sentences equal hand-made ones for each correction, with both encoders."""
    language, marked = GOLDENS[name]
    text = marked.replace("|", "")
    spans = next(splitter(language).split([text]))
    starts = [
        len(text[:start]) + len(text[start:end]) - len(text[start:end].lstrip())
        for start, end in spans
        if text[start:end].strip()
    ]
    expected, at = [], 0
    for part in marked.split("|"):
        if part.strip():
            expected.append(at + len(part) - len(part.lstrip()))
        at += len(part)
    assert [text[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)] == [
        text[a:b] for a, b in zip(expected, [*expected[1:], None], strict=True)
    ]
    if can_encode_fast(splitter(language)):
        tokenizer = wordpiece(BUNDLED)
        assert_same(FastEncoder(splitter(language), tokenizer), PlainEncoder(splitter(language), tokenizer), [text])


def test_each_correction_can_be_turned_off() -> None:
    """Each correction has a setting; with all off, sentences are those of spaCy's sentencizer."""
    text = "In 2004 'twas so. “Modes” differ (2C.) He said ”no”: it is. done; Yes."
    as_spacy = {"opening_marks": "as_spacy", "end_marks": "as_spacy"}
    expected = [sentence.text_with_ws for sentence in splitter("en", **as_spacy).nlp(text).sents]
    assert parts("en", text, **as_spacy) == [sentence.strip() for sentence in expected]
    assert parts("en", text, end_marks="as_spacy")[1].startswith("“Modes”")
    assert parts("en", "A bee. “See” it.", opening_marks="as_spacy") == ["A bee. “", "See” it."]
    assert parts("de", "Es war 1992. Ja.", end_marks="as_spacy") == ["Es war 1992. Ja."]


def test_extra_marks_end_sentences() -> None:
    """A mark of ASCII at the end of a word, any other wherever it is; also where nothing else is corrected."""
    assert parts("en", "At 10:30 he came: It rained: Yes.", extra_marks=":") == [
        "At 10:30 he came:",
        "It rained:",
        "Yes.",
    ]
    for end_marks in ("corrected", "as_spacy"):
        assert parts("en", "one§Two § Three", extra_marks="§", end_marks=end_marks) == ["one§", "Two §", "Three"]


def parts(language: str, text: str, **settings: str) -> list[str]:
    return [text[start:end].strip() for start, end in next(splitter(language, **settings).split([text]))]


GOLD = {
    "ar_pud-ud-test": ("ar", 0.99),
    "de_pud-ud-test": ("de", 0.99),
    "en_pud-ud-test": ("en", 0.99),
    "en_ewt-ud-test": ("en", 0.92),
    "hi_pud-ud-test": ("hi", 0.99),
    "ru_pud-ud-test": ("ru", 0.99),
    "zh_gsdsimp-ud-test": ("zh", 0.99),
}


@pytest.mark.parametrize("name", GOLD)
def test_gold_sentences_are_found(name: str) -> None:
    """F1 of the sentence ends against gold sentences, white space ignored."""
    language, least = GOLD[name]
    right = found = 0
    for record in documents(shared(f"segmentation/seg_{name}.jsonl")):
        text = record["text"]
        gold = ends(text, record["spans"])
        ours = ends(text, next(splitter(language).split([text])))
        right, found = right + len(gold & ours), found + len(gold) + len(ours)
    assert 2 * right / found >= least


def ends(text: str, spans: list[list[int]] | list[tuple[int, int]]) -> set[int]:
    return {start + len(text[start:end].rstrip()) for start, end in spans if text[start:end].strip()}
