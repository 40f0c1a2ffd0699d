"""Whether a build compiles its loops.

All loops of a build take half a minute to compile. The code is stored on disk, so only the first build on a machine pays this. If that build is
small, its loops are interpreted and its documents are encoded by the plain encoder: 4 CPU-seconds for each MB of text. The result is the same.
A build that has compiled its loops leaves a file beside their code: the digest of what the code depends on.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nspdata.arrays.compiled import SWITCH, is_compiled
from nspdata.files.user_cache import user_cache
from nspdata.reading.units import expected_text_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.config.build import Config
    from nspdata.reading import Source

MOST_BYTES = 2_000_000
"""Bytes of text that are interpreted at most if each document is used once: about 8 CPU-seconds. Compiling takes as long as 8 MB, but it
also serves later builds."""

SHARE_OF_A_PASS = 0.07
"""Cost of another pass over the documents (`duplicate_factor`), interpreted, relative to the cost of one build of them."""

HIGH_COMPRESSION_RATIO = 10
"""Bytes of text in a byte of a compressed or columnar file, at most, for almost all text. Interpreting much more text than expected costs more than
compiling: 78 CPU-seconds for 20 MB in a `.gz` of 76 kB."""

PACKAGE = Path(__file__).parents[1]


def pays_to_interpret(sources: Sequence[Source], config: Config) -> bool:
    """Whether a local build of these sources is faster if its loops are interpreted.

    Not if the loops were compiled here before, if `NSPDATA_NUMBA=1` requests compiled loops, or if the size is unknown.
    """
    text_bytes = expected_text_bytes(sources, ratio=HIGH_COMPRESSION_RATIO)
    work = text_bytes * (1 + SHARE_OF_A_PASS * (config.duplicate_factor - 1))
    return 0 < work <= MOST_BYTES and os.environ.get(SWITCH) != "1" and not compiled_before()


def compiling_note() -> str:
    """Says that loops will be compiled now; "" if they were compiled before, or cannot be."""
    return "" if compiled_before() or not is_compiled() else "compiling loops, once on this machine: about 30 s"


def compiled_before() -> bool:
    """Whether a build has compiled these loops on this machine."""
    try:
        return _path().read_text() == _digest()
    except (OSError, RuntimeError, UnicodeDecodeError):  # RuntimeError: there is no home directory
        return False


def note_compiled(plan: BuildPlan) -> None:
    """Records that the loops of a build are compiled, if they are and the directory can be written."""
    if plan.interpreted or not is_compiled() or compiled_before():
        return
    with contextlib.suppress(OSError, RuntimeError):
        _path().parent.mkdir(parents=True, exist_ok=True)
        _path().write_text(_digest())


def _path() -> Path:
    """The file that a build leaves, where numba stores compiled code: in `NUMBA_CACHE_DIR`, beside the source, or in the user's cache."""
    name = f"nspdata_loops.{sys.implementation.cache_tag}"
    if directory := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(directory) / name
    beside = PACKAGE / "arrays" / "__pycache__"
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return beside / name
    return user_cache() / name


@cache
def _digest() -> str:
    """The digest of what compiled code depends on: the versions of Python and numba, the machine, and the source of the package."""
    numba = find_spec("numba")
    about = Path(numba.origin).stat() if numba and numba.origin else None
    digest = hashlib.sha256(
        repr((sys.version, platform.machine(), about and (about.st_size, about.st_mtime_ns))).encode()
    )
    for directory in ("arrays", "instances", "statistics", "tokenization"):
        for path in sorted((PACKAGE / directory).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
