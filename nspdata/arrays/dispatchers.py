"""Functions compiled with numba and cached on disk.

Compiled code is stored beside the source if that directory is writable, otherwise in the user's cache directory. numba compares only the file
of a function with its cached code, but the code also contains its callees and constants from other modules. So here the cache of
a function is valid for the source of its module and of all modules of the package that this one imports.
"""

from __future__ import annotations

import contextlib
from functools import cache
from typing import TYPE_CHECKING, Any

import numba
from llvmlite import binding
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.environment import Environment
from numba.core.runtime import _nrt_python

from nspdata.arrays.left_out import left_out
from nspdata.arrays.source_stamp import source_stamp

if TYPE_CHECKING:
    from collections.abc import Callable


def make_inner(function: Callable[..., object], *, allocates: bool) -> Any:
    """A function that is compiled at the first call in a function that is compiled.

    It has no interface to Python, which is a third of what LLVM compiles, and no machine code of its own: LLVM puts its intermediate code
    into each function that calls it. So there is nothing to cache on disk.
    """
    dispatcher = numba.njit(
        nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=_InnerCompiler, _nrt=allocates
    )(function)
    dispatcher.get_call_template = _without_constants(dispatcher.get_call_template)
    return dispatcher


def make_entry(function: Callable[..., object], *, allocates: bool) -> Any:
    """A function that is compiled at its first call from Python. Without a writable directory it is not cached on disk."""
    dispatcher = numba.njit(nogil=True, no_cfunc_wrapper=True, _nrt=allocates)(function)
    dispatcher._compilation_chain_init_hook = _no_extensions  # noqa: SLF001
    with contextlib.suppress(RuntimeError):  # neither directory can be written
        dispatcher._cache = _PackageCache(function)  # noqa: SLF001 - what `enable_caching` sets
    return dispatcher


def _no_extensions() -> None:
    """Instead of a search of all installed packages for extensions of numba, which loops over arrays do not need."""


class _InnerLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The intermediate code of a function that only compiled functions call; LLVM optimizes it in each of them."""

    def _optimize_final_module(self) -> None:
        """Leaves it to the functions that call this one."""


class _InnerCompiler(Compiler):  # type: ignore[misc]
    """numba's compiler, with another library."""

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
        super().__init__(typingctx, targetctx, library or _InnerLibrary(targetctx.codegen(), "inner"), *rest)


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


class _MachineCode(CompileResultCacheImpl):  # type: ignore[misc]
    """Stores the machine code of a function without the intermediate code that numba would put into its callers.

    Only Python calls these functions. Reading the intermediate code, and the names in it, took half of the time to load a function.
    """

    def reduce(self, cres: Any) -> Any:
        """Returns what is stored: numba reads the names that the machine code defines from intermediate code, so one is declared there."""
        (name, kind, (machine_code, _)), *rest, environments = super().reduce(cres)
        module = binding.parse_assembly(f'@"{cres.fndesc.llvm_cpython_wrapper_name}" = global i8 0')
        light = tuple(_without_module(one, cres.environment.globals) for one in environments)
        return ((name, kind, (machine_code, module.as_bitcode())), *rest, light)


def _without_module(environment: Any, names: dict[str, Any]) -> Any:
    """The environment of a function in the machine code, with these global names instead of those of its module, which numba would import.

    Machine code checks that there is one, and reads only its constants.
    """
    if environment.consts:
        return environment
    light = Environment(names)
    light.env_name = environment.env_name
    return light


@cache
def _name_runtime() -> None:
    """Names the functions of numba's runtime that cached code calls. numba would also compile some, which are a part of the cached code."""
    for name, address in _nrt_python.c_helpers.items():
        binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


class _PackageCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function, valid for the source of a module and its imports; an unreadable cache is overwritten."""

    _impl_class = _MachineCode

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__(function)
        self._module = function.__module__

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Returns the cached code for a signature, or None.

        numba would first register everything that it can compile, which takes a tenth of a second. Here it does so only if it has to compile.
        """
        self._cache_file._source_stamp = source_stamp(self._module)  # noqa: SLF001 - compared with the index
        try:
            _name_runtime()
            found = self._load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 - a cache of other code may raise anything
            self.flush()
            found = None
        if found is None:
            with left_out():
                target_context.refresh()
        return found
