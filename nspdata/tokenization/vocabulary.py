"""A WordPiece vocabulary as the arrays that masking and statistics need; no tokenizer library is loaded."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOKENIZER_FILES = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
"""Files of a tokenizer's directory, and of `tokenizer/` in a dataset."""

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def id_dtype(vocab_size: int) -> np.dtype[Any]:
    """The dtype of token ids: uint16, or uint32 where the vocabulary needs it."""
    return np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id, and the description of the tokenizer that produces them.

    Attributes:
        tokens: the tokens; the index of each is its id.
        tokenizer_json: the description of the tokenizer if it is not plain BERT, else "".

    Raises:
        ConfigError: one of the five special tokens is missing, or a token occurs twice.

    >>> Vocabulary(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b")).continuations.tolist()[-2:]
    [False, True]
    """

    tokens: tuple[str, ...]
    tokenizer_json: str = ""

    def __post_init__(self) -> None:
        missing = [token for token in SPECIAL_TOKENS if token not in self.tokens]
        if missing:
            raise ConfigError(
                f"the vocabulary lacks {', '.join(missing)}: BERT needs the five special tokens {', '.join(SPECIAL_TOKENS)}; "
                "add them to the vocabulary, or train one with `nspdata train-tokenizer`"
            )
        if len(set(self.tokens)) != len(self.tokens):
            twice = next(token for token in self.tokens if self.tokens.count(token) > 1)
            raise ConfigError(f"the vocabulary holds {twice!r} twice; every token has one id")

    def __len__(self) -> int:
        return len(self.tokens)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles only the fields: the plan of a build, with its vocabulary, is sent to every worker."""
        return _unpacked, self._packed

    @cached_property
    def _packed(self) -> tuple[bytes, bytes]:
        return zlib.compress(self.text.encode(), 1), zlib.compress(self.tokenizer_json.encode(), 1)

    @staticmethod
    def read(path: str | Path) -> Vocabulary:
        """Reads a `vocab.txt`: one token per line; its id is the line number, from 0."""
        return Vocabulary.parse(Path(path).read_text(encoding="utf-8"))

    @staticmethod
    def parse(text: str) -> Vocabulary:
        """Reads the text of a `vocab.txt`."""
        return Vocabulary(tuple(line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")))

    @property
    def text(self) -> str:
        """The vocabulary as the text of a `vocab.txt`."""
        return "\n".join((*self.tokens, ""))

    @cached_property
    def sha256(self) -> str:
        """The sha256 of `text`, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def special_ids(self) -> dict[str, int]:
        """The id of each special token."""
        return {token: self.tokens.index(token) for token in SPECIAL_TOKENS}

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of token ids."""
        return id_dtype(len(self.tokens))

    @cached_property
    def specials(self) -> NDArray[np.bool_]:
        """Shape (vocab_size,), bool: the five special tokens."""
        result = np.zeros(len(self.tokens), np.bool_)
        result[list(self.special_ids.values())] = True
        return result

    @cached_property
    def continuations(self) -> NDArray[np.bool_]:
        """Shape (vocab_size,), bool: tokens that continue a word (`##...`)."""
        return np.array([token.startswith("##") and len(token) > 2 for token in self.tokens], np.bool_)

    @cached_property
    def chinese(self) -> NDArray[np.bool_]:
        """Shape (vocab_size,), bool: tokens whose text begins with a Chinese character, by BERT's definition of one."""
        return np.array([bool(text) and _is_chinese(ord(text[0])) for text in self.texts], np.bool_)

    @cached_property
    def texts(self) -> list[str]:
        """The text of each token: without `##` if it continues a word."""
        flags = self.continuations.tolist()
        return [token[2:] if continues else token for token, continues in zip(self.tokens, flags, strict=True)]


CHINESE = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
"""First and last code points of the blocks of Chinese characters that BERT's tokenizer puts spaces around."""


def _is_chinese(code: int) -> bool:
    return any(first <= code <= last for first, last in CHINESE)


@lru_cache(maxsize=4)
def _unpacked(data: bytes, described: bytes) -> Vocabulary:
    """Unpickles a vocabulary; copies of a plan in one process share it, and its tables."""
    tokens = Vocabulary.parse(zlib.decompress(data).decode()).tokens
    return Vocabulary(tokens, zlib.decompress(described).decode())
