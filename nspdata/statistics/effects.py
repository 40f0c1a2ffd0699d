"""Settings that have no effect together with others, and settings with unusual values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nspdata.config.build import Config
from nspdata.config.parsing import flat
from nspdata.statistics.checks import DataWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NO_EFFECT, UNUSUAL = "no_effect", "unusual_setting"
"""Keys of the warnings."""

USUAL = {
    "pairing.max_seq_length": (16, 8192),
    "pairing.short_seq_prob": (0.0, 0.9),
    "masking.masked_lm_prob": (0.01, 0.5),
    "output.validation_fraction": (0.0, 0.5),
    "duplicate_factor": (1, 100),
}
"""The least and the greatest usual value of some settings."""

MARKS = ("opening_marks", "end_marks", "extra_marks")
"""Settings of the rules after spaCy's sentencizer."""

CSV_FORMATS = {"csv", "tsv"}

TEXT_FORMATS = {"text_document", "text_line", "text_sentence"}
"""Formats without fields."""


def check_settings(config: Config, formats: frozenset[str]) -> list[DataWarning]:
    """Settings that were given but have no effect, and those that are unusual.

    Args:
        config: of the build.
        formats: of the input files.
    """
    settings, defaults = flat(config.to_dict()), flat(Config().to_dict())
    given = {key for key in settings if settings[key] != defaults[key]}
    found = []
    for key, why in _without_effect(settings, formats):
        if key in given:
            message = f"{key} = {settings[key]!r} has no effect: {why}; remove the setting, or change the other one"
            found.append(DataWarning(key=NO_EFFECT, message=message))
    for key, (least, most) in USUAL.items():
        if key in given and not least <= settings[key] <= most:
            message = f"{key} = {settings[key]!r}; usual: from {least:,} to {most:,}; check the value"
            found.append(DataWarning(key=UNUSUAL, message=message, value=float(settings[key])))
    if config.pairing.objective == "nsp" and not 0 < config.pairing.random_next_prob < 1:
        message = (
            f"pairing.random_next_prob = {config.pairing.random_next_prob!r}: every row has the same label, and nothing is learned "
            "from it; usual: 0.5; set pairing.objective=none for rows without a label"
        )
        found.append(DataWarning(key=UNUSUAL, message=message, value=config.pairing.random_next_prob))
    return found


def _without_effect(settings: Mapping[str, Any], formats: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yields the keys without effect, and the reasons."""
    yield from _of_the_input(settings, formats)
    yield from _of_pairs(settings)
    without_masks = settings["masking.strategy"] == "none" and "masking.strategy = 'none' masks nothing"
    if why := without_masks or (settings["masking.masked_lm_prob"] == 0 and "masking.masked_lm_prob = 0 masks nothing"):
        for key in ("mask_share", "random_share", "max_predictions_per_seq"):
            yield f"masking.{key}", why
    if without_masks:
        yield "masking.masked_lm_prob", without_masks
    by_character = settings["sentences.language"] == "zh" and not settings["masking.word_segmenter"]
    if settings["masking.strategy"] == "whole_word" and by_character:
        yield (
            "masking.strategy",
            (
                "each Chinese character is a word of the tokenizer, so the masks are those of 'token'; masking.word_segmenter=jieba "
                "masks the words of a segmenter"
            ),
        )


def _of_the_input(settings: Mapping[str, Any], formats: frozenset[str]) -> Iterator[tuple[str, str]]:
    yield from _of_sentences(settings, formats)
    if formats and formats <= TEXT_FORMATS:
        for key in ("input.text_field", "input.id_field", "sentences.language_field"):
            yield key, "the input files have no fields"
    if formats and not formats & CSV_FORMATS:
        for key in ("delimiter", "quoting", "header", "escape"):
            yield f"input.csv_{key}", "no input file is CSV or TSV"


def _of_sentences(settings: Mapping[str, Any], formats: frozenset[str]) -> Iterator[tuple[str, str]]:
    if formats == {"text_sentence"}:
        for key in ("splitter", "language", "language_field", "unknown_language", "model", "paragraphs", *MARKS):
            yield f"sentences.{key}", "the input has one sentence per line"
        return
    model, splitter, field = (settings[f"sentences.{key}"] for key in ("model", "splitter", "language_field"))
    if model:
        for key in ("language", *MARKS):
            yield f"sentences.{key}", f"sentences.model = {model!r} splits the sentences"
    elif splitter != "spacy":
        for key in MARKS:
            yield f"sentences.{key}", f"sentences.splitter = {splitter!r} has rules of its own"
    if not field:
        yield "sentences.unknown_language", "sentences.language_field names no field"
    elif settings["sentences.unknown_language"] == "refuse" and "=" not in field:
        yield "sentences.language", f"each document has the language in its field {field!r}"


def _of_pairs(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    objective = settings["pairing.objective"]
    if objective == "none":
        for key in ("unit", "negatives", "short_seq_prob", "random_next_prob"):
            yield f"pairing.{key}", "pairing.objective = 'none' makes no pairs"
    elif objective == "sop":
        yield "pairing.negatives", "with pairing.objective = 'sop' both segments are from one document"
    elif settings["pairing.random_next_prob"] == 0:
        yield "pairing.negatives", "pairing.random_next_prob = 0 makes no negatives"
    if objective != "none" and settings["pairing.unit"] == "sentences":
        yield "pairing.short_seq_prob", "pairing.unit = 'sentences' pairs single sentences"
