"""Whether a vocabulary fits a corpus: [UNK], tokens per word, letters that the normalizer changes, characters it cannot write."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nspdata.errors import ConfigError
from nspdata.tokenization.scripts import begins_with_letter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from nspdata.tokenization.wordpiece import WordPiece

EXAMPLE_CHARACTERS = 40

MIN_WORDS = 200
"""Words of letters that a sample needs before its tokens per word are judged."""

MIN_LETTER_SHARE = 0.25
"""Minimum share of the tokens in words of letters, for the same check: a few Latin words in a Chinese text are not judged."""

MAX_STRIPPED = 0.05
"""The largest share of the letters and marks of one script that accent stripping may change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """Figures of a vocabulary on some texts.

    Attributes:
        texts: number of texts.
        words: words of BERT's pre-tokenizer: runs of letters, single punctuation marks, single CJK characters.
        tokens: all tokens.
        unknown: [UNK] tokens.
        letter_words: words that begin with a letter of a script with spaces between words, without those that are [UNK].
        letter_tokens: tokens of these words.
        vocab_size: tokens of the vocabulary.
        letters: letters and marks of the texts, by script.
        stripped: letters and marks that accent stripping deletes or changes, by script.
        stripped_examples: the most frequent of these, in descending order.
        unwritable: count of each character that is in no token.
        examples: a word of the texts for each of them.
    """

    texts: int
    words: int
    tokens: int
    unknown: int
    letter_words: int
    letter_tokens: int
    vocab_size: int
    letters: Counter[str]
    stripped: Counter[str]
    stripped_examples: str
    unwritable: Counter[str]
    examples: dict[str, str]

    @property
    def unknown_share(self) -> float:
        """Share of [UNK] among the tokens, 0 to 1."""
        return self.unknown / max(1, self.tokens)

    @property
    def tokens_per_word(self) -> float:
        """Tokens per word of letters (punctuation, CJK and scripts without spaces left out); 1 where every word is a token."""
        return self.letter_tokens / max(1, self.letter_words)

    @property
    def max_tokens_per_word(self) -> float:
        """The upper bound of tokens per word for a vocabulary of this size; see `expected_tokens_per_word`."""
        return expected_tokens_per_word(self.vocab_size)

    @property
    def stripped_share(self) -> float:
        """Share of letters and marks that accent stripping deletes or changes, 0 to 1."""
        return self.stripped.total() / max(1, self.letters.total())


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A figure of a vocabulary that is out of range.

    Attributes:
        key: `unknown_share`, `tokens_per_word` or `stripped_share`.
        value: the figure.
        limit: the largest value that is in range.
        message: rule, value and remedy in one line.
    """

    key: str
    value: float
    limit: float
    message: str


def expected_tokens_per_word(vocab_size: int) -> float:
    """The most tokens per word that a vocabulary needs for text of its own language.

    Measured with vocabularies of 500 to 30,522 tokens trained on English, German, Russian and Hebrew: on their own language, in
    another domain too, they stay below this bound; on another language they are above it or give [UNK].

    >>> [round(expected_tokens_per_word(size), 1) for size in (500, 8_000, 30_522)]
    [4.1, 2.5, 2.2]
    """
    return 1.9 + 50 / math.sqrt(max(1, vocab_size))


def measure_fit(wordpiece: WordPiece, texts: Iterable[str]) -> Fitness:
    """Encodes the texts and counts."""
    from nspdata.tokenization.marks import StrippedLetters  # imports tokenizers

    tokens_of = wordpiece.vocabulary.tokens
    known = {token.removeprefix("##") for token in tokens_of}
    begins = ~wordpiece.vocabulary.continuations
    lettered = np.array([begins_with_letter(token) for token in tokens_of], np.bool_)
    unknown_id = wordpiece.vocabulary.special_ids["[UNK]"]
    counts: Counter[str] = Counter()
    unwritable: Counter[str] = Counter()
    examples: dict[str, str] = {}
    letters = StrippedLetters()
    for text in texts:
        ids, _ = wordpiece.encode([text])
        unknown = int(np.count_nonzero(ids == unknown_id))
        starts = np.flatnonzero(begins[ids])
        letter_words, letter_tokens = _letter_words(ids, starts, lettered)
        counts.update(texts=1, words=len(starts), tokens=len(ids), unknown=unknown)
        counts.update(letter_words=letter_words, letter_tokens=letter_tokens)
        letters.add(text)
        if not unknown:
            continue
        split = wordpiece.words(text)
        characters = Counter("".join(split))
        strange = {character: characters[character] for character in characters if character not in known}
        unwritable.update(strange)
        for character in sorted(strange.keys() - examples.keys()):
            examples[character] = next(word for word in split if character in word)[:EXAMPLE_CHARACTERS]
    stripped, stripped_examples = letters.stripped() if wordpiece.strip_accents else (Counter(), "")
    return Fitness(
        texts=counts["texts"],
        words=counts["words"],
        tokens=counts["tokens"],
        unknown=counts["unknown"],
        letter_words=counts["letter_words"],
        letter_tokens=counts["letter_tokens"],
        vocab_size=len(wordpiece.vocabulary),
        letters=letters.letters(),
        stripped=stripped,
        stripped_examples=stripped_examples,
        unwritable=unwritable,
        examples=examples,
    )


def problems(fitness: Fitness, *, max_unknown: float, tokenizer: str, strip_accents: str = "auto") -> list[Problem]:
    """Returns the figures that are out of range; empty if the vocabulary fits.

    Args:
        fitness: the figures.
        max_unknown: the setting `tokenizer.max_unknown`.
        tokenizer: its name, for the messages.
        strip_accents: the setting `tokenizer.strip_accents`; where it is `yes`, stripping is what the user asked for.
    """
    found = []
    if fitness.unknown_share > max_unknown:
        message = remedy(fitness, max_unknown, tokenizer=tokenizer)
        found.append(
            Problem(key="unknown_share", value=fitness.unknown_share, limit=max_unknown, message=message),
        )
    if strip_accents != "yes":
        found += _stripped_problem(fitness, tokenizer)
    limit = fitness.max_tokens_per_word
    lettered = fitness.letter_words >= MIN_WORDS and fitness.letter_tokens >= MIN_LETTER_SHARE * fitness.tokens
    if lettered and fitness.tokens_per_word > limit:
        message = (
            f"{fitness.tokens_per_word:.2f} tokens per word with the tokenizer {tokenizer}; a vocabulary of {fitness.vocab_size:,} "
            f"tokens needs at most {limit:.2f} for its own language: this text is in another language or domain; train one on "
            "this text with `nspdata train-tokenizer`, or give the vocabulary of its language"
        )
        found.append(Problem(key="tokens_per_word", value=fitness.tokens_per_word, limit=limit, message=message))
    return found


def _stripped_problem(fitness: Fitness, tokenizer: str) -> list[Problem]:
    shares = {
        script: count / fitness.letters[script]
        for script, count in fitness.stripped.items()
        if fitness.letters[script] >= max(MIN_WORDS, fitness.letters.total() / 1000)
    }
    script = max(shares, key=lambda name: (shares[name], name), default="")
    if not script or shares[script] <= MAX_STRIPPED:
        return []
    message = (
        f"the tokenizer {tokenizer} strips accents, which deletes or changes {shares[script]:.1%} of the letters and marks of the "
        f"script {script.capitalize()} (such as {_shown(fitness.stripped_examples[:8])}; at most {MAX_STRIPPED:.0%}); train one with "
        "`nspdata train-tokenizer --keep-accents`, set tokenizer.strip_accents=no if the vocabulary holds these marks, "
        "or tokenizer.strip_accents=yes to accept this"
    )
    return [Problem(key="stripped_share", value=shares[script], limit=MAX_STRIPPED, message=message)]


def require(fitness: Fitness, limit: float, *, tokenizer: str) -> None:
    """Checks the share of [UNK] against the setting.

    Raises:
        ConfigError: more of the sample is [UNK].
    """
    if fitness.unknown_share > limit:
        raise ConfigError(remedy(fitness, limit, tokenizer=tokenizer))


def remedy(fitness: Fitness, limit: float, *, tokenizer: str) -> str:
    """The message for a vocabulary with too much [UNK]: value and remedy."""
    some = _shown("".join(character for character, _ in fitness.unwritable.most_common(10)))
    return (
        f"{fitness.unknown_share:.1%} of the tokens of a sample are [UNK] with the tokenizer {tokenizer}, over tokenizer.max_unknown "
        f"= {limit:.1%}{f' (characters it cannot write: {some})' if some else ''}; train one on this text with `nspdata train-tokenizer`, "
        "give the vocabulary of its language, or set tokenizer.lowercase to what the vocabulary expects"
    )


def _shown(characters: str) -> str:
    """The characters for display: combining marks follow a dotted circle, unprintable characters are escaped."""
    shown = (
        f"\u25cc{character}" if unicodedata.category(character).startswith("M") else character
        for character in characters
    )
    return "".join(text if text.isprintable() else f"\\u{ord(text[-1]):04x}" for text in shown)


def _letter_words(ids: NDArray[np.uint16], starts: NDArray[np.int64], lettered: NDArray[np.bool_]) -> tuple[int, int]:
    """Returns the number of words that begin with a letter, and the number of their tokens."""
    sizes = np.diff(np.append(starts, len(ids)))
    chosen = lettered[ids[starts]]
    return int(np.count_nonzero(chosen)), int(sizes[chosen].sum())
