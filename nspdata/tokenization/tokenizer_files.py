"""Reads the usual files of a tokenizer: its settings, whether it is plain BERT, and why a tokenizer is rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from nspdata.errors import ConfigError
from nspdata.files.checked_json import OBJECT, TEXT, check, list_of, map_of, one_of, parse, record
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARACTERS_A_WORD = 100
"""Longer words become [UNK], as in Google's code."""

SPECIAL_NAMES = dict(
    zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL_TOKENS, strict=True)
)

OTHER_CLASSES = {
    "BertJapaneseTokenizer": "MeCab or Sudachi finds the words",
    "RoFormerTokenizer": "jieba finds the words",
    "RoFormerTokenizerFast": "jieba finds the words",
    "BertweetTokenizer": "it is a BPE tokenizer",
    "BertGenerationTokenizer": "it is a SentencePiece tokenizer",
    "BioGptTokenizer": "it is a BPE tokenizer",
}
"""Tokenizer classes of transformers that also come with a vocab.txt, and why their ids are not WordPiece's."""

PLAIN_CLASSES = (
    *("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer", "ConvBertTokenizer"),
    *("FunnelTokenizer", "LayoutLMTokenizer", "LxmertTokenizer", "RetriBertTokenizer", "SplinterTokenizer"),
    *("SqueezeBertTokenizer", "DPRQuestionEncoderTokenizer", "DPRContextEncoderTokenizer", "RealmTokenizer"),
    *("PreTrainedTokenizer", "TokenizersBackend"),
)
"""Classes (and their `...Fast`) that are WordPiece over a vocab.txt."""


_ID = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
_PART = {"type": ["object", "null"], "properties": {"type": TEXT}}
_FLAG = {"type": ["boolean", "null"]}
_FLAGS = dict.fromkeys(("special", "lstrip", "rstrip", "single_word", "normalized"), _FLAG)

SETTINGS = record(
    {},
    {
        **dict.fromkeys(("do_lower_case", "strip_accents", "tokenize_chinese_chars", "do_basic_tokenize"), _FLAG),
        "tokenizer_class": {"type": ["string", "null"]},
        "added_tokens_decoder": map_of(record({"content": TEXT}, _FLAGS)),
    },
)
"""The keys of a `tokenizer_config.json` that are read."""

ADDED_TOKENS = map_of(_ID)
"""An `added_tokens.json`."""

_NORMALIZER = {"type": ["object", "null"], "properties": {"type": TEXT, "lowercase": _FLAG, "strip_accents": _FLAG}}

PARTS = record({}, {"model": _PART, "normalizer": _NORMALIZER, "pre_tokenizer": _PART})
"""The parts of any `tokenizer.json` that are read."""

WORDPIECE = record(
    {"model": record({"vocab": map_of(_ID)})},
    {"added_tokens": one_of({"type": "null"}, list_of(record({"id": _ID, "content": TEXT}, _FLAGS)))},
)
"""The keys of a WordPiece model that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerFiles:
    """Contents of the files of a tokenizer.

    Attributes:
        vocabulary: the tokens by id, added ones included; its `tokenizer_json` is "" for BERT's own normalizer and
            pre-tokenizer without added tokens, else the description that `tokenizers` runs as it is.
        lowercase: whether text is lower-cased; None if no file says so.
        strip_accents: whether accents are stripped; None if no file says so.
        reason: why it is not plain BERT; "" for plain BERT.
    """

    vocabulary: Vocabulary
    lowercase: bool | None
    strip_accents: bool | None
    reason: str = ""


def read_files(files: Mapping[str, bytes], name: str) -> TokenizerFiles:
    """Reads the files of a tokenizer by name: `tokenizer.json` or `vocab.txt`, `tokenizer_config.json`, `added_tokens.json`.

    Raises:
        ConfigError: they are corrupt, contradict each other, or describe a tokenizer whose ids cannot be reproduced exactly.
    """
    if "tokenizer.json" not in files and "vocab.txt" not in files:
        raise ConfigError(
            f"tokenizer {name}: holds neither a tokenizer.json nor a vocab.txt; give one, or train one with `nspdata train-tokenizer`"
        )
    settings = read_object(files.get("tokenizer_config.json", b"{}"), f"{name}, tokenizer_config.json")
    check(settings, SETTINGS, name=f"tokenizer {name}, tokenizer_config.json", error=ConfigError)
    _check_class(settings, name, described="tokenizer.json" in files)
    _check_names(settings, name)
    if "tokenizer.json" in files:
        return _read_json(files["tokenizer.json"], settings, name)
    return _read_lines(files, settings, name)


def read_object(data: bytes, name: str) -> dict[str, Any]:
    """A JSON object."""
    found: dict[str, Any] = parse(data, name=f"tokenizer {name}", schema=OBJECT, error=ConfigError)
    return found


def bert_backend(
    vocabulary: Vocabulary, *, lowercase: bool, strip_accents: bool, handle_chinese_chars: bool = True
) -> Tokenizer:
    """Returns BERT's tokenizer as an object of `tokenizers`."""
    ids = {token: number for number, token in enumerate(vocabulary.tokens)}
    model = models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=MAX_CHARACTERS_A_WORD)  # noqa: S106
    backend = Tokenizer(model)
    backend.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=handle_chinese_chars, strip_accents=strip_accents, lowercase=lowercase
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##")
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    add_template(backend, vocabulary)
    return backend


