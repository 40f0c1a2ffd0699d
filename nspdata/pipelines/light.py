"""Imports pyarrow and numba without the libraries that a local build does not use, and Beam without its log lines."""

from __future__ import annotations

import gc
import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nspdata.absent import absent
from nspdata.arrays.left_out import leave_out

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBA_SETTINGS = ".numba_config.yaml"
"""A file in the working directory with settings of numba, which needs `yaml` for it."""


@contextmanager
def collection_paused() -> Iterator[None]:
    """Inside, the garbage collector does not run, and afterwards it ignores all objects of the block.

    For the imports and checks of a process that ends with the build. They make 200,000 objects that stay: two collections, 8% of a
    small build.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def import_arrays_alone() -> None:
    """Imports pyarrow as if pandas were not installed, and numba later as if SciPy were not, for a process that ends with the build.

    pyarrow would import pandas for its first array, and numba SciPy's linear algebra for its first kernel: a tenth of the CPU time
    of a small build. Later imports find both; but pyarrow's conversions to pandas and numba's `numpy.linalg` stay off, and so does
    numba's support of cffi, for which it would import a parser of C. It would import `yaml` for a file of settings.
    """
    with absent("pandas"):
        import pyarrow as pa

        pa.array([0])
    leave_out("scipy", "scipy.linalg", "cffi", *(() if Path(NUMBA_SETTINGS).exists() else ("yaml",)))


def import_beam_silently() -> None:
    """Imports Beam without the lines that it logs about libraries that are not installed; it would configure the root logger for them."""
    if "apache_beam" in sys.modules:
        return
    root, silent = logging.getLogger(), logging.NullHandler()
    disabled = logging.root.manager.disable
    root.addHandler(silent)
    logging.disable()
    try:
        import apache_beam  # noqa: F401 - imported for its effect on sys.modules
    finally:
        logging.disable(disabled)
        root.removeHandler(silent)
