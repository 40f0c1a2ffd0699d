"""What is out of its sound range, in words: the figure, the range, and what to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.statistics.figures import figures, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nspdata.config.build import Config
    from nspdata.statistics.values import Statistics

LABEL_TOLERANCE = 0.01
MASK_TOLERANCE = 0.015
MOST_UNKNOWN = 0.01
MOST_PADDING = 0.25
MOST_ONE_SENTENCE = 0.2
MOST_DUPLICATES = 0.1
LEAST_VOCABULARY = 0.5
ENOUGH_TOKENS_AN_ENTRY = 100
"""Only a corpus with this many tokens for each entry can be expected to show most of a vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataWarning:
    """A figure that is out of its sound range.

    Attributes:
        key: the key of the figure.
        message: the figure, the range and the remedy.
    """

    key: str
    message: str


def warnings(statistics: Statistics, config: Config) -> list[DataWarning]:
    """Everything that is out of its sound range; nothing where there are no rows."""
    known = values(figures(statistics))
    if not known or not statistics.rows.counts.get("rows"):
        return []
    return [*_of_labels(statistics, config, known), *_of_masks(statistics, config, known), *_of_text(statistics, known)]


def noise(share: float, trials: int) -> float:
    """How far chance alone takes a share from its expectation, hardly ever more: three standard deviations."""
    return 3 * math.sqrt(share * (1 - share) / max(1, trials))


def _of_labels(statistics: Statistics, config: Config, known: Mapping[str, float]) -> Iterator[DataWarning]:
    if config.pairing.objective == "none":
        return
    share, wanted = known["label_1_share"], config.pairing.random_next_prob
    if abs(share - wanted) > LABEL_TOLERANCE + noise(wanted, statistics.rows.counts["rows"]):
        yield DataWarning(
            key="label_1_share",
            message=f"{share:.2%} of the rows have label 1, not {wanted:.1%} (pairing.random_next_prob) to within 1%: too many "
            "documents are too short to give a positive; join short documents, shorten pairing.max_seq_length, or set "
            "pairing.unit to sentences",
        )


def _of_masks(statistics: Statistics, config: Config, known: Mapping[str, float]) -> Iterator[DataWarning]:
    counts, masking = statistics.rows.counts, config.masking
    if masking.strategy == "none" or not masking.masked_lm_prob:
        return
    share, wanted = known["masked_share"], masking.masked_lm_prob
    if abs(share - wanted) > MASK_TOLERANCE:
        yield DataWarning(
            key="masked_share",
            message=f"{share:.2%} of the tokens are predicted, not {wanted:.1%} (masking.masked_lm_prob) to within 1.5%; "
            "look at masking.max_predictions_per_seq (0 derives it), and whether the rows are very short",
        )
    kinds = {
        "masked_as_mask_share": ("became [MASK]", masking.mask_share),
        "masked_as_random_share": ("became another token", masking.random_share),
    }
    for key, (what, expected) in kinds.items() if counts["masked"] else ():
        if abs(known[key] - expected) > LABEL_TOLERANCE + noise(expected, counts["masked"]):
            yield DataWarning(
                key=key,
                message=f"{known[key]:.2%} of the predicted tokens {what}, not {expected:.1%} as the settings of masking say: "
                "the rows are not what the settings made; check them with nspdata validate",
            )


def _of_text(statistics: Statistics, known: Mapping[str, float]) -> Iterator[DataWarning]:
    """Unknown tokens, padding, short documents, duplicates, vocabulary."""
    documents = known.get("documents", 0) + known.get("duplicates_dropped", 0)
    duplicates = known.get("duplicates_dropped", 0) / max(1, documents)
    entries, tokens = known["vocabulary_size"], statistics.rows.counts["tokens"]
    covered = known["vocabulary_seen_share"] if tokens >= ENOUGH_TOKENS_AN_ENTRY * entries else 1
    single = known.get("one_sentence_share", 0)
    checks = {
        "unknown_share": (
            known["unknown_share"] > MOST_UNKNOWN,
            (
                f"{known['unknown_share']:.2%} of the tokens are [UNK], over 1%: nspdata check-tokenizer names the characters that "
                "the vocabulary cannot write; train one on this text with nspdata train-tokenizer"
            ),
        ),
        "padding_share": (
            known["padding_share"] > MOST_PADDING,
            (
                f"{known['padding_share']:.1%} of a batch padded to max_seq_length would be padding, over {MOST_PADDING:.0%}: load with "
                f"length bins ({known['padding_share_binned']:.1%}) or packed ({known['padding_share_packed']:.1%}), or lower "
                "pairing.max_seq_length"
            ),
        ),
        "one_sentence_share": (
            single > MOST_ONE_SENTENCE,
            (
                f"{single:.1%} of the documents hold one sentence, over {MOST_ONE_SENTENCE:.0%}: they give no positives; look at "
                "sentences.paragraphs and sentences.language, or join what belongs together"
            ),
        ),
        "duplicates_dropped": (
            duplicates > MOST_DUPLICATES,
            (
                f"{duplicates:.1%} of the documents were exact duplicates of others and were dropped, over {MOST_DUPLICATES:.0%}: there "
                "may be near duplicates too, which stay; look at where the input comes from"
            ),
        ),
        "vocabulary_seen_share": (
            covered < LEAST_VOCABULARY,
            (
                f"only {covered:.1%} of the vocabulary's entries stand in the rows, under {LEAST_VOCABULARY:.0%}: the vocabulary is of "
                "another language or domain; train one on this text with nspdata train-tokenizer"
            ),
        ),
    }
    for key, (wrong, message) in checks.items():
        if wrong:
            yield DataWarning(key=key, message=message)
