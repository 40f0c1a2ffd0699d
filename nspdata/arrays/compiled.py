"""Compiled loops where numba is installed, the same loops in plain Python where it is not: the bytes are the same."""

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
    """Compiles a loop over arrays; it holds no lock while it runs and is kept on disk between processes."""
    if not COMPILED:
        return function
    return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
