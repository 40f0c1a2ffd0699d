"""The input of the checks: statistics, settings, and derived figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.statistics.languages import ANY, foreign_share, script_shares
from nspdata.statistics.values import CHARACTERS, DEFAULT_LANGUAGE, LANGUAGE_DOCUMENTS, MARKED, with_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nspdata.config.build import Config
    from nspdata.statistics.values import Statistics

MIN_LETTERS = 200
"""Minimum letters of a text, or of one script, for a check."""

OPTIONAL_MARKS = {"Arabic", "Greek", "Hebrew", "Syriac"}
"""Scripts whose marks are usually omitted in text, or by common vocabularies."""

MANY_MARKS = 0.2
"""Share of the letters and marks above which a text with optional marks counts as pointed: the marks are part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The values to check.

    Attributes:
        statistics: of a sample, or of a whole dataset.
        config: of the build.
        strip_accents: whether the tokenizer strips accents.
        figures: the figures of the statistics, by key.
    """

    statistics: Statistics
    config: Config
    strip_accents: bool
    figures: Mapping[str, float]

    @property
    def corpus(self) -> Mapping[str, int]:
        """Counts of the corpus; empty if only rows are known."""
        return self.statistics.corpus.counts

    @property
    def rows(self) -> Mapping[str, int]:
        """Counts of the rows."""
        return self.statistics.rows.counts


def languages_of(evidence: Evidence) -> list[str]:
    """The languages that split documents: those of `sentences.language_field` in the corpus, or else `sentences.language`."""
    default = evidence.config.sentences.language
    counted = with_prefix(evidence.corpus, LANGUAGE_DOCUMENTS)
    return sorted({default if code == DEFAULT_LANGUAGE else code for code in counted}) or [default]


def foreign_letters(evidence: Evidence) -> float | None:
    """The share of the letters in scripts that no language of the documents is written in."""
    characters, settings = with_prefix(evidence.corpus, CHARACTERS), evidence.config.sentences
    languages = languages_of(evidence)
    if ANY in languages or settings.model or evidence.config.input.format == "text_sentence":
        return None
    if sum(characters.values()) < MIN_LETTERS:
        return None
    return foreign_share(script_shares(characters), *languages)


def stripped_shares(evidence: Evidence) -> dict[str, float]:
    """The share of the letters and marks that the tokenizer deletes or changes, by script."""
    characters, marked = with_prefix(evidence.corpus, CHARACTERS), with_prefix(evidence.corpus, MARKED)
    letters = sum(script_shares(characters).values()) and sum(characters.values())
    if not evidence.strip_accents or evidence.config.tokenizer.strip_accents == "yes":
        return {}
    whole = {**characters, "Inherited": letters}
    shares = {
        script: count / whole[script]
        for script, count in marked.items()
        if whole[script] >= max(MIN_LETTERS, letters / 1000)
    }
    return {script: share for script, share in shares.items() if script not in OPTIONAL_MARKS or share > MANY_MARKS}
