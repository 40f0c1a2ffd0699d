"""Imports numba and pyarrow without the libraries that a local build does not use, and Beam without its log lines."""

from __future__ import annotations

import logging
import sys

from nspdata.absent import absent


def import_arrays_alone() -> None:
    """Imports pyarrow as if pandas were not installed, and numba as if SciPy were not, for a process that ends with the build.

    pyarrow would import pandas for its first array, and numba SciPy's linear algebra for its first kernel: a tenth of the CPU time
    of a small build. Later imports find both; but pyarrow's conversions to pandas and numba's `numpy.linalg` stay off.
    """
    with absent("pandas"):
        import pyarrow as pa

        pa.array([0])
    with absent("scipy", "scipy.linalg"):
        try:
            import numba.np.arraymath  # noqa: F401 - imported for its effect on sys.modules
        except ImportError:  # numba is not installed
            return


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
