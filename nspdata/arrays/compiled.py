"""Loops compiled with numba if it is installed, otherwise run as plain Python with the same results."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])

COMPILED = False
"""Whether `compiled` compiles here. `NSPDATA_NUMBA=0` switches numba off, for tests and for debugging."""

if os.environ.get("NSPDATA_NUMBA", "1") != "0":
    try:
        import numba
    except ImportError:
        pass
    else:
        COMPILED = True


def compiled(function: Function) -> Function:
    """Compiles a loop over arrays. It runs without the GIL and is cached on disk."""
    if not COMPILED:
        return function
    return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
