"""Long sentences are cut at clause marks, else between words, inside a word only if it must be."""

from __future__ import annotations

import itertools
import json
import unicodedata
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nspdata.arrays.ragged import offsets
from nspdata.tokenization.cutting import DIGITS, PIECE, REASONS, Cuts, cut_documents, find_cuts, token_kinds
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
from nspdata.tokenization.wordpiece import WordPiece
from tests.reference import cutting
from tests.shared import shared

WORDS = ["boat", "##s", "##ing", "19", "##84", "7", ",", ";", ".", "(", ")", "”", "“", "-", "'", '"', "—", "|", "*"]
OTHERS = ["水", "，", "。", "の", "##です", "##ー", "ก", "##ข", "##ุ", "नदी", "।", "،", "%"]
VOCABULARY = Vocabulary((*SPECIAL_TOKENS, *WORDS, *OTHERS))
TOKENS = st.lists(st.sampled_from([*WORDS, *OTHERS, "[UNK]", "boat", "##s", "##ing"]), min_size=1, max_size=150)


def ids_of(tokens: list[str]) -> np.ndarray:
    return np.array([VOCABULARY.tokens.index(token) for token in tokens], np.uint16)


def cut(tokens: list[str], max_tokens: int) -> list[tuple[int, str]]:
    """Places and reasons for one sentence."""
    found = find_cuts(ids_of(tokens), np.array([0, len(tokens)]), token_kinds(VOCABULARY), max_tokens=max_tokens)
    return [
        (place, REASONS[reason]) for place, reason in zip(found.places.tolist(), found.reasons.tolist(), strict=True)
    ]


@given(tokens=TOKENS, max_tokens=st.integers(1, 40))
def test_cuts_are_those_of_the_plain_rule(tokens: list[str], max_tokens: int) -> None:
    """In any mixture of words, pieces, marks and scripts; no piece is empty or too long."""
    found = cut(tokens, max_tokens)
    assert found == cutting.cut(tokens, max_tokens)
    lengths = np.diff([0, *(place for place, _ in found), len(tokens)])
    assert lengths.min() > 0
    assert lengths.max() <= max_tokens


@given(sentences=st.lists(TOKENS, max_size=8), max_tokens=st.integers(2, 30))
@example(sentences=[["boat", "boat", ","], [".", "boat", "boat"]], max_tokens=2)  # the mark is in the sentence before
def test_each_sentence_is_cut_by_itself(sentences: list[list[str]], max_tokens: int) -> None:
    """Sentences are cut independently; short ones are unchanged."""
    ends = offsets(np.array([len(sentence) for sentence in sentences], np.int64))
    ids = np.concatenate([np.zeros(0, np.uint16), *map(ids_of, sentences)])
    found = find_cuts(ids, ends, token_kinds(VOCABULARY), max_tokens=max_tokens)
    expected = [
        (index, begin + place, reason)
        for index, (begin, sentence) in enumerate(zip(ends.tolist(), sentences, strict=False))
        for place, reason in cut(sentence, max_tokens)
    ]
    reasons = [REASONS[reason] for reason in found.reasons.tolist()]
    assert list(zip(found.sentences.tolist(), found.places.tolist(), reasons, strict=True)) == expected


def pieces(text: str, max_tokens: int, vocab: str = "bert-base-uncased.vocab.txt") -> tuple[list[str], list[str]]:
    """The pieces of a text as token strings, and the reasons of the cuts."""
    wordpiece = WordPiece(Vocabulary.read(shared(f"vocab/{vocab}")), lowercase=True, strip_accents=True)
    ids, ends = wordpiece.encode([text])
    found = find_cuts(ids, ends, token_kinds(wordpiece.vocabulary), max_tokens=max_tokens)
    tokens = [wordpiece.vocabulary.tokens[token] for token in ids]
    bounds = [0, *found.places.tolist(), len(tokens)]
    texts = [" ".join(tokens[begin:end]) for begin, end in itertools.pairwise(bounds)]
    return texts, [REASONS[reason] for reason in found.reasons.tolist()]


def test_a_cut_prefers_a_clause_mark_near_the_middle() -> None:
    """A sentence is cut into two pieces of similar length, not into a full piece and a short rest."""
    text = "When the boat came, nobody was on the quay; we waited there until it rained, then left."
    assert pieces(text, 16) == (
        ["when the boat came , nobody was on the quay ;", "we waited there until it rained , then left ."],
        ["clause_mark"],
    )


def test_long_sentences_give_full_pieces() -> None:
    """All pieces but the last two are full, so that pieces of two documents have the same length."""
    for words in (203, 251):
        bounds = [0, *(place for place, _ in cut(["boat"] * words, 60)), words]
        assert np.diff(bounds).tolist() == {203: [60, 60, 42, 41], 251: [60, 60, 60, 36, 35]}[words]


def test_a_comma_in_a_number_is_no_clause_mark() -> None:
    """`1,234` is not cut at its comma if another place is as good."""
    found, reasons = pieces("the town had about 1,234 houses and nobody lived in them", 8)
    assert found == ["the town had about 1 , 234", "houses and nobody lived in them"]
    assert reasons == ["between_words"]


