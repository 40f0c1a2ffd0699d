"""Random draws that are a function of a 64-bit key and a counter: splitmix64 (Steele et al. 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
S27, S30, S31 = np.uint64(27), np.uint64(30), np.uint64(31)

LOW, SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)
"""The low half of a draw as a mask, and the shift that leaves its high half."""


def _mix(z: Any) -> Any:
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    return z ^ (z >> S31)


_mixed = compiled(_mix)


@compiled
def draw_at(key: Any, counter: int) -> Any:
    """Returns the `counter`-th 64-bit draw of a key."""
    return _mixed(key + np.uint64(counter + 1) * GOLDEN)


def draws_at(keys: NDArray[np.uint64], counters: NDArray[np.int64] | int) -> NDArray[np.uint64]:
    """`draw_at` for an array of keys, shape (n,), uint64.

    >>> draws_at(np.array([0, 0], np.uint64), np.array([0, 1])).tolist()
    [16294208416658607535, 7960286522194355700]
    """
    drawn: NDArray[np.uint64] = _mix(keys + (np.asarray(counters).astype(np.uint64) + np.uint64(1)) * GOLDEN)
    return drawn


@compiled
def scaled(drawn: Any, bound: int) -> Any:
    """`nspdata.arrays.random.below` of one draw, compiled."""
    return np.int64(((drawn >> SHIFT) * np.uint64(bound)) >> SHIFT)