def add_template(backend: Tokenizer, vocabulary: Vocabulary) -> None:
    """Makes the tokenizer put `[CLS] A [SEP] B [SEP]` around texts."""
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary.special_ids[token]) for token in ("[CLS]", "[SEP]")],
    )


def _check_class(settings: dict[str, Any], name: str, *, described: bool) -> None:
    """Rejects tokenizer classes that divide text into words in another way than BERT."""
    found = settings.get("tokenizer_class") or ""
    if found in OTHER_CLASSES:
        raise ConfigError(
            f"tokenizer {name}: tokenizer_class is {found}, and {OTHER_CLASSES[found]}: nspdata cannot compute its ids; split the text into "
            "words first and give a vocabulary for words between spaces, or give a tokenizer of BERT's kind"
        )
    if found and not described and found.removesuffix("Fast") not in PLAIN_CLASSES:
        raise ConfigError(
            f"tokenizer {name}: tokenizer_class is {found}, which is not known to be WordPiece over a vocab.txt; give its "
            "tokenizer.json, or remove tokenizer_class if it is BERT's"
        )
    ignored = {"do_basic_tokenize": (None, True), "never_split": (None, [])}
    for key, usual in ignored.items():
        if settings.get(key) not in usual and not described:
            raise ConfigError(
                f"tokenizer {name}: tokenizer_config.json has {key} = {settings[key]!r}, which no fast tokenizer does; "
                "give a tokenizer.json that does it, or remove the key"
            )


def _check_names(settings: dict[str, Any], name: str) -> None:
    """Rejects other names for the five special tokens."""
    for key, token in SPECIAL_NAMES.items():
        found = settings.get(key)
        found = found.get("content") if isinstance(found, dict) else found
        if found is not None and found != token:
            raise ConfigError(
                f"tokenizer {name}: its {key} is {found!r}, not {token!r}: rows need BERT's names for the special tokens "
                f"({', '.join(SPECIAL_TOKENS)}); rename them in the tokenizer's files (their ids stay)"
            )


def _read_lines(files: Mapping[str, bytes], settings: dict[str, Any], name: str) -> TokenizerFiles:
    """A `vocab.txt`, with the tokens that were added to it and the flags of `tokenizer_config.json`."""
    data = files["vocab.txt"]
    if data.startswith(b"\xef\xbb\xbf"):
        raise ConfigError(
            f"tokenizer {name}: vocab.txt begins with a byte order mark, which would be part of its first token; save it as UTF-8 without one"
        )
    try:
        vocabulary = Vocabulary.parse(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"tokenizer {name}: not UTF-8 at byte {error.start}; a vocab.txt has one token a line"
        ) from error
    lowercase, strip_accents = settings.get("do_lower_case"), settings.get("strip_accents")
    added = _added_tokens(files, settings, vocabulary, name)
    chinese = settings.get("tokenize_chinese_chars", True)
    if not added and chinese:
        return TokenizerFiles(vocabulary=vocabulary, lowercase=lowercase, strip_accents=strip_accents)
    lower = looks_lowercase(vocabulary) if lowercase is None else bool(lowercase)
    backend = bert_backend(
        vocabulary,
        lowercase=lower,
        strip_accents=lower if strip_accents is None else bool(strip_accents),
        handle_chinese_chars=bool(chinese),
    )
    for token in added:
        (backend.add_special_tokens if token.special else backend.add_tokens)([token])
    tokens = (*vocabulary.tokens, *(token.content for token in added if token.content not in set(vocabulary.tokens)))
    if [backend.id_to_token(index) for index in range(len(tokens))] != [*tokens]:
        raise ConfigError(
            f"tokenizer {name}: the ids of its added tokens do not follow those of vocab.txt; save it again"
        )
    reason = (
        f"it has added tokens ({_some([token.content for token in added])})"
        if added
        else "tokenize_chinese_chars is off"
    )
    return _as_described(backend, Vocabulary(tokens), reason)


