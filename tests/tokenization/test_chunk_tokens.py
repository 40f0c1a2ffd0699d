"""Tokens of chunks by programs of spaCy's patterns: those of spaCy, in each of its languages."""

from __future__ import annotations

import pkgutil
import random
import re
from typing import Any

import numpy as np
import pytest
import spacy
import spacy.lang
from spacy.tokenizer import Tokenizer
from spacy.vocab import Vocab

from nspdata.tokenization.fast.chunk_tokens import ChunkTokens
from nspdata.tokenization.fast.facts import tokenizer_facts
from nspdata.tokenization.fast.parsing import UnknownPatternError
from nspdata.tokenization.fast.programs import write_programs
from nspdata.tokenization.rules import classes
from tests.reference.sentences import pipeline
from tests.tokenization.fuzzing import MARKS, any_character, hard_texts

LANGUAGES = sorted(module.name for module in pkgutil.iter_modules(spacy.lang.__path__) if module.ispkg)

OWN_PACKAGES = {"ja", "ko", "th", "vi", "zh"}
"""Languages whose tokenizer is not spaCy's own."""

CLASSES = np.zeros(0x110000, np.uint16)
for _code in range(0x110000):
    if chr(_code).isspace():
        CLASSES[_code] = classes(chr(_code))


def tokens_of(tokenizer: Any, chunks: list[str]) -> list[list[int]]:
    """Where the tokens of each chunk begin, and its length."""
    codes = np.frombuffer("".join(chunks).encode("utf-32-le"), np.uint32)
    ends = np.cumsum([len(chunk) for chunk in chunks])
    asked = np.stack([ends - [len(chunk) for chunk in chunks], ends], axis=1).astype(np.int64)
    bounds, counts = ChunkTokens(tokenizer_facts(tokenizer), lambda: tokenizer).of(codes, asked, CLASSES)
    return [part.tolist() for part in np.split(bounds, np.cumsum(counts)[:-1])]


def expected(tokenizer: Any, chunk: str) -> list[int]:
    return [*(token.idx for token in tokenizer(chunk)), len(chunk)]


def blank(**patterns: Any) -> Tokenizer:
    """A tokenizer with these patterns alone."""
    return Tokenizer(Vocab(), **patterns)


QUICK = ["ca", "de", "en", "fr", "hu", "it", "pl", "tr", "xx"]
"""Each has patterns that others do not have: empty infixes, suffixes that may be empty, `token_match`, one that ignores case."""


@pytest.mark.parametrize("language", QUICK)
def test_tokens_are_those_of_spacy(language: str) -> None:
    """Chunks of real texts, marks, words, rules of the language, and any characters."""
    hold_to_spacy(language)


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted({*LANGUAGES} - {*QUICK} - OWN_PACKAGES))
def test_tokens_are_those_of_spacy_in_every_language(language: str) -> None:
    """As above."""
    hold_to_spacy(language)


def test_tokens_of_french_words_are_those_of_spacy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of `token_match` and others, with every hyphen and apostrophe, and with letters that only case makes equal."""
    asked = questions(monkeypatch)
    source = random.Random(6)
    chunks = [french(source) for _ in range(20_000)]
    hold_to_tokens("fr", list(dict.fromkeys(chunk for chunk in chunks if not any(map(str.isspace, chunk)))))
    assert not asked


FRENCH = [
    "porte-avions",
    "etats-unis",
    "états-unis",
    "saint-étienne",
    "arc-en-ciel",
    "pet-en-l'air",
    "week-end",
    "va-t-il",
    "entr'ouvert",
    "grand'mère",
    "prud'homme",
    "aujourd'hui",
    "l'homme-grenouille",
    "qu'est-ce",
    "zig-zag",
    "z'yeuter",
    "droits-de-l'homme",
    "knock-out",
    "réarc-bouter",
    "k-o",
    "sous-sol",
    "rendez-vous",
    "n°",
]

SAME = {
    "-": "-\u2013\u2014\u2010\u2011",
    "'": "'\u2019",
    "k": "kK\u212a",
    "s": "sS\u017f",
    "i": "iI\u0130\u0131",
    "é": "éÉe",
}
"""Marks and letters that the patterns of French take for one another, and some that they do not."""


def french(source: random.Random) -> str:
    """A word of French, some with letters in another case, with any character inside, or glued to marks."""
    word = "".join(source.choice(SAME.get(letter, letter)) for letter in source.choice(FRENCH))
    if source.random() < 0.3:
        word = "".join(source.choice([letter, letter.upper()]) for letter in word)
    if source.random() < 0.3:
        at = source.randrange(len(word))
        word = word[:at] + any_character(source) + word[at + source.randrange(2) :]
    if source.random() < 0.6:
        word = source.choice(["", "d'", *MARKS]) + word + source.choice(["", "-là", *MARKS])
    return word


def hold_to_spacy(language: str) -> None:
    texts = hard_texts(language, 4_000, seed=31)
    hold_to_tokens(language, list(dict.fromkeys(chunk for text in texts for chunk in text.split())))


def hold_to_tokens(language: str, chunks: list[str]) -> None:
    tokenizer = pipeline(language).tokenizer
    for chunk, found in zip(chunks, tokens_of(tokenizer, chunks), strict=True):
        assert found == expected(tokenizer, chunk), chunk


def questions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of chunks in each question to spaCy from now on."""
    asked: list[int] = []
    ask = ChunkTokens._ask_spacy
    monkeypatch.setattr(
        ChunkTokens, "_ask_spacy", lambda self, codes, chunks: (asked.append(len(chunks)), ask(self, codes, chunks))[1]
    )
    return asked


