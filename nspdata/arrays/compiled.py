"""Loops compiled with numba if it is installed, otherwise run as plain Python with the same results.

Compiled code is cached on disk, beside the source if that is writable, otherwise in the user's cache directory. numba compares
only the file of a function with its cached code, but the code also contains its callees and constants from other modules. So here
the cache of a function is valid for the source of its module and of all modules of the package that this one imports.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., object])

COMPILED = False
"""Whether `compiled` compiles here. `NSPDATA_NUMBA=0` switches numba off, for tests and for debugging."""

if os.environ.get("NSPDATA_NUMBA", "1") != "0":
    try:
        import numba
        from numba.core.caching import FunctionCache
    except ImportError:
        pass
    else:
        COMPILED = True


def compiled(function: Function) -> Function:
    """Compiles a loop over arrays. It runs without the GIL and is cached on disk; without a writable directory it is not cached."""
    if not COMPILED:
        return function
    dispatcher = numba.njit(nogil=True)(function)
    dispatcher.get_call_template = _without_constants(dispatcher.get_call_template)
    with contextlib.suppress(RuntimeError):  # neither directory can be written
        dispatcher._cache = _PackageCache(function)  # noqa: SLF001 - what `enable_caching` sets
    return dispatcher  # type: ignore[no-any-return]


def _without_constants(get_call_template: Callable[..., Any]) -> Callable[..., Any]:
    """Lets a call with a constant use the code for any value of its type.

    numba compiles a function again for each constant among the arguments of a call in compiled code, and everything that it calls:
    a fifth of all that was compiled. LLVM copies the constant into small functions anyway.
    """

    def widened(types: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return get_call_template(
            tuple(numba.types.unliteral(kind) for kind in types),
            {name: numba.types.unliteral(kind) for name, kind in keywords.items()},
        )

    return widened


if COMPILED:

    class _PackageCache(FunctionCache):  # type: ignore[misc]
        """numba's cache of one function, valid for the source of a module and its imports; an unreadable cache is overwritten."""

        def __init__(self, function: Callable[..., object]) -> None:
            super().__init__(function)
            self._module = function.__module__

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            """Returns the cached code for a signature, or None."""
            self._cache_file._source_stamp = source_stamp(self._module)  # noqa: SLF001 - compared with the index
            try:
                return super().load_overload(sig, target_context)
            except Exception:  # noqa: BLE001 - a cache of other code may raise anything
                self.flush()
                return None


@cache
def source_stamp(module: str) -> bytes:
    """A digest of the source of a module and of all modules of its package that it imports, directly or indirectly."""
    digest = hashlib.sha256()
    for name in sorted(_with_imports(module)):
        digest.update(_source(name))
    return digest.digest()


def _with_imports(module: str) -> set[str]:
    """The names of a module and of all modules of its package that it imports at the top of its file, directly or indirectly."""
    package = module.split(".", maxsplit=1)[0]
    imported = re.compile(rb"^(?:from|import) (" + package.encode() + rb"(?:\.\w+)+)", re.MULTILINE)
    found, rest = {module}, [module]
    while rest:
        names = {name.decode() for name in imported.findall(_source(rest.pop()))} - found
        found |= names
        rest += names
    return found


@cache
def _source(module: str) -> bytes:
    """The source of an imported module; empty if it has none."""
    path = getattr(sys.modules.get(module), "__file__", None)
    return Path(path).read_bytes() if path and Path(path).exists() else b""
