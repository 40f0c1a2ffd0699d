"""Beam without what a local build does not use."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import logging, sys
from nspdata.pipelines.light import UNUSED, import_beam_alone
import_beam_alone()
import apache_beam, nspdata.pipelines.build
imported = [name for name in UNUSED if getattr(sys.modules.get(name), "__file__", None)]
assert not imported, imported
assert not logging.getLogger().handlers
assert logging.getLogger("any").isEnabledFor(logging.WARNING)
import pandas, google.auth, google.cloud.storage
"""


def test_beam_is_imported_without_unused_libraries() -> None:
    """Nothing is printed, logging is as before, and the libraries can be imported afterwards."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
