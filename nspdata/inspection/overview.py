"""The contents of a dataset directory in one value, for the table, the JSON and the report."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.dataset.directory import open_directory
from nspdata.dataset.manifest import STATISTICS
from nspdata.inspection.shortcuts import cautions, measure_shortcuts
from nspdata.statistics import Statistics, from_json, to_dict
from nspdata.statistics.checks import DataWarning, find_warnings
from nspdata.statistics.figures import figures, most_frequent, values
from nspdata.statistics.recompute import read_statistics, recompute
from nspdata.statistics.values import CHARACTERS, REJECTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.dataset.directory import Directory
    from nspdata.dataset.manifest import Manifest
    from nspdata.inspection.shortcuts import Shortcuts
    from nspdata.statistics.figures import Figure
    from nspdata.tokenization.vocabulary import Vocabulary

FREQUENT = 30
"""Tokens listed as the most frequent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A dataset with its statistics.

    Attributes:
        opened: the open directory.
        statistics: from `statistics.json`, or recomputed.
        figures: derived from the statistics.
        warnings: what is out of range.
        shortcuts: result of the shortcut test; None if it was not run, or the rows have no label.
    """

    opened: Directory
    statistics: Statistics
    figures: list[Figure]
    warnings: list[DataWarning]
    shortcuts: Shortcuts | None = None

    @property
    def directory(self) -> str:
        """The path or URL of the dataset."""
        return self.opened.name

    @property
    def manifest(self) -> Manifest:
        """The manifest."""
        return self.opened.manifest

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of the ids."""
        return self.opened.vocabulary

    @property
    def name(self) -> str:
        """The last part of the path or URL."""
        return self.directory.rpartition("/")[2] if "://" in self.directory else Path(self.directory).resolve().name

    @property
    def splits(self) -> list[dict[str, Any]]:
        """For each split its `split`, `shards`, `rows`, `tokens` and `bytes`."""
        return [
            {
                "split": split,
                "shards": len(entries),
                **{key: sum(getattr(entry, key) for entry in entries) for key in ("rows", "tokens", "bytes")},
            }
            for split, entries in self.manifest.splits.items()
        ]

    @property
    def rejected(self) -> dict[str, int]:
        """Records rejected, by reason."""
        return self._named(REJECTED)

    @property
    def scripts(self) -> dict[str, int]:
        """Characters by Unicode script, the most frequent first."""
        return dict(sorted(self._named(CHARACTERS).items(), key=lambda item: -item[1]))

    @property
    def frequent(self) -> list[tuple[str, int]]:
        """The most frequent tokens of the rows."""
        found = most_frequent(self.statistics.rows.token_counts, FREQUENT)
        return [(self.vocabulary.tokens[token], count) for token, count in found]

    @property
    def never_seen(self) -> list[str]:
        """The tokens that are in no row."""
        unseen = np.flatnonzero(self.statistics.rows.token_counts == 0)
        return [self.vocabulary.tokens[token] for token in unseen.tolist()]

    def _named(self, prefix: str) -> dict[str, int]:
        counts = self.statistics.corpus.counts
        return {name.removeprefix(prefix): count for name, count in counts.items() if name.startswith(prefix)}

    def to_json(self) -> dict[str, Any]:
        """`statistics.json` and the figures derived from it, as JSON types."""
        return {
            **to_dict(self.statistics),
            "directory": self.directory,
            "splits": self.splits,
            "figures": values(self.figures),
            "warnings": [dataclasses.asdict(warning) for warning in self.warnings],
            "most_frequent": [{"token": token, "count": count} for token, count in self.frequent],
            "never_seen": self.never_seen,
            **({"shortcuts": self.shortcuts.to_json()} if self.shortcuts else {}),
        }


def overview(directory: Directory | str | Path, *, recomputed: bool = False, shortcuts: bool = False) -> Overview:
    """Reads the statistics of a dataset and evaluates the checks.

    Args:
        directory: a finished dataset.
        recomputed: recompute the statistics of the rows from the shards, and warn if `statistics.json` differs.
        shortcuts: run the shortcut test.

    Raises:
        ShardError: the directory is unfinished or damaged.
    """
    opened = open_directory(directory)
    statistics, changed = _statistics(opened, recomputed=recomputed)
    found = find_warnings(statistics, opened.config, strip_accents=opened.manifest.tokenizer["strip_accents"])
    result = Overview(opened=opened, statistics=statistics, figures=figures(statistics), warnings=[*changed, *found])
    return with_shortcuts(result, measure_shortcuts(opened)) if shortcuts else result


def with_shortcuts(dataset: Overview, found: Shortcuts | None) -> Overview:
    """The same with the result of the shortcut test, and its warnings."""
    texts = cautions(found) if found else {}
    added = [DataWarning(key=f"shortcut_{key}", message=text) for key, text in texts.items()]
    return dataclasses.replace(dataset, warnings=[*dataset.warnings, *added], shortcuts=found)


def names(datasets: Sequence[Overview]) -> list[str]:
    """A short name for each, or the whole paths if short names are equal."""
    short = [dataset.name for dataset in datasets]
    return short if len(set(short)) == len(short) else [dataset.directory for dataset in datasets]


def _statistics(opened: Directory, *, recomputed: bool) -> tuple[Statistics, list[DataWarning]]:
    if not recomputed:
        return read_statistics(opened), []
    rows, data = recompute(opened).rows, opened.store.read(STATISTICS)
    if data is None:
        return Statistics(rows=rows), []
    path = f"{opened.name}/{STATISTICS}"
    written = from_json(data, name=path)
    statistics = Statistics(corpus=written.corpus, rows=rows)
    if statistics == written:
        return statistics, []
    message = f"{path} does not match the rows in the shards: one of them was changed after the build; nspdata validate says which"
    return statistics, [DataWarning(key=STATISTICS, message=message)]
