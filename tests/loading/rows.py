"""What the tests of loading compare: the rows of batches, one by one, and batches as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Batch = dict[str, "NDArray[Any]"]


def places(batches: Iterable[Batch]) -> list[tuple[int, int]]:
    """Where each row of traced batches lies: (shard, row)."""
    return [place for batch in batches for place in zip(batch["shard"].tolist(), batch["row"].tolist(), strict=True)]


def assert_same(left: Iterable[Batch], right: Iterable[Batch]) -> None:
    """Both give the same batches: names, shapes, types and values."""
    left, right = list(left), list(right)
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        assert list(one) == list(other)
        for name in one:
            assert one[name].dtype == other[name].dtype
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
