"""Rejected records: their share of the input, in records and in bytes, and the limit `input.max_rejected`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nspdata.reading.records import EMPTY_TEXT, REASONS
from nspdata.statistics.values import REJECTED, REJECTED_BYTES, with_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nspdata.config.build import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedShares:
    """Share of the input that was rejected. Empty texts are counted separately, because they are not damaged.

    Attributes:
        records: damaged records as a share of all records, 0 to 1.
        bytes: their bytes as a share of all bytes, 0 to 1.
        empty: records without text as a share of all records, 0 to 1.
        reasons: damaged records by reason.
    """

    records: float
    bytes: float
    empty: float
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        """The larger of the two shares of damage."""
        return max(self.records, self.bytes)


def rejected_shares(counts: Mapping[str, int]) -> RejectedShares:
    """Computes the shares of rejected records.

    Args:
        counts: `records`, `input_bytes`, `rejected.<reason>` and `rejected_bytes.<reason>`, as reading counts them.

    >>> shares = rejected_shares({"records": 180, "input_bytes": 1000, "rejected.broken_file": 1, "rejected_bytes.broken_file": 410})
    >>> shares.bytes, shares.empty
    (0.41, 0.0)
    """
    reasons, sizes = with_prefix(counts, REJECTED), with_prefix(counts, REJECTED_BYTES)
    empty = reasons.pop(EMPTY_TEXT, 0)
    sizes.pop(EMPTY_TEXT, 0)
    records = max(1, counts.get("records", 0))
    return RejectedShares(
        records=sum(reasons.values()) / records,
        bytes=min(1.0, sum(sizes.values()) / max(1, counts.get("input_bytes", 0))),
        empty=empty / records,
        reasons=reasons,
    )


def over_limit(counts: Mapping[str, int], config: Config) -> str:
    """Returns the message if more was rejected than `input.max_rejected` allows; otherwise ""."""
    shares, limit = rejected_shares(counts), config.input.max_rejected
    if shares.worst <= limit:
        return ""
    named = "; ".join(f"{count:,}: {REASONS.get(reason, reason)}" for reason, count in shares.reasons.items())
    return (
        f"{shares.records:.2%} of the records and {shares.bytes:.2%} of the bytes of the input were rejected ({named}), over the "
        f"limit input.max_rejected = {limit:.2%}; fix the input, or raise the limit with --max-rejected {_enough(shares.worst)}"
    )


def _enough(share: float) -> str:
    """The share in percent, rounded up.

    >>> _enough(0.4101)
    '42%'
    """
    return f"{int(share * 100) + 1}%"
