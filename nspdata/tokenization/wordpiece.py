"""A WordPiece tokenizer: loaded from any of its usual files, run by Hugging Face's `tokenizers`, saved for `transformers`."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from nspdata.arrays.ragged import offsets
from nspdata.errors import ConfigError
from nspdata.files.any import AnyFiles
from nspdata.tokenization.tokenizer_files import SPECIAL_NAMES, bert_backend, difference, looks_lowercase, read_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nspdata.tokenization.tokenizer_files import TokenizerFiles
    from nspdata.tokenization.vocabulary import Vocabulary

NAMES = ("tokenizer.json", "vocab.txt", "tokenizer_config.json", "added_tokens.json")
"""The files of a tokenizer that are read."""

ENCODED_AT_ONCE = 4096

MAX_MODEL_LENGTH = 512


class WordPiece:
    """BERT's tokenizer over a vocabulary, or another one around WordPiece that `tokenizers` runs as its files describe it.

    Args:
        vocabulary: the tokens by id.
        lowercase: whether text is lower-cased.
        strip_accents: whether accents and other combining marks are stripped.

    Attributes:
        reason: why it is not plain BERT; "" for plain BERT.
        is_plain: whether it is BERT's own, which the fast encoder implements; else `vocabulary.tokenizer_json` describes it.
    """

    def __init__(self, vocabulary: Vocabulary, *, lowercase: bool, strip_accents: bool) -> None:
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.reason = ""
        self.is_plain = not vocabulary.tokenizer_json
        if self.is_plain:
            self.backend = _shared_backend(vocabulary, lowercase=lowercase, strip_accents=strip_accents)
        else:
            self.backend = Tokenizer.from_str(vocabulary.tokenizer_json)
            self.reason = difference(json.loads(vocabulary.tokenizer_json))

    @staticmethod
    def load(path: str | Path, *, lowercase: str = "auto", strip_accents: str = "auto") -> WordPiece:
        """Reads a `vocab.txt`, a `tokenizer.json`, or a directory with one of them.

        Args:
            path: a local path or a URL.
            lowercase: `yes`, `no`, or `auto`: what the files say, else yes unless the vocabulary holds an upper-case letter
                outside `[...]` and `<...>` (so Google's Chinese vocabulary is lower-cased, as Google does).
            strip_accents: `yes`, `no`, or `auto`: what the files say, else as `lowercase`.

        Added tokens, and other normalizers and pre-tokenizers around WordPiece, are run by `tokenizers` as the files say.

        Raises:
            ConfigError: there is no such file, or its ids cannot be reproduced exactly: no WordPiece, other names for the special
                tokens, words that another program finds (BertJapaneseTokenizer).
        """
        if "://" in str(path):
            files = _fetched(str(path))
            return WordPiece.from_files(files, name=str(path), lowercase=lowercase, strip_accents=strip_accents)
        place = Path(path)
        found = {name: place / name for name in NAMES} if place.is_dir() else {_kind(place): place}
        try:
            files = {name: file.read_bytes() for name, file in found.items() if file.exists() or not place.is_dir()}
        except OSError as error:
            raise ConfigError(f"tokenizer {path}: cannot be read ({error.strerror or error})") from error
        return WordPiece.from_files(files, name=str(path), lowercase=lowercase, strip_accents=strip_accents)

    @staticmethod
    def from_files(
        files: Mapping[str, bytes], *, name: str = "tokenizer", lowercase: str = "auto", strip_accents: str = "auto"
    ) -> WordPiece:
        """Like `load`, from the contents of the files, by name."""
        found = read_files(files, name)
        if found.reason:
            _check_settings(name, found, lowercase=lowercase, strip_accents=strip_accents)
            return WordPiece(
                found.vocabulary,
                lowercase=bool(found.lowercase),
                strip_accents=bool(found.strip_accents),
            )
        lower = _choice(lowercase, known=found.lowercase, default=looks_lowercase(found.vocabulary))
        strip = _choice(strip_accents, known=found.strip_accents, default=lower)
        return WordPiece(found.vocabulary, lowercase=lower, strip_accents=strip)

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The ids of each text, without special tokens around it.

        Returns:
            ids, shape (num_tokens,), uint16 or uint32, and offsets, shape (len(texts) + 1,), int64.
        """
        ids: list[int] = []
        lengths: list[int] = []
        for start in range(0, len(texts), ENCODED_AT_ONCE):
            for encoding in self.backend.encode_batch_fast(
                texts[start : start + ENCODED_AT_ONCE], add_special_tokens=False
            ):
                found = encoding.ids
                ids += found
                lengths.append(len(found))
        return np.array(ids, self.vocabulary.dtype), offsets(np.array(lengths, np.int64))

    def words(self, text: str) -> list[str]:
        """The words of a text, normalized, before the vocabulary divides them."""
        backend = self.backend
        normalized = text if backend.normalizer is None else backend.normalizer.normalize_str(text)
        if backend.pre_tokenizer is None:
            return [normalized]
        return [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normalized)]

    def identity(self) -> dict[str, Any]:
        """Identifies the tokenizer: sha256 and size of its vocabulary, and how text is normalized."""
        return {
            "sha256": self.vocabulary.sha256,
            "vocab_size": len(self.vocabulary),
            "lowercase": self.lowercase,
            "strip_accents": self.strip_accents,
            **({} if self.is_plain else {"tokenizer_json": _sha256(self.vocabulary.tokenizer_json)}),
        }

    @cached_property
    def sha256(self) -> str:
        """The sha256 of `identity`, hexadecimal."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()

    def files(self) -> dict[str, bytes]:
        """The files of a tokenizer directory that `transformers.AutoTokenizer` loads, by name."""
        settings = {
            **SPECIAL_NAMES,
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": self.lowercase,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": True,
            "model_max_length": MAX_MODEL_LENGTH,
        }
        if not self.is_plain:  # this class of transformers runs tokenizer.json as it is
            settings = {
                **SPECIAL_NAMES,
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": MAX_MODEL_LENGTH,
            }
        return {
            "vocab.txt": self.vocabulary.text.encode(),
            "tokenizer.json": (self.vocabulary.tokenizer_json or self.backend.to_str(pretty=True) + "\n").encode(),
            "tokenizer_config.json": _json(settings),
            "special_tokens_map.json": _json(SPECIAL_NAMES),
        }

    def save(self, directory: str | Path) -> None:
        """Writes `files` into a local directory."""
        place = Path(directory)
        place.mkdir(parents=True, exist_ok=True)
        for name, data in self.files().items():
            (place / name).write_bytes(data)


def _fetched(url: str) -> dict[str, bytes]:
    """The files of a tokenizer behind a URL, by name: of a directory, or a single file."""
    files = AnyFiles()
    try:
        found = {path.rpartition("/")[2]: path for path, _ in files.match(url)}
        if list(found.values()) == [url]:
            found = {_kind(Path(url)): url}
        result = {}
        for name in NAMES:
            if name in found:
                with files.open(found[name]) as stream:
                    result[name] = stream.read()
    except OSError as error:
        raise ConfigError(f"tokenizer {url}: cannot be read ({error.strerror or error})") from error
    return result


def _kind(path: Path) -> str:
    return "tokenizer.json" if path.suffix == ".json" else "vocab.txt"


def _check_settings(name: str, found: TokenizerFiles, *, lowercase: str, strip_accents: str) -> None:
    """Rejects settings that contradict a tokenizer that `tokenizers` runs as its files describe it."""
    said = {"lowercase": (lowercase, found.lowercase), "strip_accents": (strip_accents, found.strip_accents)}
    for key, (setting, value) in said.items():
        if setting != "auto" and (setting == "yes") is not value:
            raise ConfigError(
                f"tokenizer.{key}={setting} contradicts the tokenizer {name}, which is run as its files describe it because "
                f"{found.reason}; remove the setting, or change the tokenizer's normalizer"
            )


def _choice(setting: str, *, known: bool | None, default: bool) -> bool:
    if setting != "auto":
        return setting == "yes"
    return default if known is None else bool(known)


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=2)
def _shared_backend(vocabulary: Vocabulary, *, lowercase: bool, strip_accents: bool) -> Tokenizer:
    """`bert_backend`, once for the tokenizers of a process that are equal: it takes 25 ms, and nothing changes it."""
    return bert_backend(vocabulary, lowercase=lowercase, strip_accents=strip_accents)