def test_chinese_is_cut_at_its_own_marks() -> None:
    """A long Chinese sentence is cut at 。 and ，."""
    found, reasons = pieces(
        "早上下了一场大雨，河水涨到了桥边。村里的人都出来看，孩子们在岸上跑来跑去。", 20, "bert-base-chinese.vocab.txt"
    )
    assert [piece.replace(" ", "") for piece in found] == [
        "早上下了一场大雨，河水涨到了桥边。",
        "村里的人都出来看，孩子们在岸上跑来跑去。",
    ]
    assert reasons == ["clause_mark"]


def test_small_forms_are_clause_marks() -> None:
    """The small comma ﹐ of Chinese texts ends a clause as ， does; the full stop of Latin scripts does not."""
    text = "除了下属的几个中心之外﹐国家气象局还有两个海啸警报中心和研究单位"
    found, reasons = pieces(text, 24, "bert-base-chinese.vocab.txt")
    assert found[0].replace(" ", "") == "除了下属的几个中心之外﹐"
    assert reasons == ["clause_mark"]
    assert pieces("nobody on the quay was there . we all waited in the rain", 8)[1] == ["between_words"]


def test_every_character_is_of_the_plain_kind() -> None:
    """As a token and as a piece of a word, each assigned character of the first plane, surrogates left out."""
    characters = [chr(code) for code in range(33, 0x10000) if unicodedata.category(chr(code)) not in {"Cn", "Cs"}]
    vocabulary = Vocabulary((*SPECIAL_TOKENS, *characters, *(f"##{character}" for character in characters)))
    names = ["", "", "open", "close", "mark", "join"]
    kinds = token_kinds(vocabulary)[len(SPECIAL_TOKENS) :] % DIGITS
    whole, parts = kinds[: len(characters)], kinds[len(characters) :]
    assert [names[kind] for kind in whole] == [cutting.punctuation(character) for character in characters]
    assert (parts == PIECE).tolist() == [cutting.word_piece(f"##{character}") for character in characters]


def test_a_word_is_cut_only_if_it_is_too_long_alone() -> None:
    """Only a word that is too long alone is cut; the short words before it are not."""
    word = ["boat", *["##ing"] * 30]
    assert cut(["boat", "boat", *word, "boat"], 10)[0] == (2, "between_words")
    reasons = [reason for _, reason in cut(["boat", "boat", *word, "boat"], 10)]
    assert reasons.count("inside_word") == 3


def test_documents_have_a_sentence_for_each_piece() -> None:
    """Offsets of sentences and documents, a document without a sentence included; the counters add up."""
    documents = TokenizedDocuments(
        ids=ids_of([*["boat", "boat", ","] * 4, "boat", *["boat"] * 7]),
        sentence_offsets=np.array([0, 12, 13, 20]),
        document_offsets=np.array([0, 2, 2, 3]),
        document_ids=np.arange(3, dtype=np.uint64),
        text_hashes=np.zeros((3, 2), np.uint64),
    )
    found, counts = cut_documents(documents, VOCABULARY, max_tokens=6)
    assert found.sentence_offsets.tolist() == [0, 6, 12, 13, 17, 20]
    assert found.document_offsets.tolist() == [0, 3, 3, 5]
    assert counts == {
        "sentences_cut": 2,
        "sentence_pieces": 4,
        "cuts_clause_mark": 1,
        "cuts_between_words": 1,
        "cuts_inside_word": 0,
    }
    same, counts = cut_documents(documents, VOCABULARY, max_tokens=12)
    assert same.sentence_offsets.tolist() == documents.sentence_offsets.tolist()
    assert set(counts.values()) == {0}


@cache
def real_sentences() -> tuple[WordPiece, list[np.ndarray]]:
    """Paragraphs of the shared articles in 12 languages, each as one sentence."""
    wordpiece = WordPiece(
        Vocabulary.read(shared("vocab/bert-base-uncased.vocab.txt")), lowercase=True, strip_accents=True
    )
    lines = shared("languages/fixture_multilingual.jsonl").read_text(encoding="utf-8").splitlines()
    ids, ends = wordpiece.encode([json.loads(line)["text"][:3000] for line in lines])
    return wordpiece, np.split(ids, ends[1:-1])


@pytest.mark.parametrize("max_tokens", [20, 62])
def test_cuts_of_real_text_are_those_of_the_plain_rule(max_tokens: int) -> None:
    """Twelve languages in one vocabulary; most cuts are at clause marks, and hardly any is inside a word of a spaced script."""
    wordpiece, sentences = real_sentences()
    for ids in sentences:
        tokens = [wordpiece.vocabulary.tokens[token] for token in ids]
        found = find_cuts(ids, np.array([0, len(ids)]), token_kinds(wordpiece.vocabulary), max_tokens=max_tokens)
        reasons = [REASONS[reason] for reason in found.reasons.tolist()]
        assert list(zip(found.places.tolist(), reasons, strict=True)) == cutting.cut(tokens, max_tokens)


def test_nothing_is_cut_where_there_is_nothing() -> None:
    """Documents without sentences, or with only short ones, are unchanged."""
    for tokens in ([], ["boat"]):
        found = find_cuts(
            ids_of(tokens),
            offsets(np.array([len(tokens)] * bool(tokens), np.int64)),
            token_kinds(VOCABULARY),
            max_tokens=1,
        )
        assert isinstance(found, Cuts)
        assert len(found) == 0
