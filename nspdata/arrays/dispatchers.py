"""Functions compiled with numba and cached on disk.

Compiled code is stored beside the source if that directory is writable, otherwise in the user's cache directory. numba compares only the file
of a function with its cached code, but the code also contains its callees and constants from other modules. So here the cache of
a function is valid for the source of its module and of all modules of the package that this one imports.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numba
from numba.core.caching import FunctionCache

from nspdata.arrays.source_stamp import source_stamp

if TYPE_CHECKING:
    from collections.abc import Callable


def make_dispatcher(function: Callable[..., object]) -> Any:
    """Compiles a function at its first call. Without a writable directory it is not cached on disk."""
    dispatcher = numba.njit(nogil=True)(function)
    dispatcher.get_call_template = _without_constants(dispatcher.get_call_template)
    with contextlib.suppress(RuntimeError):  # neither directory can be written
        dispatcher._cache = _PackageCache(function)  # noqa: SLF001 - what `enable_caching` sets
    return dispatcher


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
