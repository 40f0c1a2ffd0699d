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


def _of_the_input(settings: Mapping[str, Any], formats: frozenset[str]) -> Iterator[tuple[str, str]]:
    if settings["sentences.model"]:
        yield "sentences.language", f"sentences.model = {settings['sentences.model']!r} splits the sentences"
    if formats == {"text_sentence"}:
        for key in ("language", "model", "paragraphs"):
            yield f"sentences.{key}", "the input has one sentence per line"
    if formats and formats <= TEXT_FORMATS:
        for key in ("text_field", "id_field"):
            yield f"input.{key}", "the input files have no fields"


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
