"""Sections of a long text: the paragraphs and pieces of the whole text, however it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nspdata.tokenization import sections as module
from nspdata.tokenization.encoded import Encoded
from nspdata.tokenization.paragraphs import paragraph_spans
from nspdata.tokenization.sections import sections
from tests.tokenization.texts import BUNDLED, Corpus, encoders, wordpiece

ALPHABETS = ["ab \n\n\r\t.。\x85\u2028", "ab\n", "a \n", "a\r\n", "abcd。 "]


def pieces_of(text: str, paragraphs: str, limit: int) -> list[str]:
    """The paragraphs of a text, cut."""
    return [text[start:end] for start, end in paragraph_spans(text, paragraphs, max_characters=limit)]


@given(
    text=st.sampled_from(ALPHABETS).flatmap(lambda alphabet: st.text(alphabet, max_size=60)),
    sizes=st.lists(st.integers(1, 8), min_size=60, max_size=60),
    paragraphs=st.sampled_from(["blank_line", "line", "none"]),
    limit=st.integers(1, 12),
)
@settings(max_examples=500)
def test_sections_have_the_pieces_of_the_whole_text(text: str, sizes: list[int], paragraphs: str, limit: int) -> None:
    """Of any text in any pieces; a piece of a long paragraph is divided like a text of its own, as it always was."""
    arriving, rest = [], text
    for size in sizes:
        arriving.append(rest[:size])
        rest = rest[size:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LEAST_CHARACTERS", 1)
        found = list(sections(arriving, paragraphs, limit))
    expected = [part for piece in pieces_of(text, paragraphs, limit) for part in pieces_of(piece, paragraphs, limit)]
    assert [part for section in found for part in pieces_of(section, paragraphs, limit)] == expected
    assert all(len(section) <= limit for section in found)


@pytest.mark.parametrize("number", [0, 1], ids=["fast", "plain"])
def test_a_text_in_pieces_has_the_ids_of_the_text(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ids, sentences and documents, with a text of many sections."""
    monkeypatch.setattr(module, "LEAST_CHARACTERS", 1000)
    text = "\n\n".join(Corpus(BUNDLED).texts(30_000))
    encoder = encoders("en", wordpiece())[number]
    found = encoder.encode_pieces(text[start : start + 997] for start in range(0, len(text), 997))
    expected = encoder.encode([text])
    for name in Encoded.__slots__:
        assert getattr(found, name).dtype == getattr(expected, name).dtype
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()
