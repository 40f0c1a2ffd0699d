"""Decoding: readable in every script, and safe for any vocabulary."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.inspection.decoding import decode, isolate, spell, standing_alone, visible
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary


def decoded(*tokens: str) -> str:
    """The text of these tokens, in a vocabulary that holds them."""
    vocabulary = Vocabulary(tuple(dict.fromkeys([*SPECIAL_TOKENS, *tokens])))
    return decode([vocabulary.tokens.index(token) for token in tokens], vocabulary)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["he", "jump", "##ed", ".", "then", "(", "so", ")", ","], "he jumped. then (so),"),
        (["don", "'", "t", "say", "'", "no", "'"], "don't say ' no '"),
        (["東", "京", "は", "##い", "。", "tokyo"], "東京はい。 tokyo"),
        (["서울", "시", "##내"], "서울 시내"),
        (["של", "##ום", "עולם"], "שלום עולם"),
        (["##x", "##", "a"], "x ## a"),
        (["[MASK]", "[SEP]", "a"], "[MASK] [SEP] a"),
    ],
)
def test_pieces_are_joined_as_they_are_written(tokens: list[str], text: str) -> None:
    """Continuations are joined, punctuation is spaced as in print, Han and kana have no spaces."""
    assert decoded(*tokens) == text


def test_an_id_that_no_vocabulary_holds_is_named() -> None:
    """Damaged rows are shown too: an id outside the vocabulary is a piece that says so."""
    pieces = spell([5, 99], Vocabulary((*SPECIAL_TOKENS, "a")))
    assert [piece.text for piece in pieces] == ["a", "[id 99]"]


@given(st.text())
def test_nothing_hostile_is_left(text: str) -> None:
    """Control, format, surrogate and unassigned characters are escaped; all others are unchanged."""
    shown = visible(text)
    assert {unicodedata.category(character) for character in shown}.isdisjoint({"Cc", "Cf", "Cs", "Co", "Cn"})
    if text.isascii() and text.isprintable():
        assert shown == text


@given(st.lists(st.text(min_size=1), unique=True, min_size=1))
def test_a_hostile_vocabulary_decodes_to_harmless_text(tokens: list[str]) -> None:
    """Whatever stands in a vocabulary, its decoded text holds no character that a terminal obeys."""
    shown = decoded(*tokens)
    assert not any(unicodedata.category(character) in {"Cc", "Cf"} for character in shown)


def test_right_to_left_text_is_isolated() -> None:
    """Hebrew and Arabic are isolated by their own direction, whatever special token comes first; Latin is left alone."""
    assert isolate("[MASK] שלום") == "\u2067[MASK] שלום\u2069"
    assert isolate("the word שלום here") == "\u2066the word שלום here\u2069"
    assert isolate("plain") == "plain"


def test_a_token_by_itself_shows_what_it_is() -> None:
    """A continuation keeps its ##, and a combining mark stands on a dotted circle."""
    assert standing_alone("##ing") == "##ing"
    assert standing_alone("##\u05b0") == "##\u25cc\u05b0"
    assert standing_alone("\x1b") == "␛"
