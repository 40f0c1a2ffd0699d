"""Libraries that numba imports if they are installed, and that loops over arrays do not need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.absent import absent

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_left_out: list[str] = []


def leave_out(*names: str) -> None:
    """Lets numba be imported, and compile, as if these libraries were not installed; those that are imported already stay."""
    _left_out.extend(names)


def left_out() -> AbstractContextManager[None]:
    """Inside, imports of the libraries of `leave_out` fail."""
    return absent(*_left_out)