def _added_tokens(
    files: Mapping[str, bytes], settings: dict[str, Any], vocabulary: Vocabulary, name: str
) -> list[AddedToken]:
    """Tokens added beside a `vocab.txt`, by id, without the five special ones."""
    by_id: dict[int, AddedToken] = {}
    listed = read_object(files.get("added_tokens.json", b"{}"), f"{name}, added_tokens.json")
    check(listed, ADDED_TOKENS, name=f"tokenizer {name}, added_tokens.json", error=ConfigError)
    for content, number in listed.items():
        by_id[int(number)] = AddedToken(content, normalized=True)
    flags = ("special", "lstrip", "rstrip", "single_word", "normalized")
    decoder = settings.get("added_tokens_decoder", {})
    if wrong := [number for number in decoder if not number.isdecimal()]:
        raise ConfigError(
            f"tokenizer {name}: tokenizer_config.json, added_tokens_decoder has {wrong[0]!r} instead of an id"
        )
    for number, entry in decoder.items():
        given = {flag: bool(entry[flag]) for flag in flags if flag in entry}
        by_id[int(number)] = AddedToken(entry["content"], **given)
    wanted = {number: token for number, token in by_id.items() if token.content not in SPECIAL_TOKENS}
    for number, token in wanted.items():
        if number < len(vocabulary) and vocabulary.tokens[number] != token.content:
            raise ConfigError(
                f"tokenizer {name}: added token {token.content!r} has the id {number}, which is {vocabulary.tokens[number]!r} in vocab.txt"
            )
    return [wanted[number] for number in sorted(wanted)]


def _read_json(data: bytes, settings: dict[str, Any], name: str) -> TokenizerFiles:
    """A `tokenizer.json`: BERT's own, or another one around WordPiece that `tokenizers` runs as it is."""
    described = read_object(data, name)
    check(described, PARTS, name=f"tokenizer {name}", error=ConfigError)
    model = described.get("model") or {}
    if model.get("type") != "WordPiece":
        raise ConfigError(
            f"tokenizer {name}: its model is {model.get('type')}, not WordPiece; BERT needs WordPiece (`nspdata train-tokenizer` trains one)"
        )
    check(described, WORDPIECE, name=f"tokenizer {name}", error=ConfigError)
    for key, value in {"continuing_subword_prefix": "##", "unk_token": "[UNK]"}.items():
        if model.get(key, value) != value:
            raise ConfigError(
                f"tokenizer {name}: its {key} is {model[key]!r}, not {value!r}; masking of whole words, statistics and models need "
                "BERT's; rename it in the vocabulary and the model"
            )
    ids: dict[str, int] = dict(model["vocab"])
    ids |= {added["content"]: added["id"] for added in (described.get("added_tokens") or [])}
    tokens = sorted(ids, key=lambda token: ids[token])
    if [ids[token] for token in tokens] != list(range(len(tokens))):
        raise ConfigError(f"tokenizer {name}: its ids are not 0 to {len(tokens) - 1} without a gap; save it again")
    vocabulary = Vocabulary(tuple(tokens))
    normalizer = described.get("normalizer") or {}
    reason = difference(described)
    if not reason:
        lowercase = _agreed(
            "lowercase", name, described=normalizer.get("lowercase"), configured=settings.get("do_lower_case")
        )
        strip_accents = normalizer.get("strip_accents")
        if strip_accents is None:
            strip_accents = settings.get("strip_accents")
        return TokenizerFiles(vocabulary=vocabulary, lowercase=lowercase, strip_accents=strip_accents)
    try:
        backend = Tokenizer.from_str(data.decode())
    except Exception as error:  # tokenizers raises Exception itself
        raise ConfigError(f"tokenizer {name}: `tokenizers` cannot load it ({error})") from error
    return _as_described(backend, vocabulary, reason)


