"""Texts that are hard to split and tokenize: real chunks glued to anything that Unicode has."""

from __future__ import annotations

import random
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.building.corpus import records
from tests.reference.sentences import pipeline
from tests.shared import SHARED, documents
from tests.tokenization.texts import has_surrogate

if TYPE_CHECKING:
    from collections.abc import Callable

WHITE_SPACE = [
    *(" ", "\n", "\n\n", "\t", "\r\n", "\r", "  ", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0"),
    *(
        "\u1680",
        "\u2003",
        "\u2028",
        "\u2029",
        "\u202f",
        "\u3000",
        "\n \n",
        "\r\n\r\n",
        " \x1c ",
        "\n\x85\n",
        "\u2009\n",
    ),
]

NEARLY_WHITE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u180e", "\u00ad", "\u061c", "\u202b"]

MARKS = [
    *".!?。！？…,;:\"'()[]{}«»„“”‘’-–—_*#@&%/\\|<>~^`$+=։؟।॥།෴๏᠃¿¡",
    *("...", '."', ".'", "?!", '!"', "--", ".)", ").", ".[1]", "。」", "！？", ".-", "..", "!...", "?)"),
    *("[SEP]", "[CLS]", "[MASK]", "[UNK]", "[PAD]", "[SEP", "[sep]", "[[SEP]]", "[MASK][MASK]", ".[SEP]", "SEP]"),
]

WORDS = [
    *(
        "id.",
        "wed.",
        "e.g.",
        "U.S.",
        "Mr.",
        "a.m.",
        "10.5",
        "1,000",
        "don't",
        "http://a.b/c?d=e.",
        "a@b.co",
        ":-)",
        "¯\\_(ツ)_/¯",
    ),
    *(
        "👩‍👩‍👧‍👦",
        "🏳️‍🌈",
        "e\u0301",
        "ñ",
        "n\u0303",
        "ﬁ",
        "İ",
        "ẞ",
        "ǆ",
        "ς",
        "한국어",
        "각",
        "日本語。",
        "ｶﾞ",
        "שָׁלוֹם",
        "عَرَبِيّ",
        "นี่",
        "क्षि",
        "Ａ．",
    ),
    *(
        "a" * 99,
        "a" * 100,
        "a" * 101,
        "é" * 100,
        "a" * 100 + ".",
        "漢" * 30,
        "\u0344",
        "\u0958",
        "\ufb1d",
        "\U0001d15e",
        "\u1e9b\u0323",
    ),
]


@cache
def real_chunks() -> list[str]:
    """What stands between white space in real texts."""
    names = ["english/fixture_english.jsonl", "languages/fixture_multilingual.jsonl", "dirty/blns_docs.jsonl"]
    found = [record["text"] for record in records()]
    for name in names:
        if (SHARED / name).exists():
            found += [record["text"] for record in documents(SHARED / name)]
    chunks = {chunk for text in found for chunk in text.split() if len(chunk) < 60 and not has_surrogate(chunk)}
    return sorted(chunks)


@cache
def rules(language: str) -> list[str]:
    """The strings that spaCy's tokenizer has rules for."""
    return sorted(getattr(pipeline(language).tokenizer, "rules", None) or ["etc."])


def texts_of(language: str) -> st.SearchStrategy[str]:
    """Texts for hypothesis, which makes a failing one small."""
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    chunk = st.one_of(
        st.deferred(lambda: st.sampled_from(real_chunks())),
        st.deferred(lambda: st.sampled_from(rules(language))),
        st.sampled_from(MARKS),
        st.sampled_from(WORDS),
        st.sampled_from(NEARLY_WHITE),
        st.text(characters, max_size=4),
    )
    between = st.sampled_from(["", "", " ", " ", *WHITE_SPACE])
    return st.lists(st.tuples(chunk, between), max_size=25).map(lambda parts: "".join(map("".join, parts)))


def hard_texts(language: str, characters: int, seed: int) -> list[str]:
    """Many texts at once, from a seed."""
    source = random.Random(f"{language} {seed}")
    makers = [maker for share, maker in MAKERS for _ in range(share)]
    texts, size = [], 0
    while size < characters:
        count = source.randrange(60)
        spaces = [source.choice(WHITE_SPACE) if source.random() < 0.4 else " " for _ in range(count)]
        text = "".join(source.choice(makers)(source, language) + space for space in spaces)
        if "\0" not in text:
            texts.append(text)
            size += len(text)
    return texts


def any_character(source: random.Random) -> str:
    """A character: Latin, of a script with marks, CJK, or any at all but a surrogate."""
    ranges = [
        (0x20, 0x250),
        (0x300, 0x370),
        (0x370, 0x700),
        (0x900, 0xE00),
        (0x3000, 0xA000),
        (0x1, 0xD800),
        (0xE000, 0x110000),
    ]
    return chr(source.randrange(*source.choice(ranges)))


def combining(source: random.Random) -> str:
    """A run of combining marks, of which canonical order may want another order."""
    return "".join(source.choice(COMBINING) for _ in range(source.randrange(1, 4)))


COMBINING = [chr(code) for code in range(0x110000) if unicodedata.combining(chr(code))]


def _real(source: random.Random) -> str:
    return source.choice(real_chunks())


MAKERS: list[tuple[int, Callable[[random.Random, str], str]]] = [
    (8, lambda source, _: _real(source)),
    (3, lambda source, _: _real(source) + source.choice(MARKS)),
    (2, lambda source, _: source.choice(MARKS) + _real(source)),
    (2, lambda source, _: "".join(source.choice(MARKS) for _ in range(source.randrange(1, 5)))),
    (2, lambda source, _: source.choice(WORDS) + source.choice(["", *MARKS])),
    (2, lambda source, _: _real(source)[:3] + any_character(source) + _real(source)[-3:]),
    (1, lambda source, _: "".join(any_character(source) for _ in range(source.randrange(1, 6)))),
    (1, lambda source, _: source.choice("ab\u00e9") * source.randrange(98, 103) + source.choice(["", ".", "!"])),
    (1, lambda source, _: _real(source) + source.choice(NEARLY_WHITE) + _real(source)),
    (1, lambda source, _: _real(source) + combining(source) + source.choice(["", "."])),
    (2, lambda source, language: source.choice(rules(language)) + source.choice(["", ".", ")", "!"])),
]
