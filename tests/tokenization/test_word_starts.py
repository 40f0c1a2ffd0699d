"""Which tokens begin a word when a segmenter joins Chinese characters."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nspdata.arrays.ragged import offsets
from nspdata.errors import ConfigError
from nspdata.tokenization.segmenters import make_segmenter
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
from nspdata.tokenization.word_starts import word_starts
from tests.shared import documents, shared

if TYPE_CHECKING:
    from nspdata.tokenization.segmenters import Segmenter

PIECES = "我 爱 北 京 天 安 门 ##京 ##爱 北京 卡 拉 ok play ##ing 5 g ， ."
VOCABULARY = Vocabulary((*SPECIAL_TOKENS, *PIECES.split()))


def given(words: str) -> Segmenter:
    """A segmenter that returns these words, whatever the text is; white space left out."""
    return lambda _text: words.split()


def starts(pieces: str, segment: Segmenter) -> list[int]:
    ids = np.array([VOCABULARY.tokens.index(piece) for piece in pieces.split()], np.uint16)
    return word_starts(ids, np.array([0, len(ids)]), VOCABULARY, segment).tolist()


@pytest.mark.parametrize(
    ("pieces", "words", "expected"),
    [
        ("我 爱 北 京 天 安 门", "我 爱 北京 天安门", [1, 1, 1, 0, 1, 0, 0]),
        ("我 爱 北 京", "我爱北京", [1, 0, 0, 0]),
        ("我 ##爱 北京", "我 爱 北京", [1, 1, 1]),
        ("我 ##爱 北京", "我爱 北京", [1, 0, 1]),
        ("天 北京", "天北 京", [1, 0]),
        ("卡 拉 ok", "卡拉ok", [1, 0, 1]),
        ("play ##ing 卡 拉 ok", "playing 卡拉 ok", [1, 0, 1, 0, 1]),
        ("play ##ing", "play ing", [1, 0]),
        ("天 [UNK] 门", "天 门", [1, 1, 1]),
        ("5 g ， 北 京 .", "5 g ， 北京 .", [1, 1, 1, 1, 0, 1]),
    ],
)
def test_words_are_joined(pieces: str, words: str, expected: list[int]) -> None:
    """A Chinese character inside a word continues it; `##` says it for all other tokens."""
    assert starts(pieces, given(words)) == expected


def test_text_of_the_segmenter() -> None:
    """It sees each sentence by itself, with spaces only between words that are not Chinese, and at an unknown token."""
    seen = []

    def segment(text: str) -> list[str]:
        seen.append(text)
        return [text]

    texts = ["我 爱 play ##ing ok 北 ##京", "ok play", "天 [UNK] 门 5 g"]
    rows = [[VOCABULARY.tokens.index(piece) for piece in text.split()] for text in texts]
    ids = np.array(list(itertools.chain(*rows)), np.uint16)
    word_starts(ids, offsets(np.array([len(row) for row in rows])), VOCABULARY, segment)
    assert [text.strip() for text in seen] == ["我爱playing ok北京", "天 门5 g"]


@pytest.mark.parametrize("words", ["我 爱 京", "我 爱 北 京 天", "爱 北京"])
def test_words_of_another_text(words: str) -> None:
    """A segmenter that changes or leaves out characters is refused."""
    with pytest.raises(ConfigError, match=r"the words of '我爱北京' are not those of the sentence"):
        starts("我 爱 北 京", given(words))


@pytest.mark.parametrize("language", ["zh-hans_cmrc2018", "zh-hant_drcd"])
def test_words_of_a_corpus(language: str) -> None:
    """Against the plain way: jieba's words on the text itself, looked up for each character that BERT's tokenizer returns."""
    pytest.importorskip("jieba")
    transformers = pytest.importorskip("transformers")
    vocabulary = Vocabulary.read(shared("vocab/bert-base-chinese.vocab.txt"))
    tokenizer = transformers.BertTokenizerFast(vocab=dict(zip(vocabulary.tokens, range(len(vocabulary)), strict=True)))
    texts = [record["text"] for record in documents(shared(f"languages/{language}.jsonl.gz"), limit=12)]
    sentences = [part + "。" for text in texts for part in text.split("。") if part.strip()]
    encoded = [tokenizer(sentence, add_special_tokens=False, return_offsets_mapping=True) for sentence in sentences]
    ids = np.array([token for one in encoded for token in one["input_ids"]], np.uint16)
    ends = offsets(np.array([len(one["input_ids"]) for one in encoded]))
    found = word_starts(ids, ends, vocabulary, make_segmenter("jieba")).tolist()
    different = 0
    for sentence, one, begin in zip(sentences, encoded, ends.tolist(), strict=False):
        expected = plain_starts(sentence.lower(), one["offset_mapping"], vocabulary, one["input_ids"])
        different += sum(a != b for a, b in zip(found[begin : begin + len(expected)], expected, strict=True))
    assert 0.55 < sum(found) / len(found) < 0.7
    assert (
        different <= len(found) // 500
    )  # characters outside of the vocabulary are words in one, and spaces in the other


def plain_starts(text: str, spans: list[tuple[int, int]], vocabulary: Vocabulary, ids: list[int]) -> list[int]:
    """Word starts of a sentence by its characters."""
    segment: Callable[[str], list[str]] = lambda part: list(make_segmenter("jieba")(part))  # noqa: E731
    beginnings = {0, *itertools.accumulate(map(len, segment(text)))}
    result = []
    for (begin, _), token in zip(spans, ids, strict=True):
        chinese = "\u3400" <= text[begin] <= "\u9fff" and vocabulary.tokens[token] != "[UNK]"
        result.append(int(begin in beginnings if chinese else not vocabulary.tokens[token].startswith("##")))
    return result
