"""Does a vocabulary fit a corpus: how much becomes [UNK], how many tokens a word takes, which characters it cannot write."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nspdata.tokenization.wordpiece import WordPiece

EXAMPLE_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """How a vocabulary does on some texts.

    Attributes:
        texts: how many there were.
        words: words of BERT's pre-tokenizer: runs of letters, single punctuation marks, single CJK characters.
        tokens: tokens in all.
        unknown: of them [UNK].
        unwritable: characters of no token, and how often they stand in the texts.
        examples: for each of them, a word of the texts that holds it.
    """

    texts: int
    words: int
    tokens: int
    unknown: int
    unwritable: Counter[str]
    examples: dict[str, str]

    @property
    def unknown_share(self) -> float:
        """[UNK] among the tokens, 0 to 1."""
        return self.unknown / max(1, self.tokens)

    @property
    def tokens_a_word(self) -> float:
        """The fertility: 1 where every word is a token."""
        return self.tokens / max(1, self.words)


def measure(wordpiece: WordPiece, texts: Iterable[str]) -> Fitness:
    """Encodes the texts and counts."""
    backend = wordpiece.backend
    known = {token.removeprefix("##") for token in wordpiece.vocabulary.tokens}
    begins = ~wordpiece.vocabulary.continuations
    unknown_id = wordpiece.vocabulary.special_ids["[UNK]"]
    found = words = tokens = unknown = 0
    unwritable: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for text in texts:
        ids, _ = wordpiece.encode([text])
        of_them = int(np.count_nonzero(ids == unknown_id))
        found += 1
        words += int(np.count_nonzero(begins[ids]))
        tokens += len(ids)
        unknown += of_them
        if not of_them:
            continue
        split = [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(text))]
        counts = Counter("".join(split))
        strange = {character: counts[character] for character in counts if character not in known}
        unwritable.update(strange)
        for character in sorted(strange.keys() - examples.keys()):
            examples[character] = next(word for word in split if character in word)[:EXAMPLE_CHARACTERS]
    return Fitness(texts=found, words=words, tokens=tokens, unknown=unknown, unwritable=unwritable, examples=examples)


def require(fitness: Fitness, limit: float, *, tokenizer: str) -> None:
    """Holds the share of [UNK] to the setting.

    Raises:
        ConfigError: more of the sample is [UNK].
    """
    if fitness.unknown_share > limit:
        raise ConfigError(remedy(fitness, limit, tokenizer=tokenizer))


def remedy(fitness: Fitness, limit: float, *, tokenizer: str) -> str:
    """What is wrong with a vocabulary that gives too much [UNK], and what to do."""
    some = "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}"
        for character, _ in fitness.unwritable.most_common(10)
    )
    return (
        f"{fitness.unknown_share:.1%} of the tokens of a sample are [UNK] with the tokenizer {tokenizer}, over tokenizer.max_unknown "
        f"= {limit:.1%}{f' (characters it cannot write: {some})' if some else ''}; train one on this text with `nspdata train-tokenizer`, "
        "give the vocabulary of its language, or set tokenizer.lowercase to what the vocabulary expects"
    )
