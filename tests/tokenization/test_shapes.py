"""Shapes of chunks: the same shape, the same tokens; and spaCy is asked for few chunks."""

from __future__ import annotations

import re

import numpy as np
import pytest
import spacy

from nspdata.tokenization.fast.alphabet import groups_of
from nspdata.tokenization.fast.answers import Answers
from nspdata.tokenization.fast.characters import Characters
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.fast.facts import tokenizer_facts
from nspdata.tokenization.fast.shapes import Shapes
from nspdata.tokenization.rules import SentenceRules
from nspdata.tokenization.sentences import Splitter
from tests.tokenization.fuzzing import hard_texts
from tests.tokenization.texts import BUNDLED, assert_same, encoders, wordpiece

LANGUAGES = ["en", "de", "fr", "ru", "tr", "hu", "hi", "xx"]


def answered(language: str, chunks: list[str]) -> tuple[Answers, list[int]]:
    """The number of each chunk's answer, asked for in one batch."""
    splitter = Splitter(language)
    characters = Characters(wordpiece(BUNDLED).backend, splitter.rules or SentenceRules())
    codes = np.frombuffer("".join(chunks).encode("utf-32-le"), np.uint32)
    ends = np.cumsum([len(chunk) for chunk in chunks])
    characters.learn(codes)
    answers = Answers(
        tokenizer_facts(splitter.nlp.tokenizer), lambda: splitter.nlp.tokenizer, splitter.rules or SentenceRules()
    )
    asked = np.stack([ends - [len(chunk) for chunk in chunks], ends], axis=1).astype(np.int64)
    return answers, answers.of(codes, asked, characters.classes).tolist()


def bounds_of(answers: Answers, answer: int) -> list[int]:
    return answers.bounds[answers.bound_ends[answer] : answers.bound_ends[answer + 1]].tolist()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tokens_of_an_answer_are_those_of_spacy(language: str) -> None:
    """Every chunk of hard texts, most of them answered by the shape of another: the tokens that spaCy gives this one."""
    chunks = list(dict.fromkeys(chunk for text in hard_texts(language, 60_000, seed=21) for chunk in text.split()))
    answers, found = answered(language, chunks)
    tokenizer = spacy.blank(language).tokenizer
    for chunk, answer in zip(chunks, found, strict=True):
        tokens = tokenizer(chunk)
        assert bounds_of(answers, answer) == [*(token.idx for token in tokens), len(chunk)], chunk


def test_words_that_patterns_cannot_tell_apart_share_an_answer() -> None:
    """Letters of one case, digits; not a chunk of another length, with a unit, or with a rule of the tokenizer."""
    same = ["(parser.py:123)", "(reader.js:456)"]
    chunks = [*same, "(parsers.py:12)", "12.5km", "12.5xq", "73.1xq", "xxxx's.", "yyyy's.", "e.g.", "a.b."]
    answers, found = answered("en", chunks)
    assert found[0] == found[1] != found[2]
    assert found[3] != found[4] == found[5]
    assert bounds_of(answers, found[3]) == [0, 4, 6]
    assert len(set(found[6:])) == 4


def test_few_chunks_of_web_text_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """File names and places in files: each is new, and there are few shapes."""
    asked = []
    ask = Answers._ask
    monkeypatch.setattr(
        Answers,
        "_ask",
        lambda self, codes, chunks, classes: (asked.append(len(chunks)), ask(self, codes, chunks, classes))[1],
    )
    letters = "abcefhjnpqruvwxz"
    names = [f"/usr/{letters[n % 16]}o{letters[n // 16 % 16]}.txt:{100 + n % 800}" for n in range(2000)]
    fast, plain = encoders("en", wordpiece(BUNDLED))
    fast = FastEncoder(Splitter("en"), wordpiece(BUNDLED))
    assert_same(fast, plain, [" ".join(names)])
    assert sum(asked) < 20


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?ia)ab", r"(?i:a)b", r"(a)?(?(1)b|c)"])
def test_a_pattern_of_another_kind_has_no_groups(pattern: str) -> None:
    """Back references and flags for a part depend on more than sets of characters; then every chunk is asked for."""
    tokenizer = spacy.blank("en").tokenizer
    tokenizer.prefix_search = re.compile(pattern).search
    assert groups_of(tokenizer) is None
    assert Shapes(tokenizer_facts(tokenizer)).groups is None
