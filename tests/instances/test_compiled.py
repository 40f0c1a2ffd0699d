"""Compiled or not, the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from nspdata.arrays.compiled import is_compiled


def printed(numba: str) -> list[str]:
    """The digests that a new interpreter prints."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.instances.digests"],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ, "NSPDATA_NUMBA": numba, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_rows_are_the_same_bytes_without_numba() -> None:
    """Compiled and plain loops give the same bytes for all objectives, units, negatives, fills, strategies and cuts."""
    compiled, plain = printed("1"), printed("0")
    assert (compiled[0], plain[0]) == (str(is_compiled()), "False")
    assert len(plain) == 1 + 4 + 144
    assert compiled[1:] == plain[1:]
