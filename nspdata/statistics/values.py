"""Statistics of a dataset: counts and histograms that merge exactly, one part for the corpus and one for the rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.errors import ShardError
from nspdata.files.checked_json import BOOLEAN, COUNT, INTEGER, check, list_of, map_of, parse, record
from nspdata.statistics.histograms import Histogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

STATISTICS_VERSION = 1
"""Version of `statistics.json`."""

CHARACTERS, MARKED, REJECTED, REJECTED_BYTES = "characters.", "marked_characters.", "rejected.", "rejected_bytes."
"""Prefixes of counts: characters of a Unicode script, those that lose a mark or are deleted by `strip_accents`, records
rejected for a reason, and their bytes."""

LANGUAGE_DOCUMENTS, LANGUAGE_BYTES = "language_documents.", "language_bytes."
"""Prefixes of counts with `sentences.language_field`: documents and bytes of text in a language."""

DEFAULT_LANGUAGE = "default"
"""Stands for the language of documents without a usable code, which are split by `sentences.language`."""


def with_prefix(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    """The counts whose names have a prefix, under the rest of their names, sorted.

    >>> with_prefix({"rejected.b": 2, "rejected.a": 1, "records": 9}, REJECTED)
    {'a': 1, 'b': 2}
    """
    return {name.removeprefix(prefix): count for name, count in sorted(counts.items()) if name.startswith(prefix)}


def _no_tokens() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PartStatistics:
    """Sums over documents, or over rows.

    Attributes:
        counts: whole numbers by name.
        histograms: by name.
        token_counts: shape (vocab_size,) or (0,), int64: count of each token, masks undone.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    histograms: Mapping[str, Histogram] = field(default_factory=dict)
    token_counts: NDArray[np.int64] = field(default_factory=_no_tokens)

    def __add__(self, other: PartStatistics) -> PartStatistics:
        counts = {
            name: self.counts.get(name, 0) + other.counts.get(name, 0) for name in sorted({*self.counts, *other.counts})
        }
        return PartStatistics(
            counts=counts,
            histograms=_merged(self.histograms, other.histograms),
            token_counts=_added(self.token_counts, other.token_counts),
        )

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON types."""
        return {
            "counts": dict(sorted(self.counts.items())),
            "histograms": {name: histogram.to_dict() for name, histogram in sorted(self.histograms.items())},
            "token_counts": self.token_counts.tolist(),
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> PartStatistics:
        """Reads `to_dict` back."""
        histograms = {name: Histogram.from_dict(histogram) for name, histogram in values["histograms"].items()}
        return PartStatistics(
            counts=dict(values["counts"]),
            histograms=histograms,
            token_counts=np.array(values["token_counts"], np.int64),
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Statistics:
    """Statistics of a dataset; two are equal if their `to_dict` are.

    Attributes:
        corpus: of the documents, and of their processing; only a build can compute them.
        rows: of the rows; they can be recomputed from the shards.
    """

    corpus: PartStatistics = field(default_factory=PartStatistics)
    rows: PartStatistics = field(default_factory=PartStatistics)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Statistics) and to_dict(self) == to_dict(other)


_HISTOGRAM = record(
    {"values": list_of(COUNT), "counts": list_of(COUNT), "total": COUNT, "maximum": COUNT, "rounded": BOOLEAN}
)
_PART = record({"counts": map_of(COUNT), "histograms": map_of(_HISTOGRAM), "token_counts": list_of(COUNT)})

SCHEMA = record({"version": INTEGER, "corpus": _PART, "rows": _PART})
"""Schema of the required keys of `statistics.json`; other keys are ignored."""


def zero() -> Statistics:
    """The empty statistics: the identity of `merge`."""
    return Statistics()


def merge(one: Statistics, other: Statistics) -> Statistics:
    """Returns the sum of two statistics; associative and commutative, with `zero()` as the identity."""
    return Statistics(corpus=one.corpus + other.corpus, rows=one.rows + other.rows)


def to_dict(statistics: Statistics) -> dict[str, Any]:
    """The statistics as JSON types."""
    return {"version": STATISTICS_VERSION, "corpus": statistics.corpus.to_dict(), "rows": statistics.rows.to_dict()}


def from_dict(values: Mapping[str, Any], *, name: str = "statistics") -> Statistics:
    """Reads `to_dict` back; other keys are ignored.

    Raises:
        ShardError: the values are not statistics, or of another version.
    """
    title = f"{name}: not statistics of nspdata"
    check(values, record({"version": INTEGER}), name=title)
    if values["version"] != STATISTICS_VERSION:
        raise ShardError(f"{name}: version {values['version']}; this nspdata reads version {STATISTICS_VERSION}")
    check(values, SCHEMA, name=title)
    for key in ("corpus", "rows"):
        for histogram, bins in values[key]["histograms"].items():
            if len(bins["values"]) != len(bins["counts"]):
                raise ShardError(f"{title}: {key}.histograms.{histogram} has different numbers of counts and values")
    return Statistics(corpus=PartStatistics.from_dict(values["corpus"]), rows=PartStatistics.from_dict(values["rows"]))


def from_json(text: str | bytes, *, name: str = "statistics") -> Statistics:
    """Reads a `statistics.json`.

    Raises:
        ShardError: the text is not one.
    """
    return from_dict(parse(text, name=f"{name}: not statistics of nspdata"), name=name)


def to_json(values: Any) -> str:
    """JSON with its keys sorted and each list of plain values on one line.

    >>> print(to_json({"b": [1, 2], "a": {}}))
    {
     "a": {},
     "b": [1, 2]
    }
    """
    return _written(values, "\n")


def _written(values: Any, line: str) -> str:
    deeper = line + " "
    if isinstance(values, dict) and values:
        entries = (f"{json.dumps(key)}: {_written(values[key], deeper)}" for key in sorted(values))
        return "{" + deeper + f",{deeper}".join(entries) + line + "}"
    if isinstance(values, list) and any(isinstance(value, dict) for value in values):
        return "[" + deeper + f",{deeper}".join(_written(value, deeper) for value in values) + line + "]"
    return json.dumps(values)


def _merged(one: Mapping[str, Histogram], other: Mapping[str, Histogram]) -> dict[str, Histogram]:
    result = dict(one)
    for name, histogram in other.items():
        result[name] = result[name] + histogram if name in result else histogram
    return result


def _added(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(one) < len(other):
        one, other = other, one
    result = one.copy()
    result[: len(other)] += other
    return result
