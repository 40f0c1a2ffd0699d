"""Imports of libraries without the optional libraries that they would import too."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType


class _NotInstalled:
    """A finder of modules, asked before all others, that finds none of these."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002 - Python's interface
        if name in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Inside, imports of these libraries fail as if they were not installed; libraries that are imported already stay.

    >>> with absent("this"):
    ...     import this
    Traceback (most recent call last):
    ModuleNotFoundError: No module named 'this'
    """
    finder = _NotInstalled(names)
    empty: dict[str, ModuleType] = {}  # packages without a file, which installed packages create at start-up
    for name in names:
        if name in sys.modules and not getattr(sys.modules[name], "__file__", None):
            empty[name] = sys.modules.pop(name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.modules.update(empty)
