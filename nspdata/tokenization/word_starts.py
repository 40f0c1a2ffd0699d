"""Which tokens begin a word, in text without spaces between words: Chinese characters, joined by a word segmenter.

BERT's tokenizer makes each Chinese character a token of its own, so `##` does not show words. A Chinese token that is not at the
beginning of a word of the segmenter belongs to the word of the token before it, as in BERT-wwm (Cui et al. 2019) and in
`run_chinese_ref.py` of Hugging Face. Every other token begins a word unless it starts with `##`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from nspdata.tokenization.segmenters import Segmenter
    from nspdata.tokenization.vocabulary import Vocabulary


def word_starts(
    ids: NDArray[Any], sentence_offsets: NDArray[np.int64], vocabulary: Vocabulary, segment: Segmenter
) -> NDArray[np.uint8]:
    """Returns 1 for each token that begins a word, and 0 for each that continues one: shape (num_tokens,), uint8.

    The segmenter is given the text of each sentence as its tokens spell it: in lower case if the tokenizer lowers it, without
    spaces around Chinese characters, and with a space for [UNK].

    Args:
        ids: shape (num_tokens,): sentences one after another.
        sentence_offsets: shape (num_sentences + 1,), int64, into `ids`.
        vocabulary: the vocabulary of the ids.
        segment: see `make_segmenter`.

    Raises:
        ConfigError: the words of the segmenter are not those of the sentence.
    """
    chinese = vocabulary.chinese[ids]
    starts = ~vocabulary.continuations[ids]
    spaced = starts & ~chinese
    spaced[1:] &= ~chinese[:-1]
    texts = _texts(vocabulary)
    counts = np.diff(np.concatenate([np.zeros(1, np.int64), np.cumsum(chinese)])[sentence_offsets])
    for sentence in np.flatnonzero(counts).tolist():
        begin, end = sentence_offsets[sentence : sentence + 2].tolist()
        tokens, spaces = ids[begin:end].tolist(), spaced[begin:end].tolist()
        pieces = [" " + texts[token] if space else texts[token] for token, space in zip(tokens, spaces, strict=True)]
        text = "".join(pieces)
        beginnings = _beginnings(text, segment(text))
        place = 0
        for index, piece in enumerate(pieces, begin):
            if chinese[index]:
                starts[index] = place in beginnings
            place += len(piece)
    flags: NDArray[np.uint8] = starts.astype(np.uint8)
    return flags


def _texts(vocabulary: Vocabulary) -> list[str]:
    """The text of each token; a space for special tokens."""
    texts = list(vocabulary.texts)
    for special in vocabulary.special_ids.values():
        texts[special] = " "
    return texts


def _beginnings(text: str, words: Iterable[str]) -> set[int]:
    """Where the words begin in the text."""
    beginnings, place = set(), 0
    for word in words:
        begin = text.find(word, place)
        if begin < 0 or text[place:begin].strip():
            raise ConfigError(
                f"masking.word_segmenter: the words of {text!r} are not those of the sentence: {word!r} is not at character {place}; "
                "a segmenter must return every character but white space, in order"
            )
        beginnings.add(begin)
        place = begin + len(word)
    return beginnings
