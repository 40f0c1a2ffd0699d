"""Settings of a build: frozen dataclasses, validated when created. The names are those of Google's script and of Hugging Face."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nspdata.config.input import InputConfig
from nspdata.config.parsing import assigned, from_dict, read_settings, read_text, require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def load_config(path: Path | None, assignments: Sequence[str], flags: dict[str, Any]) -> Config:
    """Reads the settings of a build.

    Args:
        path: a TOML file, or None.
        assignments: `key=value` strings.
        flags: dotted keys and the values that flags gave; None where a flag was not given.
    """
    return from_dict(Config, read_settings(read_text(path), [*assignments, *assigned(flags)]))


Paragraphs = Literal["blank_line", "line", "none"]

Objective = Literal["nsp", "sop", "none"]

Unit = Literal["segments", "sentences"]

Negatives = Literal["other", "similar", "same_document"]

Fill = Literal["fit", "overshoot"]

Strategy = Literal["token", "whole_word", "span", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencesConfig:
    """How a document is split into sentences.

    Attributes:
        splitter: `spacy`, or `sentencex` (Wikimedia's library, needs `nspdata[sentencex]`).
        language: a language code of the splitter; with `spacy` its blank pipeline tokenizes and the rule-based sentencizer splits.
        language_field: field or column of each document's language code, in the form of `input.text_field`; "" if all documents are
            in `language`. In files that no `GLOB=FIELD` rule matches, all documents are in `language`.
        unknown_language: a document whose code is missing or cannot be used: `refuse` rejects it, and stops the build before its work if
            a sample holds such a code; `default` splits it by `language`.
        model: name or path of an installed spaCy pipeline that splits instead, used as it is; "" for none.
        paragraphs: no sentence crosses a blank line, a line end, or (`none`) nothing but the document's end.
        opening_marks: `next` puts an opening quote, bracket, `¿`, `¡` or dash into the sentence that it opens, `as_spacy` leaves it
            where spaCy's sentencizer puts it; no effect with `model` or `sentencex`.
        end_marks: `corrected` also ends sentences where spaCy's tokenizer hides a mark in or on a word, and not before a lower-case
            letter after a comma, a quote or an initial; `as_spacy` follows the sentencizer; no effect with `model` or `sentencex`.
        extra_marks: further characters that end a sentence; one of ASCII only at the end of a word.
        max_tokens: a sentence with more tokens is cut into pieces, at clause marks if possible, else between words. Each piece
            then counts as a sentence (also in `sentence_a` and `sentence_b`). 0 derives it: half of a row, so that any two
            sentences fit into one (62 at `max_seq_length` 128, 254 at 512), or a whole row with `pairing.objective` = `none`.
    """

    splitter: Literal["spacy", "sentencex"] = "spacy"
    language: str = "en"
    language_field: str = ""
    unknown_language: Literal["refuse", "default"] = "refuse"
    model: str = ""
    paragraphs: Paragraphs = "blank_line"
    opening_marks: Literal["next", "as_spacy"] = "next"
    end_marks: Literal["corrected", "as_spacy"] = "corrected"
    extra_marks: str = ""
    max_tokens: int = 0

    def __post_init__(self) -> None:
        require(
            key="sentences.model",
            value=self.model,
            rule='"" with sentences.splitter=sentencex, which has no pipelines',
            holds=not (self.model and self.splitter == "sentencex"),
        )
        require(
            key="sentences.language_field",
            value=self.language_field,
            rule='"" with sentences.model, which splits every document',
            holds=not (self.model and self.language_field),
        )
        marks = [mark for mark in self.extra_marks if mark.isalnum() or mark.isspace()]
        require(
            key="sentences.extra_marks", value=self.extra_marks, rule="no letters, digits or spaces", holds=not marks
        )
        require(
            key="sentences.max_tokens",
            value=self.max_tokens,
            rule="0 (derived) or at least 2",
            holds=self.max_tokens == 0 or self.max_tokens >= 2,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerConfig:
    """How a WordPiece vocabulary is trained, and how a bare `vocab.txt` is read.

    Attributes:
        lowercase: `auto` lower-cases unless the vocabulary holds an upper-case letter.
        strip_accents: `auto` strips if it lower-cases, as BERT does.
        vocab_size: entries to train, the 5 special tokens included.
        min_frequency: a pair seen less often is not merged.
        limit_alphabet: the most characters kept in the alphabet, so that Chinese does not eat the vocabulary.
        sample_bytes: text to train on, bytes of UTF-8; a deterministic sample if the input is larger.
        max_unknown: the largest share of [UNK] that a sample of the input may have, 0 to 1.
    """

    lowercase: Literal["auto", "yes", "no"] = "auto"
    strip_accents: Literal["auto", "yes", "no"] = "auto"
    vocab_size: int = 30_522
    min_frequency: int = 2
    limit_alphabet: int = 6_000
    sample_bytes: int = 200_000_000
    max_unknown: float = 0.05

    def __post_init__(self) -> None:
        require(key="tokenizer.vocab_size", value=self.vocab_size, rule="at least 10", holds=self.vocab_size >= 10)
        require(
            key="tokenizer.max_unknown", value=self.max_unknown, rule="from 0 to 1", holds=0 <= self.max_unknown <= 1
        )
        for key in ("min_frequency", "limit_alphabet", "sample_bytes"):
            value = getattr(self, key)
            require(key=f"tokenizer.{key}", value=value, rule="at least 1", holds=value >= 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingConfig:
    """How segments A and B are made.

    Attributes:
        objective: `nsp` (BERT), `sop` (ALBERT: the same two segments, swapped or not), `none` (one segment per row, no label).
        unit: `segments` packs whole sentences to the target length, `sentences` pairs single consecutive ones.
        negatives: `other` draws B from any other document of the shard, `similar` from one that shares rare words, `same_document`
            from another place of A's document, with at least one sentence between A and B: label 1 then means "not adjacent". A pair
            whose document has no other place gets label 0; a document of one sentence gives no row.
        fill: how sentences are packed into a row. `fit`: the row ends before the sentence that would not fit, and nothing is truncated.
            `overshoot` (Google): sentences are added until the target length is reached or passed, then the row is truncated.
        max_seq_length: maximum tokens per row, including [CLS] and [SEP].
        short_seq_prob: share of rows with a shorter, random target length.
        random_next_prob: share of rows with label 1.
    """

    objective: Objective = "nsp"
    unit: Unit = "segments"
    negatives: Negatives = "other"
    fill: Fill = "fit"
    max_seq_length: int = 128
    short_seq_prob: float = 0.1
    random_next_prob: float = 0.5

    @property
    def same_document(self) -> bool:
        """Whether B of a row with label 1 is from A's own document."""
        return self.objective == "nsp" and self.negatives == "same_document"

    def __post_init__(self) -> None:
        require(
            key="pairing.max_seq_length",
            value=self.max_seq_length,
            rule="from 8 to 65535",
            holds=8 <= self.max_seq_length <= 65_535,
        )
        for key in ("short_seq_prob", "random_next_prob"):
            value = getattr(self, key)
            require(key=f"pairing.{key}", value=value, rule="from 0 to 1", holds=0 <= value <= 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskingConfig:
    """How tokens are masked.

    Attributes:
        strategy: single tokens, whole words, SpanBERT's spans, or no mask.
        masked_lm_prob: share of a row's tokens to predict.
        mask_share: of those, the share that becomes [MASK].
        random_share: of those, the share that becomes a random token; the rest stay as they are.
        max_predictions_per_seq: maximum predictions per row; 0 derives it from the two lengths (20 at 128, 77 at 512).
        word_segmenter: for text without spaces between words: the segmenter that finds the words of `whole_word` and `span`. `jieba`
            (Chinese, needs `nspdata[chinese]`), `rjieba`, or one that an installed package adds; "" takes the words from the tokenizer,
            for which each Chinese character is a word.

    >>> MaskingConfig(strategy="whole_word", masked_lm_prob=0.3).predictions(512)
    154
    """

    strategy: Strategy = "token"
    masked_lm_prob: float = 0.15
    mask_share: float = 0.8
    random_share: float = 0.1
    max_predictions_per_seq: int = 0
    word_segmenter: str = ""

    def __post_init__(self) -> None:
        require(
            key="masking.word_segmenter",
            value=self.word_segmenter,
            rule='"" unless masking.strategy is whole_word or span',
            holds=not self.word_segmenter or self.strategy in {"whole_word", "span"},
        )
        for key in ("masked_lm_prob", "mask_share", "random_share"):
            value = getattr(self, key)
            require(key=f"masking.{key}", value=value, rule="from 0 to 1", holds=0 <= value <= 1)
        total = self.mask_share + self.random_share
        require(key="masking.mask_share + masking.random_share", value=total, rule="at most 1", holds=total <= 1 + 1e-9)
        require(
            key="masking.max_predictions_per_seq",
            value=self.max_predictions_per_seq,
            rule="0 (derived) or more",
            holds=self.max_predictions_per_seq >= 0,
        )

    def predictions(self, max_seq_length: int) -> int:
        """Maximum predictions of a row of this length: the setting, or what the two lengths give.

        >>> MaskingConfig().predictions(128), MaskingConfig().predictions(512)
        (20, 77)
        """
        return self.max_predictions_per_seq or math.ceil(max_seq_length * self.masked_lm_prob)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputConfig:
    """What is written.

    Attributes:
        num_shards: shards of the train split; 0 derives it from the input's bytes (64 MB of text each).
        validation_fraction: share of the documents that go to the validation split, by hash.
        license: the licence of the data, for the dataset card (an identifier such as `cc-by-sa-4.0`).
    """

    num_shards: int = 0
    validation_fraction: float = 0.0
    license: str = ""

    def __post_init__(self) -> None:
        require(
            key="output.num_shards",
            value=self.num_shards,
            rule="from 0 (derived) to 99999",
            holds=0 <= self.num_shards <= 99_999,
        )
        require(
            key="output.validation_fraction",
            value=self.validation_fraction,
            rule="at least 0 and under 1",
            holds=0 <= self.validation_fraction < 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """Figures above which a build stops instead of warning, in addition to `input.max_rejected` and `tokenizer.max_unknown`; see docs/statistics.md.

    Attributes:
        max_unused_tokens: the largest share of the corpus' tokens that may be in no row of their own document, 0 to 1.
        max_label_error: the largest difference between the share of label 1 and `pairing.random_next_prob`, 0 to 1.
    """

    max_unused_tokens: float = 0.5
    max_label_error: float = 0.25

    def __post_init__(self) -> None:
        for key in ("max_unused_tokens", "max_label_error"):
            value = getattr(self, key)
            require(key=f"limits.{key}", value=value, rule="from 0 to 1", holds=0 <= value <= 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting of a build.

    Attributes:
        seed: any integer; the same seed, settings and input give the same bytes.
        duplicate_factor: passes over the documents, each with fresh pairs and masks.

    >>> Config(seed=1, pairing=PairingConfig(max_seq_length=512)).to_dict()["pairing"]["max_seq_length"]
    512
    """

    seed: int = 12345
    duplicate_factor: int = 1
    input: InputConfig = field(default_factory=InputConfig)
    sentences: SentencesConfig = field(default_factory=SentencesConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    pairing: PairingConfig = field(default_factory=PairingConfig)
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)

    def __post_init__(self) -> None:
        require(
            key="duplicate_factor",
            value=self.duplicate_factor,
            rule="from 1 to 1000",
            holds=1 <= self.duplicate_factor <= 1000,
        )

    @property
    def max_sentence_tokens(self) -> int:
        """Tokens of a sentence at most: `sentences.max_tokens`, or what one of a row's segments can hold beside an equally long one.

        >>> Config().max_sentence_tokens, Config(pairing=PairingConfig(objective="none")).max_sentence_tokens
        (62, 126)
        """
        longest = self.pairing.max_seq_length
        derived = longest - 2 if self.pairing.objective == "none" else (longest - 3) // 2
        return self.sentences.max_tokens or derived

    def to_dict(self) -> dict[str, Any]:
        """The settings as nested dictionaries of JSON's types."""
        return dataclasses.asdict(self)

    def fingerprint(self) -> str:
        """The sha256 of the settings as sorted JSON, hexadecimal; it depends on the values, not on the file they came from."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()
