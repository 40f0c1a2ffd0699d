"""The kinds of spaCy's tokens for the sentence rules, as compiled loops; `rules.SentenceRules` says the same in plain code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.compiled import allocating, compiled
from nspdata.tokenization.fast.characters import INNER_MARK, SINGLE_MARK, WORD_MARK
from nspdata.tokenization.rules import CLOSING, PUNCTUATION, SPACE

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD, ONLY_PUNCTUATION, STOP, LINE_END, WORD_END = range(5)
"""Kinds of tokens: a word, punctuation, a mark that ends a sentence, what separates chunks, a word that ends a sentence."""


@allocating
def divided(codes: NDArray[np.uint32], tokens: NDArray[np.int64], classes: NDArray[np.uint16]) -> NDArray[np.int64]:
    """The tokens (place, length), with those that hold an inner mark divided into marks, punctuation and the rest."""
    parts, count = np.empty((len(codes), 2), np.int64), 0
    for token in range(len(tokens)):
        place, length = tokens[token, 0], tokens[token, 1]
        marked = False
        for at in range(place, place + length):
            marked = marked or (classes[codes[at]] & INNER_MARK) != 0
        if length == 1 or not marked:
            parts[count, 0], parts[count, 1] = place, length
            count += 1
            continue
        before = 0
        for at in range(place, place + length):
            bits = classes[codes[at]]
            kind = 0 if bits & INNER_MARK else 1 if bits & PUNCTUATION else 2
            if at > place and kind and kind == before:
                parts[count - 1, 1] += 1
            else:
                parts[count, 0], parts[count, 1] = at, 1
                count += 1
            before = kind
    return parts[:count].copy()


@allocating
def kinds_of(codes: NDArray[np.uint32], tokens: NDArray[np.int64], classes: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """The kind of each token (place, length), without regard to marks at the ends of words."""
    kinds = np.zeros(len(tokens), np.uint8)
    for token in range(len(tokens)):
        place, length = tokens[token, 0], tokens[token, 1]
        if length == 1 and classes[codes[place]] & SINGLE_MARK:
            kinds[token] = STOP
        elif codes[place] == 10:
            kinds[token] = LINE_END
        else:
            kinds[token] = ONLY_PUNCTUATION if _is_punctuation(codes, place, length, classes) else WORD
    return kinds


@compiled
def _is_punctuation(codes: NDArray[np.uint32], place: int, length: int, classes: NDArray[np.uint16]) -> bool:
    punctuation = True
    for at in range(place, place + length):
        punctuation = punctuation and (classes[codes[at]] & PUNCTUATION) != 0
    return punctuation


@allocating
def word_ends(
    codes: NDArray[np.uint32], tokens: NDArray[np.int64], kinds: NDArray[np.uint8], classes: NDArray[np.uint16]
) -> NDArray[np.int64]:
    """Marks punctuation at the ends of chunks that ends a sentence, and finds the last words there that may end one.

    Returns:
        shape (num_candidates,), int64: indices of tokens for `SentenceRules.ends_with_mark`.
    """
    found, count = np.empty(len(tokens), np.int64), 0
    for token in range(len(tokens)):
        end = tokens[token, 0] + tokens[token, 1]
        last = token + 1 == len(tokens) or tokens[token + 1, 0] != end or classes[codes[end]] & SPACE
        if not last or classes[codes[tokens[token, 0]]] & SPACE:
            continue
        at = token
        while True:
            place, length = tokens[at, 0], tokens[at, 1]
            if not _is_punctuation(codes, place, length, classes):
                end = place + length
                while end > place and classes[codes[end - 1]] & CLOSING:
                    end -= 1
                if end > place and classes[codes[end - 1]] & WORD_MARK:
                    found[count] = at
                    count += 1
                break
            if classes[codes[place + length - 1]] & WORD_MARK:
                kinds[at] = STOP
            if at == 0 or tokens[at - 1, 0] + tokens[at - 1, 1] != place or classes[codes[tokens[at - 1, 0]]] & SPACE:
                break
            at -= 1
    return found[:count].copy()