def test_spacy_is_asked_for_few_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses, file names and rules need no question, and neither does a token that looks like a rule of several."""
    asked = questions(monkeypatch)
    tokenizer = pipeline("en").tokenizer
    chunks = ["https://a.org/b?c=d#e.", "(parser.py:12),", "“Go!”", "10km.", "a-b/c", "user@host.net", "U.S.A."]
    assert tokens_of(tokenizer, chunks) == [expected(tokenizer, chunk) for chunk in chunks]
    assert asked == []
    assert tokens_of(tokenizer, ["(don't)", "e.g.", "can't.", "(U.S.)"]) == [
        [0, 1, 3, 6, 7],
        [0, 4],
        [0, 2, 5, 6],
        [0, 1, 5, 6],
    ]
    assert asked == []
    found = tokens_of(tokenizer, ["(xalloc):", "a):b)"])
    assert found == [expected(tokenizer, chunk) for chunk in ("(xalloc):", "a):b)")]
    assert found[0] == [0, 1, 7, 9]
    assert asked == []
    assert tokens_of(tokenizer, ["x/dont"]) == [expected(tokenizer, "x/dont")]
    assert asked == []


def test_rules_that_overlap_are_those_of_spacy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A longer one and one inside it, two that share a token, one of more tokens than its run, with white space inside."""
    rules = {
        "ab": "a b",
        "a-b": "a- b",
        "b-c": "b -c",
        "-.": "-.",
        "-.!": "- .!",
        "..!": "..!",
        "x.y": "x . y",
        "'": "'",
    }
    rules = {rule: [{"ORTH": text} for text in texts.split()] for rule, texts in rules.items()}
    tokenizer = blank(
        rules=rules,
        prefix_search=re.compile(r"^[-.!']").search,
        suffix_search=re.compile(r"[-.!']$").search,
        infix_finditer=re.compile(r"[-.!']").finditer,
    )
    for string in ("a b", "b- -", "c. x a"):
        tokenizer.add_special_case(string, [{"ORTH": string}])
    source = random.Random(5)
    spaced = ["".join(source.choice("abcx--.. ") for _ in range(source.randrange(1, 12))).strip() for _ in range(3000)]
    chunks = ["".join(source.choice("abcxy--..!'") for _ in range(source.randrange(1, 9))) for _ in range(3000)]
    chunks += [chunk for chunk in spaced if chunk and "  " not in chunk]
    asked = questions(monkeypatch)
    for chunk, found in zip(chunks, tokens_of(tokenizer, chunks), strict=True):
        assert found == expected(tokenizer, chunk), chunk
    assert not asked
    assert tokens_of(tokenizer, ["a  b"]) == [expected(tokenizer, "a  b")]
    assert asked == [1]


@pytest.mark.parametrize(
    ("pattern", "chunk"),
    [
        (r"(?<=a)b(?!c)|d+(?=e)", "xabcabddde"),
        (r"(?<!a)b|(?:bc|b)(?=d)", "abcbcdb"),
        (r"(?<=[ab])(?=[cd])", "acbdacb"),
        (r"x*", "axxb"),
        (r"(?:ab?){2,3}c", "ababac-aaaac-abc"),
        (r"a(?:b|bc)(?:cd|d)?e?", "abcdeabcd"),
        (r"[^a-c]{2}", "xyaxyz"),
        (r"(?<=(?<!x)a)b", "xabab"),
        (r"(?i)(?<=k)[^a-c\xb5]|ss|\u03c3+$", "xKa\u212ab\u212a\u03bcSSz\u017fS\u03c2\u03a3"),
    ],
)
def test_infixes_are_those_of_re(pattern: str, chunk: str) -> None:
    """Assertions inside each other, empty matches, choices that are taken back."""
    tokenizer = blank(infix_finditer=re.compile(pattern).finditer)
    assert tokens_of(tokenizer, [chunk]) == [expected(tokenizer, chunk)]


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?ia)ab", r"(?i:a)b", r"a+?", r"(?:a|)*b", r"\bab", r"(?>a)b", r"(?:ab){30}"]
)
def test_a_pattern_of_another_kind_has_no_program(pattern: str) -> None:
    """Then spaCy is asked for each chunk."""
    tokenizer = blank(suffix_search=re.compile(pattern).search)
    with pytest.raises(UnknownPatternError):
        write_programs(tokenizer)
    assert tokens_of(tokenizer, ["cab"]) == [expected(tokenizer, "cab")]


def test_another_function_has_no_program() -> None:
    """A function that is not a pattern's, and the wrong one of a pattern."""
    for search in (lambda _: None, re.compile("a").match):
        with pytest.raises(UnknownPatternError):
            write_programs(blank(prefix_search=search))


def test_spacy_is_asked_when_a_match_takes_too_long() -> None:
    """A pattern that tries every way to divide a run of letters."""
    tokenizer = blank(token_match=re.compile(r"(?:a+)+b").match)
    chunk = "a" * 22
    assert tokens_of(tokenizer, [chunk, "aab"]) == [[0, 22], [0, 3]]
