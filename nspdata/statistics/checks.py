"""The checks of a corpus and its rows: one list for the sample before a build, the finished dataset, `stats`, report and card."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.config.parsing import flat
from nspdata.statistics import remedies
from nspdata.statistics.evidence import Evidence, foreign_letters, stripped_shares
from nspdata.statistics.figures import figures, values
from nspdata.statistics.rejected import rejected_shares
from nspdata.tokenization.fit import MIN_LETTER_SHARE, MIN_WORDS, expected_tokens_per_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from nspdata.config.build import Config
    from nspdata.statistics.values import Statistics

TOKENS_PER_ENTRY = 100
"""Only a corpus with this many tokens per vocabulary entry can be expected to contain most of the entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataWarning:
    """A figure that is out of range.

    Attributes:
        key: the key of the check.
        message: rule, value and remedy in one line.
        value: the figure.
        limit: the setting that has the hard limit; "" if there is none.
        stops: whether the figure is over the hard limit.
    """

    key: str
    message: str
    value: float = 0.0
    limit: str = ""
    stops: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    Attributes:
        key: its name in JSON.
        measure: returns the figure, where larger is worse; None if it cannot be evaluated.
        warn_above: the largest figure without a warning.
        message: rule, value and remedy in one line.
        limit: the setting that has the hard limit; "" if there is none.
        needed: the limit that would allow the figure, if it differs from the figure.
        sample_margin: factor of the hard limit on a sample, for figures that vary much between parts of the input.
    """

    key: str
    measure: Callable[[Evidence], float | None]
    warn_above: float
    message: Callable[[Evidence, float], str]
    limit: str = ""
    needed: Callable[[Evidence], float] | None = None
    sample_margin: float = 1.0


def find_warnings(
    statistics: Statistics, config: Config, *, strip_accents: bool = False, whole: bool = True
) -> list[DataWarning]:
    """Returns the figures that are out of range, those over a hard limit first.

    Args:
        statistics: of a sample before a build, or of a whole dataset.
        config: of the build.
        strip_accents: whether the tokenizer strips accents.
        whole: whether the statistics are of all of the input, not of a sample.
    """
    known = values(figures(statistics))
    evidence = Evidence(statistics=statistics, config=config, strip_accents=strip_accents, figures=known)
    settings = flat(config.to_dict())
    found = []
    for check in CHECKS:
        limit = settings[check.limit] if check.limit else math.inf
        if warning := _evaluate(check, evidence, limit * (1 if whole else check.sample_margin)):
            found.append(warning)
    return sorted(found, key=lambda warning: not warning.stops)


def _evaluate(check: Check, evidence: Evidence, limit: float) -> DataWarning | None:
    value = check.measure(evidence)
    if value is None:
        return None
    if value <= min(check.warn_above, limit):
        return None
    stops = value > limit
    message = check.message(evidence, value)
    if stops:
        needed = check.needed(evidence) if check.needed else value
        message += f"; or raise the limit {check.limit} = {limit:g} with --set {check.limit}={_raised(needed)}"
    return DataWarning(key=check.key, message=message, value=value, limit=check.limit, stops=stops)


def _raised(value: float) -> float:
    """Returns a rounded limit that allows the value.

    >>> _raised(0.3312), _raised(0.999)
    (0.34, 1.0)
    """
    return min(1.0, math.floor(100 * value + 1) / 100)


def chance(share: float, trials: int) -> float:
    """Returns how far a share can differ from its expectation by chance: three standard deviations."""
    return 3 * math.sqrt(share * (1 - share) / max(1, trials))


def _unused(evidence: Evidence) -> float | None:
    used = evidence.figures.get("used_share")
    return None if used is None else 1 - used


def _label_error(evidence: Evidence) -> float | None:
    rows = evidence.rows.get("rows", 0)
    if evidence.config.pairing.objective == "none" or not rows:
        return None
    wanted = evidence.config.pairing.random_next_prob
    return max(0.0, abs(evidence.figures["label_1_share"] - wanted) - chance(wanted, rows))


def _label_difference(evidence: Evidence) -> float:
    """The difference without the allowance for chance. A limit must allow it, as chance is smaller on the whole input."""
    return abs(evidence.figures["label_1_share"] - evidence.config.pairing.random_next_prob)


def _rejected(evidence: Evidence) -> float | None:
    return rejected_shares(evidence.corpus).worst if evidence.corpus.get("records") else None


def _unjoined(evidence: Evidence) -> float | None:
    """1 if a word segmenter found no word of several characters, else 0."""
    joined = evidence.corpus.get("joined_characters")
    return None if joined is None else float(not joined)


def _empty(evidence: Evidence) -> float | None:
    return rejected_shares(evidence.corpus).empty if evidence.corpus.get("records") else None


def _unknown(evidence: Evidence) -> float | None:
    return evidence.figures.get("corpus_unknown_share", evidence.figures.get("unknown_share"))


def _stripped(evidence: Evidence) -> float | None:
    return max(stripped_shares(evidence).values(), default=None)


def _tokens_per_word(evidence: Evidence) -> float | None:
    words, tokens = evidence.corpus.get("letter_words", 0), evidence.corpus.get("letter_tokens", 0)
    if words < MIN_WORDS or tokens < MIN_LETTER_SHARE * evidence.corpus["tokens"]:
        return None
    if "vocabulary_size" not in evidence.figures:
        return None  # a corrupt dataset has statistics without rows
    expected = expected_tokens_per_word(int(evidence.figures["vocabulary_size"]))
    return evidence.figures["tokens_per_word"] / expected


def _truncated(evidence: Evidence) -> float | None:
    cut, rows = evidence.corpus.get("tokens_truncated"), evidence.rows
    if cut is None or not rows.get("rows"):
        return None
    return cut / max(1, cut + rows["tokens"] - rows["special_tokens"])


def _cut(evidence: Evidence) -> float | None:
    sentences = evidence.corpus.get("sentences", 0)
    return evidence.corpus.get("sentence_pieces", 0) / sentences if sentences else None


def _duplicates(evidence: Evidence) -> float | None:
    dropped = evidence.corpus.get("duplicates_dropped", 0)
    return dropped / max(1, dropped + evidence.corpus.get("documents", 0))


def _unseen(evidence: Evidence) -> float | None:
    entries, tokens = evidence.figures.get("vocabulary_size", 0), evidence.rows.get("tokens", 0)
    if not entries or tokens < TOKENS_PER_ENTRY * entries:
        return None
    return 1 - evidence.figures["vocabulary_seen_share"]


def _masked(evidence: Evidence) -> float | None:
    masking = evidence.config.masking
    if masking.strategy == "none" or not masking.masked_lm_prob or "masked_share" not in evidence.figures:
        return None
    wanted, tokens = masking.masked_lm_prob, evidence.rows["tokens"]
    return max(0.0, abs(evidence.figures["masked_share"] - wanted) - chance(wanted, tokens))


def _mask_kind(key: str, setting: str) -> Callable[[Evidence], float | None]:
    def measure(evidence: Evidence) -> float | None:
        masked = evidence.rows.get("masked", 0)
        if not masked or evidence.config.masking.strategy == "none":
            return None
        wanted = float(getattr(evidence.config.masking, setting))
        return max(0.0, abs(evidence.figures[key] - wanted) - chance(wanted, masked))

    return measure


def _figure(key: str) -> Callable[[Evidence], float | None]:
    return lambda evidence: evidence.figures.get(key)


CHECKS = (
    Check(
        key="rejected",
        measure=_rejected,
        warn_above=0.001,
        message=remedies.rejected,
        limit="input.max_rejected",
        sample_margin=2.0,
    ),
    Check(key="empty_share", measure=_empty, warn_above=0.1, message=remedies.empty),
    Check(key="language", measure=foreign_letters, warn_above=0.1, message=remedies.language),
    Check(
        key="unknown_share", measure=_unknown, warn_above=0.01, message=remedies.unknown, limit="tokenizer.max_unknown"
    ),
    Check(key="stripped_share", measure=_stripped, warn_above=0.05, message=remedies.stripped),
    Check(key="tokens_per_word", measure=_tokens_per_word, warn_above=1.0, message=remedies.tokens_per_word),
    Check(
        key="unused_share", measure=_unused, warn_above=0.05, message=remedies.unused, limit="limits.max_unused_tokens"
    ),
    Check(key="cut_share", measure=_cut, warn_above=0.5, message=remedies.cut),
    Check(key="truncated_share", measure=_truncated, warn_above=0.2, message=remedies.truncated),
    Check(
        key="label_1_share",
        measure=_label_error,
        warn_above=0.01,
        message=remedies.label,
        limit="limits.max_label_error",
        needed=_label_difference,
    ),
    Check(
        key="one_sentence_share",
        measure=_figure("one_sentence_share"),
        warn_above=0.2,
        message=remedies.one_sentence,
    ),
    Check(key="duplicates_dropped", measure=_duplicates, warn_above=0.1, message=remedies.duplicates),
    Check(key="repeated_share", measure=_figure("repeated_share"), warn_above=0.1, message=remedies.repeated),
    Check(key="padding_share", measure=_figure("padding_share"), warn_above=0.25, message=remedies.padding),
    Check(key="vocabulary_seen_share", measure=_unseen, warn_above=0.5, message=remedies.unseen),
    Check(key="word_segmenter", measure=_unjoined, warn_above=0.0, message=remedies.unjoined),
    Check(key="masked_share", measure=_masked, warn_above=0.015, message=remedies.masked),
    Check(
        key="masked_as_mask_share",
        measure=_mask_kind("masked_as_mask_share", "mask_share"),
        warn_above=0.01,
        message=remedies.masked_as_mask,
    ),
    Check(
        key="masked_as_random_share",
        measure=_mask_kind("masked_as_random_share", "random_share"),
        warn_above=0.01,
        message=remedies.masked_as_random,
    ),
)
"""All checks, in the order in which warnings are shown."""