def _agreed(key: str, name: str, *, described: bool | None, configured: bool | None) -> bool | None:
    """The value of a key in tokenizer.json and tokenizer_config.json; an error if they differ."""
    if described is not None and configured is not None and described is not configured:
        raise ConfigError(
            f"tokenizer {name}: {key} is {described} in tokenizer.json and {configured} in tokenizer_config.json; make them agree"
        )
    return configured if described is None else described


def difference(described: dict[str, Any]) -> str:
    """Returns why a `tokenizer.json` is not plain BERT, or ""."""
    normalizer, pre_tokenizer = described.get("normalizer") or {}, described.get("pre_tokenizer") or {}
    added = {entry["content"]: entry for entry in described.get("added_tokens") or []}
    other = [content for content in added if content not in SPECIAL_TOKENS]
    flagged = [
        content for content, entry in added.items() if any(entry.get(flag) for flag in _FLAGS if flag != "special")
    ]
    length = described["model"].get("max_input_chars_per_word") or MAX_CHARACTERS_A_WORD
    reasons = {
        f"its normalizer is {_named(normalizer)}, not BertNormalizer": normalizer.get("type") != "BertNormalizer",
        "its normalizer has clean_text off": not normalizer.get("clean_text"),
        "its normalizer has handle_chinese_chars off": not normalizer.get("handle_chinese_chars"),
        f"its pre-tokenizer is {_named(pre_tokenizer)}, not BertPreTokenizer": pre_tokenizer.get("type")
        != "BertPreTokenizer",
        f"a word has at most {length} characters, not {MAX_CHARACTERS_A_WORD}": length != MAX_CHARACTERS_A_WORD,
        f"it has added tokens ({_some(other)})": bool(other),
        f"it has flags on {_some(flagged)}": bool(flagged),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _named(component: dict[str, Any]) -> str:
    """The type of a component, or the types of a sequence."""
    parts = component.get("normalizers") or component.get("pretokenizers")
    return " + ".join(part.get("type", "?") for part in parts) if parts else component.get("type") or "none"


def _as_described(backend: Tokenizer, vocabulary: Vocabulary, reason: str) -> TokenizerFiles:
    """A tokenizer that `tokenizers` runs as it is, without truncation and padding."""
    if newline := next((token for token in vocabulary.tokens if "\n" in token or "\r" in token), ""):
        raise ConfigError(f"the vocabulary has the token {newline!r}; a token cannot hold the end of a line")
    backend.no_truncation()
    backend.no_padding()
    missing = sorted({*SPECIAL_TOKENS} - {token.content for token in backend.get_added_tokens_decoder().values()})
    backend.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in missing]
    )  # as transformers
    if backend.post_processor is None:
        add_template(backend, vocabulary)
    normalize = str if backend.normalizer is None else backend.normalizer.normalize_str
    return TokenizerFiles(
        vocabulary=Vocabulary(vocabulary.tokens, backend.to_str(pretty=True) + "\n"),
        lowercase="A" not in normalize("A"),
        strip_accents=normalize("e\u0301\u00e9").lower() == "ee",
        reason=reason,
    )


def _some(tokens: list[str]) -> str:
    more = f" and {len(tokens) - 3} more" if len(tokens) > 3 else ""
    return ", ".join(map(repr, tokens[:3])) + more


def looks_lowercase(vocabulary: Vocabulary) -> bool:
    """Whether no token but the special ones (`[...]`, `<...>`) holds an upper-case letter."""
    special = {("[", "]"), ("<", ">")}
    plain = "\n".join(
        token for token in vocabulary.tokens if token[:1] not in "[<" or (token[:1], token[-1:]) not in special
    )
    return plain == plain.lower()  # changes the same characters as in each token
