"""A WordPiece vocabulary from a corpus: trained by `tokenizers`, the same for the same texts, in bounded memory."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from nspdata.arrays.compiled import is_compiled
from nspdata.errors import InputError
from nspdata.tokenization.fast.words import Words
from nspdata.tokenization.marks import StrippedLetters
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nspdata.tokenization.marks import Accents


def train(  # noqa: PLR0913 - the settings of a vocabulary
    texts: Callable[[], Iterator[str]],
    *,
    lowercase: bool = True,
    strip_accents: bool | None = None,
    vocab_size: int = 30_522,
    min_frequency: int = 2,
    limit_alphabet: int = 6_000,
    show_progress: bool = False,
) -> WordPiece:
    """Trains a vocabulary.

    The trainer of `tokenizers` numbers the pieces of a word in the order of a hash table with a random seed, and breaks ties by
    those numbers: two runs over one text differ. So the alphabet is fixed first, in a defined order, and passed to the trainer.

    Args:
        texts: returns an iterator over the same texts on each call; it is called two or three times.
        lowercase: whether the tokenizer lower-cases.
        strip_accents: whether it strips combining marks; None: yes if it lower-cases and the marks are no letters of a
            script of the texts (see `marks.StrippedLetters.choose`), which costs one more pass over the texts.
        vocab_size: largest number of entries, with the 5 special tokens, which come first.
        min_frequency: a pair that occurs less often is not merged.
        limit_alphabet: number of characters kept, the most frequent first; others become [UNK]. Fewer if `vocab_size` is too small.
        show_progress: shows the trainer's progress bars on stderr.

    Raises:
        InputError: the texts hold no word.
    """
    strip = strip_accents
    if strip is None:
        strip = lowercase and choose_accents(texts()).strip
    normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip)
    words = Words(_bert(normalizer)) if is_compiled() else None
    characters, parts = _alphabet(texts, normalizer, words)
    if not characters:
        raise InputError("the texts hold no word to train a vocabulary on; look at the input and at --text-field")
    room = vocab_size - len(SPECIAL_TOKENS)
    if len(characters) > limit_alphabet or len(characters) + len(parts) > room:
        counts: Counter[str] = Counter()
        for text in texts():
            counts.update(normalizer.normalize_str(text))
        characters = sorted(characters, key=lambda character: (-counts[character], character))[:limit_alphabet]
        entries = accumulate(1 + (character in parts) for character in characters)
        characters = characters[: sum(total <= room for total in entries)]
    alphabet = sorted(characters)
    vocabulary = _trained(
        words.normalized(texts()) if words else texts(),
        None if words else normalizer,
        [*SPECIAL_TOKENS, *(f"##{character}" for character in alphabet if character in parts)],
        alphabet,
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        limit_alphabet=len(alphabet),
        show_progress=show_progress,
    )
    return WordPiece(Vocabulary(tuple(vocabulary)), lowercase=lowercase, strip_accents=strip)


def choose_accents(texts: Iterable[str]) -> Accents:
    """Whether to strip accents by default, from the letters and marks of the texts."""
    letters = StrippedLetters()
    for text in texts:
        letters.add(text)
    return letters.choose()


def _bert(normalizer: normalizers.BertNormalizer | None) -> Tokenizer:
    """An untrained tokenizer: BERT's; without a normalizer one for words that are separated by spaces."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106
    if normalizer is None:
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    else:
        tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _alphabet(
    texts: Callable[[], Iterator[str]], normalizer: normalizers.BertNormalizer, words: Words | None
) -> tuple[list[str], set[str]]:
    """The characters of the words, and those that continue a word; without `words` by the trainer, which gives the same."""
    if words:
        for _ in words.normalized(texts()):
            pass
        return words.alphabet()
    pieces = _trained(
        texts(), normalizer, list(SPECIAL_TOKENS), [], vocab_size=0, min_frequency=1, limit_alphabet=1 << 30
    )
    parts = {piece[2:] for piece in pieces if len(piece) == 3 and piece.startswith("##")}
    return [piece for piece in pieces if len(piece) == 1], parts


def _trained(  # noqa: PLR0913
    texts: Iterator[str],
    normalizer: normalizers.BertNormalizer | None,
    first: list[str],
    alphabet: list[str],
    *,
    vocab_size: int,
    min_frequency: int,
    limit_alphabet: int,
    show_progress: bool = False,
) -> list[str]:
    """Trains once and returns the tokens by id."""
    tokenizer = _bert(normalizer)
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        limit_alphabet=limit_alphabet,
        initial_alphabet=alphabet,
        special_tokens=first,
        show_progress=show_progress,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ids = tokenizer.get_vocab()
    return sorted(ids, key=lambda token: ids[token])
