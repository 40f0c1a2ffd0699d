"""A WordPiece tokenizer: loaded from any of its usual files, run by Hugging Face's `tokenizers`, saved for `transformers`."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from nspdata.arrays.ragged import offsets
from nspdata.errors import ConfigError
from nspdata.files.any import Places
from nspdata.files.checked_json import OBJECT, TEXT, check, list_of, map_of, one_of, parse, record
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MAX_CHARACTERS_A_WORD = 100
"""A longer word is [UNK], as in Google's code."""

ENCODED_AT_ONCE = 4096

MAX_MODEL_LENGTH = 512

BERT = {
    "normalizer": "BertNormalizer",
    "normalizer.clean_text": True,
    "normalizer.handle_chinese_chars": True,
    "pre_tokenizer": "BertPreTokenizer",
    "continuing_subword_prefix": "##",
    "max_input_chars_per_word": MAX_CHARACTERS_A_WORD,
}
"""What a `tokenizer.json` must say; casing and accents are settings."""


_ID = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
_PART = {"type": ["object", "null"], "properties": {"type": TEXT}}

_FLAG = {"type": ["boolean", "null"]}

SETTINGS = record({}, {"do_lower_case": _FLAG, "strip_accents": _FLAG})
"""What is read of a `tokenizer_config.json`."""

_NORMALIZER = {"type": ["object", "null"], "properties": {"type": TEXT, "lowercase": _FLAG, "strip_accents": _FLAG}}

PARTS = record({}, {"model": _PART, "normalizer": _NORMALIZER, "pre_tokenizer": _PART})
"""The parts of any `tokenizer.json` that are read."""

WORDPIECE = record(
    {"model": record({"vocab": map_of(_ID)})},
    {"added_tokens": one_of({"type": "null"}, list_of(record({"id": _ID, "content": TEXT})))},
)
"""Those of a WordPiece model."""


