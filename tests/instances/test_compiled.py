"""Compiled or not, the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from nspdata.arrays.compiled import COMPILED


def printed(numba: str) -> list[str]:
    """The digests in a fresh interpreter."""
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
    """Every objective, unit, kind of negative, fill and strategy, and the cuts of sentences: the plain loops give what the compiled ones give."""
    compiled, plain = printed("1"), printed("0")
    assert (compiled[0], plain[0]) == (str(COMPILED), "False")
    assert len(plain) == 1 + 4 + 144
    assert compiled[1:] == plain[1:]
