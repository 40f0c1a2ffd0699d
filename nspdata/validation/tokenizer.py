"""Checks `tokenizer/`: its four files agree with each other and with the manifest."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from nspdata.dataset.manifest import VOCABULARY
from nspdata.errors import ConfigError, ShardError
from nspdata.files.checked_json import parse
from nspdata.tokenization.vocabulary import Vocabulary
from nspdata.validation.spec import RowSpec

if TYPE_CHECKING:
    from pathlib import Path

    from nspdata.config.build import Config
    from nspdata.dataset.manifest import Manifest
    from nspdata.validation.findings import Findings

NAMES = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def check_tokenizer(directory: Path, manifest: Manifest, config: Config, findings: Findings) -> RowSpec | None:
    """Compares the tokenizer's files with the manifest and with each other; returns None if there is no vocabulary to check rows with."""
    place = directory / "tokenizer"
    try:
        vocabulary = Vocabulary.read(directory / VOCABULARY)
    except FileNotFoundError:
        findings.add("missing_file", "the file is not there", file=VOCABULARY)
        return None
    except (ConfigError, UnicodeDecodeError, OSError) as error:
        findings.add("tokenizer", str(error), file=VOCABULARY)
        return None
    for key, found in {"sha256": vocabulary.sha256, "vocab_size": len(vocabulary)}.items():
        if manifest.tokenizer.get(key) != found:
            message = f"{key} is {found}, the manifest says {manifest.tokenizer.get(key)}"
            findings.add("tokenizer", message, file=VOCABULARY)
    described, path = manifest.tokenizer.get("tokenizer_json"), place / "tokenizer.json"
    if described and path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() != described:
        findings.add("tokenizer", "its sha256 is not that of the manifest", file="tokenizer/tokenizer.json")
    for name, expected in _expected(vocabulary, manifest.tokenizer).items():
        path, file = place / name, f"tokenizer/{name}"
        if path.exists():  # otherwise reported by `check_files`
            try:
                values = parse(path.read_bytes(), name=path.name)
            except ShardError as error:
                findings.add("tokenizer", str(error), file=file)
                continue
            if wrong := _departure(values, expected):
                findings.add("tokenizer", f"{wrong} is not what vocab.txt and the manifest give", file=file)
    return RowSpec.of(config, vocabulary, {split: len(entries) for split, entries in manifest.splits.items()})


def _expected(vocabulary: Vocabulary, named: dict[str, Any]) -> dict[str, Any]:
    """What each JSON file must contain, by file name; it may contain more."""
    if "tokenizer_json" in named:  # not plain BERT: tokenizer.json is compared with its checksum
        return {
            "tokenizer_config.json": {**NAMES, "tokenizer_class": "PreTrainedTokenizerFast"},
            "special_tokens_map.json": NAMES,
        }
    ids = vocabulary.special_ids
    lowercase, strip_accents = named.get("lowercase"), named.get("strip_accents")
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": lowercase, "strip_accents": strip_accents}
    flags = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": strip_accents, "lowercase": lowercase}
    model = {"unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    around = {token: {"ids": [ids[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")}
    cls, sep, end = _special("[CLS]", 0), _special("[SEP]", 0), _special("[SEP]", 1)
    a, b = ({"Sequence": {"id": name, "type_id": kind}} for kind, name in enumerate("AB"))
    tokenizer = {
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": ids[token], "content": token, "special": True} for token in NAMES.values()],
        "normalizer": {"type": "BertNormalizer", **flags},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"single": [cls, a, sep], "pair": [cls, a, sep, b, end], "special_tokens": around},
        "decoder": {"type": "WordPiece", "prefix": "##"},
        "model": {
            "type": "WordPiece",
            **model,
            "vocab": {token: index for index, token in enumerate(vocabulary.tokens)},
        },
    }
    return {
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {**NAMES, **config, "tokenize_chinese_chars": True},
        "special_tokens_map.json": NAMES,
    }


def _special(token: str, kind: int) -> dict[str, Any]:
    return {"SpecialToken": {"id": token, "type_id": kind}}


def _departure(values: Any, expected: Any, name: str = "") -> str:
    """The dotted name of the first value that differs from the expected one, or ""; further values are ignored.

    >>> _departure({"a": [1, {"b": 2}], "c": 3}, {"a": [1, {"b": 4}]})
    'a.1.b'
    """
    pairs: list[tuple[Any, Any, Any]] = []
    if isinstance(expected, dict) and isinstance(values, dict):
        if name == "model.vocab" and len(values) != len(expected):
            return name
        pairs = [(key, values.get(key), value) for key, value in expected.items()]
    elif isinstance(expected, list) and isinstance(values, list) and len(expected) == len(values):
        pairs = [(str(index), *pair) for index, pair in enumerate(zip(values, expected, strict=True))]
    elif values != expected:
        return name or "the whole"
    for key, one, other in pairs:
        if one != other and (found := _departure(one, other, f"{name}.{key}" if name else key)):
            return found
    return ""
