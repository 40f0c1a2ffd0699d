"""Loops over arrays: compiled with numba, or run as plain Python with the same results.

A loop is compiled at its first call, and numba is imported only then. Compiling all loops of a build takes half a minute, so a small build that
finds no compiled code interprets them; see `nspdata.building.loops`. They are also interpreted if numba is not installed, and with `NSPDATA_NUMBA=0`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nspdata.arrays.left_out import left_out

if TYPE_CHECKING:
    from collections.abc import Iterator

Function = TypeVar("Function", bound=Callable[..., object])

SWITCH = "NSPDATA_NUMBA"
"""Environment variable: `0` interprets all loops, `1` compiles them, also in small builds."""

_interpreted = ContextVar("interpreted", default=False)


def compiled(function: Function) -> Function:
    """Makes a loop over arrays that is compiled at its first call, where loops are compiled. Compiled loops run without the GIL.

    The loop makes no array. So it counts no references to its arrays, which would take a locked instruction for each array at each
    call of another loop.
    """
    return cast("Function", Loop(function))


def allocating(function: Function) -> Function:
    """Like `compiled`, for a loop that makes arrays, or that calls one that does."""
    return cast("Function", Loop(function, allocates=True))


class Loop:
    """A function over arrays with a compiled form.

    Args:
        function: what it does, in the part of Python that numba compiles.
        allocates: whether it makes arrays.
    """

    def __init__(self, function: Callable[..., Any], *, allocates: bool = False) -> None:
        update_wrapper(self, function)
        self.function, self.allocates = function, allocates

    def __call__(self, *arguments: Any) -> Any:
        """Calls the compiled form, or interprets the function."""
        return self.entry(*arguments) if is_compiled() else self.function(*arguments)

    @cached_property
    def entry(self) -> Any:
        """The compiled form for calls from Python."""
        from nspdata.arrays.dispatchers import make_entry

        return make_entry(self.function, allocates=self.allocates)

    @cached_property
    def inner(self) -> Any:
        """The compiled form for calls from compiled loops."""
        from nspdata.arrays.dispatchers import make_inner

        return make_inner(self.function, allocates=self.allocates)

    @property
    def _numba_type_(self) -> Any:
        """The type of `inner`: numba asks for it when a loop that it compiles calls this one."""
        return self.inner._numba_type_


def is_compiled() -> bool:
    """Whether loops are compiled here: numba is installed and not switched off, and they are not `interpreted`. Imports numba if they are."""
    return not _interpreted.get() and _import_numba()


def is_interpreted() -> bool:
    """Whether this code is called inside of `interpreted`."""
    return _interpreted.get()


@contextmanager
def interpreted(*, when: bool = True) -> Iterator[None]:
    """Interprets all loops that this thread calls inside; if not `when`, compiles them, also inside of another such block."""
    before = _interpreted.set(when)
    try:
        yield
    finally:
        _interpreted.reset(before)


def interpret(*, when: bool) -> None:
    """Like `interpreted`, until the thread ends."""
    _interpreted.set(when)


@cache
def _import_numba() -> bool:
    """Imports numba; False if it is not installed or is switched off."""
    if os.environ.get(SWITCH) == "0":
        return False
    with left_out():
        try:
            import numba  # noqa: F401 - imported for its effect on sys.modules
        except ImportError:
            return False
    return True
