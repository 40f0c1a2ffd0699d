"""BERT's words of texts, for training: normalized by table, and separated by single spaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.tokenization.fast.characters import (
    ALONE,
    DROPPED,
    NUM_CHARACTERS,
    SEVERAL,
    UNSAFE,
    WORD,
    Characters,
    code_points,
)
from nspdata.tokenization.rules import SentenceRules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

BATCH_CHARACTERS = 1 << 18

MOST_WRITTEN = 9
"""Characters that one character can become: four, each a word of its own."""


class Words:
    """Normalizes texts as a tokenizer's normalizer and pre-tokenizer do, and collects the characters of their words.

    Args:
        backend: a tokenizer with BERT's normalizer and pre-tokenizer.

    Attributes:
        first: shape (0x110000,), bool: characters that began a word so far.
        later: shape (0x110000,), bool: characters that continued a word so far.
    """

    def __init__(self, backend: Tokenizer) -> None:
        self.backend = backend
        self.characters = Characters(backend, SentenceRules())
        self.first, self.later = np.zeros(NUM_CHARACTERS, np.bool_), np.zeros(NUM_CHARACTERS, np.bool_)

    def normalized(self, texts: Iterable[str]) -> Iterator[str]:
        """Yields the words of the texts, separated by spaces, in strings of about `BATCH_CHARACTERS`."""
        batch: list[str] = []
        size = 0
        for text in texts:
            batch.append(text)
            size += len(text)
            if size >= BATCH_CHARACTERS:
                yield from self._batch(batch)
                batch, size = [], 0
        yield from self._batch(batch)

    def _batch(self, texts: list[str]) -> Iterator[str]:
        codes, ends = code_points("".join(texts), texts)
        characters = self.characters
        characters.learn(codes)
        unsafe = np.zeros(len(texts), np.bool_)
        _find_unsafe(codes, ends, characters.kinds, unsafe)
        out = np.empty(MOST_WRITTEN * len(codes) + len(texts), np.uint32)
        count = _write(codes, ends, characters.kinds, characters.targets, characters.parts, unsafe, out)
        yield self._collected(out[:count])
        for index in np.flatnonzero(unsafe).tolist():
            text = self.backend.normalizer.normalize_str(texts[index])
            words = " ".join(word for word, _ in self.backend.pre_tokenizer.pre_tokenize_str(text))
            yield self._collected(np.frombuffer(words.encode("utf-32-le"), np.uint32))

    def _collected(self, words: NDArray[np.uint32]) -> str:
        _collect(words, self.first, self.later)
        return words.tobytes().decode("utf-32-le")

    def alphabet(self) -> tuple[list[str], set[str]]:
        """All characters of words so far, and those that continued a word."""
        every = np.flatnonzero(self.first | self.later)
        return [chr(code) for code in every.tolist()], {chr(code) for code in np.flatnonzero(self.later).tolist()}


@compiled
def _find_unsafe(
    codes: NDArray[np.uint32], ends: NDArray[np.int64], kinds: NDArray[np.uint8], unsafe: NDArray[np.bool_]
) -> None:
    """Marks texts with a character whose normal form depends on its neighbours."""
    for text in range(len(ends) - 1):
        for at in range(ends[text], ends[text + 1]):
            if kinds[codes[at]] == UNSAFE:
                unsafe[text] = True


@compiled
def _write(  # noqa: C901 - one loop over characters
    codes: NDArray[np.uint32],
    ends: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    targets: NDArray[np.uint32],
    parts: NDArray[np.uint32],
    unsafe: NDArray[np.bool_],
    out: NDArray[np.uint32],
) -> int:
    """Writes the words of the safe texts, with a space after each; returns the number of characters."""
    count = 0
    for text in range(len(ends) - 1):
        if unsafe[text]:
            continue
        inside = False
        for at in range(ends[text], ends[text + 1]):
            kind, target, part = kinds[codes[at]], targets[codes[at]], -1
            if kind == SEVERAL:
                part = int(target)
                kind, target = parts[part, 0], parts[part, 1]
            while kind != 255:
                if kind == WORD:
                    out[count] = target
                    count += 1
                    inside = True
                elif kind != DROPPED:
                    if inside:
                        out[count] = 32
                        count += 1
                        inside = False
                    if kind == ALONE:
                        out[count], out[count + 1] = target, 32
                        count += 2
                if part < 0:
                    break
                part += 1
                kind, target = parts[part, 0], parts[part, 1]
        if inside:
            out[count] = 32
            count += 1
    return count


@compiled
def _collect(words: NDArray[np.uint32], first: NDArray[np.bool_], later: NDArray[np.bool_]) -> None:
    inside = False
    for code in words:
        if code == 32:
            inside = False
        elif inside:
            later[code] = True
        else:
            first[code] = True
            inside = True
