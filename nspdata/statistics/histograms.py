"""Histograms of integers that merge exactly, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_BITS = 8
"""A rounded histogram keeps this many leading bits of a value: exact below 256, bins of at most 1/128 of the value above."""

RELATIVE_ERROR = 2.0**-EXACT_BITS
"""The largest distance of a value from the middle of its bin, relative to the value."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Histogram:
    """The count of each value.

    Attributes:
        values: shape (num_bins,), int64, increasing: the smallest value of each bin.
        counts: shape (num_bins,), int64, none of them 0.
        total: the exact sum of all values seen.
        maximum: the exact greatest value seen, 0 if there are none.
        rounded: whether a bin holds one value (False) or those with the same `EXACT_BITS` leading bits (True).
    """

    values: NDArray[np.int64]
    counts: NDArray[np.int64]
    total: int = 0
    maximum: int = 0
    rounded: bool = False

    @staticmethod
    def of(numbers: NDArray[Any], *, rounded: bool = False) -> Histogram:
        """Counts whole numbers from 0, any shape.

        >>> histogram = Histogram.of(np.array([3, 1000, 3, 1001]), rounded=True)
        >>> histogram.values.tolist(), histogram.counts.tolist(), histogram.total
        ([3, 1000], [2, 2], 2007)
        """
        numbers = np.asarray(numbers, np.int64).ravel()
        if not len(numbers):
            none = np.zeros(0, np.int64)
            return Histogram(values=none, counts=none, rounded=rounded)
        counts = np.bincount(_bins(numbers) if rounded else numbers)
        used = np.flatnonzero(counts)
        return Histogram(
            values=_values(used) if rounded else used,
            counts=counts[used],
            total=int(numbers.sum()),
            maximum=int(numbers.max()),
            rounded=rounded,
        )

    def __len__(self) -> int:
        return int(self.counts.sum())

    def __add__(self, other: Histogram) -> Histogram:
        assert self.rounded == other.rounded, "a rounded histogram and an exact one"
        values, inverse = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        counts = np.zeros(len(values), np.int64)
        np.add.at(counts, inverse, np.concatenate([self.counts, other.counts]))
        return Histogram(
            values=values,
            counts=counts,
            total=self.total + other.total,
            maximum=max(self.maximum, other.maximum),
            rounded=self.rounded,
        )

    @property
    def mean(self) -> float:
        """The exact mean; 0 if there are no values."""
        return self.total / max(1, len(self))

    @property
    def ends(self) -> NDArray[np.int64]:
        """Shape (num_bins,), int64: the largest value of each bin."""
        return _values(_bins(self.values) + 1) - 1 if self.rounded else self.values

    def quantile(self, share: float) -> int:
        """Returns the smallest value that at least this share of the values do not exceed, within `RELATIVE_ERROR` if rounded.

        >>> Histogram.of(np.array([1, 2, 3, 4])).quantile(0.5)
        2
        """
        if not len(self.counts):
            return 0
        ranks = np.cumsum(self.counts)
        at = int(np.searchsorted(ranks, share * ranks[-1] - 1e-9))
        return min(int(self.values[at] + self.ends[at]) // 2, self.maximum)

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON types."""
        return {
            "rounded": self.rounded,
            "relative_error": RELATIVE_ERROR if self.rounded else 0.0,
            "total": self.total,
            "maximum": self.maximum,
            "values": self.values.tolist(),
            "counts": self.counts.tolist(),
        }

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Histogram:
        """Reads `to_dict` back."""
        return Histogram(
            values=np.array(values["values"], np.int64),
            counts=np.array(values["counts"], np.int64),
            total=values["total"],
            maximum=values["maximum"],
            rounded=values["rounded"],
        )


def _bins(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns dense indices, increasing with the value: the number of omitted bits, followed by the `EXACT_BITS` leading bits."""
    bits = np.frexp(numbers.astype(np.float64))[1]
    left_out = np.maximum(bits - EXACT_BITS, 0).astype(np.int64)
    bins: NDArray[np.int64] = (left_out << (EXACT_BITS - 1)) + (numbers >> left_out)
    return bins


def _values(bins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the smallest value of each bin: the inverse of `_bins`."""
    half = 1 << (EXACT_BITS - 1)
    left_out = np.maximum(bins // half - 1, 0)
    values: NDArray[np.int64] = (bins - left_out * half) << left_out
    return values