class WordPiece:
    """BERT's tokenizer over a vocabulary.

    Args:
        vocabulary: the tokens by id.
        lowercase: whether text is lower-cased.
        strip_accents: whether combining marks are taken off.
    """

    def __init__(self, vocabulary: Vocabulary, *, lowercase: bool, strip_accents: bool) -> None:
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.backend = _backend(vocabulary, lowercase=lowercase, strip_accents=strip_accents)

    @staticmethod
    def load(path: str | Path, *, lowercase: str = "auto", strip_accents: str = "auto") -> WordPiece:
        """Reads a `vocab.txt`, a `tokenizer.json`, or a directory with one of them.

        Args:
            path: a local path or a URL.
            lowercase: `yes`, `no`, or `auto`: what the files say, else yes unless the vocabulary holds an upper-case letter
                outside `[...]` and `<...>` (so Google's Chinese vocabulary is lower-cased, as Google does).
            strip_accents: `yes`, `no`, or `auto`: what the files say, else as `lowercase`.

        Tokens that were added to a `tokenizer.json` beside its model become words of the vocabulary like any other.

        Raises:
            ConfigError: there is no such file, it is no WordPiece tokenizer of BERT's kind, or its vocabulary lacks a special token.
        """
        if "://" in str(path):
            files = _fetched(str(path))
            return WordPiece.from_files(files, name=str(path), lowercase=lowercase, strip_accents=strip_accents)
        place = Path(path)
        names = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")
        found = {name: place / name for name in names} if place.is_dir() else {_kind(place): place}
        try:
            files = {name: file.read_bytes() for name, file in found.items() if file.exists() or not place.is_dir()}
        except OSError as error:
            raise ConfigError(f"tokenizer {path}: cannot be read ({error.strerror or error})") from error
        return WordPiece.from_files(files, name=str(path), lowercase=lowercase, strip_accents=strip_accents)

    @staticmethod
    def from_files(
        files: Mapping[str, bytes], *, name: str = "tokenizer", lowercase: str = "auto", strip_accents: str = "auto"
    ) -> WordPiece:
        """As `load`, from the contents of the files by name."""
        if "tokenizer.json" not in files and "vocab.txt" not in files:
            raise ConfigError(
                f"tokenizer {name}: holds neither a tokenizer.json nor a vocab.txt; give one, or train one with `nspdata train-tokenizer`"
            )
        settings = _read_object(files.get("tokenizer_config.json", b"{}"), f"{name}, tokenizer_config.json")
        check(settings, SETTINGS, name=f"tokenizer {name}, tokenizer_config.json", error=ConfigError)
        known: dict[str, bool | None] = {
            "lowercase": settings.get("do_lower_case"),
            "strip_accents": settings.get("strip_accents"),
        }
        if "tokenizer.json" in files:
            vocabulary, normalizer = _read_json(files["tokenizer.json"], name)
            known = {key: value if normalizer.get(key) is None else normalizer[key] for key, value in known.items()}
        else:
            vocabulary = _read_lines(files["vocab.txt"], name)
        lower = _choice(lowercase, known=known["lowercase"], default=_looks_lowercase(vocabulary))
        strip = _choice(strip_accents, known=known["strip_accents"], default=lower)
        return WordPiece(vocabulary, lowercase=lower, strip_accents=strip)

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

    def identity(self) -> dict[str, Any]:
        """What tells one tokenizer from another: its vocabulary's sha256 and size, and how text is normalized."""
        return {
            "sha256": self.vocabulary.sha256,
            "vocab_size": len(self.vocabulary),
            "lowercase": self.lowercase,
            "strip_accents": self.strip_accents,
        }

    @cached_property
    def sha256(self) -> str:
        """The sha256 of `identity`, hexadecimal."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()

    def files(self) -> dict[str, bytes]:
        """The files of a tokenizer directory that `transformers.AutoTokenizer` loads, by name."""
        names = dict(
            zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL_TOKENS, strict=True)
        )
        settings = {
            **names,
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": self.lowercase,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": True,
            "model_max_length": MAX_MODEL_LENGTH,
        }
        return {
            "vocab.txt": self.vocabulary.text.encode(),
            "tokenizer.json": (self.backend.to_str(pretty=True) + "\n").encode(),
            "tokenizer_config.json": _json(settings),
            "special_tokens_map.json": _json(names),
        }

    def save(self, directory: str | Path) -> None:
        """Writes `files` into a local directory."""
        place = Path(directory)
        place.mkdir(parents=True, exist_ok=True)
        for name, data in self.files().items():
            (place / name).write_bytes(data)


def _backend(vocabulary: Vocabulary, *, lowercase: bool, strip_accents: bool) -> Tokenizer:
    ids = {token: number for number, token in enumerate(vocabulary.tokens)}
    model = models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=MAX_CHARACTERS_A_WORD)  # noqa: S106
    backend = Tokenizer(model)
    backend.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=strip_accents, lowercase=lowercase
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##")
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return backend


def _fetched(url: str) -> dict[str, bytes]:
    """The files of a tokenizer behind a URL, by name: of a directory, or a single file."""
    files, names = Places(), ("tokenizer.json", "vocab.txt", "tokenizer_config.json")
    try:
        found = {path.rpartition("/")[2]: path for path, _ in files.match(url)}
        if list(found.values()) == [url]:
            found = {_kind(Path(url)): url}
        result = {}
        for name in names:
            if name in found:
                with files.open(found[name]) as stream:
                    result[name] = stream.read()
    except OSError as error:
        raise ConfigError(f"tokenizer {url}: cannot be read ({error.strerror or error})") from error
    return result


def _kind(path: Path) -> str:
    return "tokenizer.json" if path.suffix == ".json" else "vocab.txt"


def _read_lines(data: bytes, name: str) -> Vocabulary:
    """The vocabulary of a `vocab.txt`."""
    try:
        return Vocabulary.parse(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"tokenizer {name}: not UTF-8 at byte {error.start}; a vocab.txt has one token a line"
        ) from error


def _read_object(data: bytes, name: str) -> dict[str, Any]:
    """A JSON object."""
    found: dict[str, Any] = parse(data, name=f"tokenizer {name}", schema=OBJECT, error=ConfigError)
    return found


def _read_json(data: bytes, name: str) -> tuple[Vocabulary, dict[str, Any]]:
    """The vocabulary of a `tokenizer.json`, and what its normalizer does."""
    described = _read_object(data, name)
    check(described, PARTS, name=f"tokenizer {name}", error=ConfigError)
    model = described.get("model") or {}
    if model.get("type") != "WordPiece":
        raise ConfigError(
            f"tokenizer {name}: its model is {model.get('type')}, not WordPiece; BERT needs WordPiece (`nspdata train-tokenizer` trains one)"
        )
    check(described, WORDPIECE, name=f"tokenizer {name}", error=ConfigError)
    normalizer = described.get("normalizer") or {}
    found = {
        "normalizer": normalizer.get("type"),
        "normalizer.clean_text": normalizer.get("clean_text"),
        "normalizer.handle_chinese_chars": normalizer.get("handle_chinese_chars"),
        "pre_tokenizer": (described.get("pre_tokenizer") or {}).get("type"),
        "continuing_subword_prefix": model.get("continuing_subword_prefix", "##"),
        "max_input_chars_per_word": model.get("max_input_chars_per_word", MAX_CHARACTERS_A_WORD),
    }
    if other := [f"{key} is {found[key]!r}, not {value!r}" for key, value in BERT.items() if found[key] != value]:
        raise ConfigError(
            f"tokenizer {name}: not BERT's, its ids would differ: {'; '.join(other)}; give a tokenizer of BERT's kind, or its vocab.txt alone"
        )
    ids: dict[str, int] = dict(model["vocab"])
    ids |= {added["content"]: added["id"] for added in described.get("added_tokens") or []}
    tokens = sorted(ids, key=lambda token: ids[token])
    if [ids[token] for token in tokens] != list(range(len(tokens))):
        raise ConfigError(f"tokenizer {name}: its ids are not 0 to {len(tokens) - 1} without a gap; save it anew")
    return Vocabulary(tuple(tokens)), normalizer


def _looks_lowercase(vocabulary: Vocabulary) -> bool:
    """Whether no token but the special ones (`[...]`, `<...>`) holds an upper-case letter."""
    plain = (token for token in vocabulary.tokens if (token[:1], token[-1:]) not in {("[", "]"), ("<", ">")})
    return all(token == token.lower() for token in plain)


def _choice(setting: str, *, known: bool | None, default: bool) -> bool:
    if setting != "auto":
        return setting == "yes"
    return default if known is None else bool(known)


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()
