"""The source that the code or the answers in a cache depend on."""

from __future__ import annotations

import hashlib
import re
import sys
from functools import cache
from pathlib import Path


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
