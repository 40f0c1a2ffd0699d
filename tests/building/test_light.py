"""Libraries without what a local build does not use."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from nspdata.pipelines.light import collection_paused

BEAM = """
import logging
from nspdata.pipelines.light import import_beam_silently
import_beam_silently()
import apache_beam, nspdata.pipelines.build
assert not logging.getLogger().handlers
assert logging.getLogger("any").isEnabledFor(logging.WARNING)
import pandas, google.auth, google.cloud.storage
"""

ARRAYS = """
import sys
from nspdata.pipelines.light import import_arrays_alone
import_arrays_alone()
from nspdata.arrays.compiled import is_compiled
assert "numba" not in sys.modules and is_compiled()
import numpy, pyarrow
from nspdata.arrays.ragged import copy_runs
pyarrow.array([[1], [2, 3]])
copy_runs(numpy.arange(3), numpy.array([0]), numpy.array([0, 2]))
assert "numba.np.linalg" in sys.modules  # it was compiled
imported = {"pandas", "scipy.linalg", "cffi", "yaml"} & set(sys.modules)
assert not imported, imported
import pandas, scipy.linalg
"""

SPACY = """
import sys
import nspdata.building.prepare, nspdata.pipelines.run
imported = {"pyarrow.compute", "pyarrow.parquet", "spacy", "apache_beam", "pydantic"} & set(sys.modules)
assert not imported, imported
from nspdata.tokenization.spacy_import import import_spacy_alone
import_spacy_alone()
import spacy
spacy.blank("en")
imported = {"torch", "requests", "spacy.cli"} & set(sys.modules)
assert not imported, imported
assert "spacy_version" in spacy.info(silent=True)
import spacy.cli.download, torch
"""


def installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of the package above it
        return False


@pytest.mark.parametrize(
    ("script", "libraries"),
    [(BEAM, ["pandas", "google.cloud.storage"]), (ARRAYS, ["pandas", "scipy"]), (SPACY, ["torch"])],
    ids=["Beam", "arrays", "spaCy"],
)
def test_unused_libraries_are_left_out(script: str, libraries: list[str], tmp_path: Path) -> None:
    """Nothing is printed, logging is as before, and the libraries can be imported afterwards."""
    for name in libraries:
        if not installed(name):
            pytest.skip(f"{name} is not installed")
    settings = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_settings_of_numba_are_read(tmp_path: Path) -> None:
    """numba needs `yaml` for a file of settings in the working directory."""
    pytest.importorskip("yaml")
    (tmp_path / ".numba_config.yaml").write_text("full_tracebacks: 1\n")
    script = "from nspdata.pipelines.light import import_arrays_alone; import_arrays_alone(); import numba; print(numba.config.FULL_TRACEBACKS)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "1\n"


def test_the_garbage_collector_is_paused_and_resumed() -> None:
    """Also after an error; where it was off, it stays off."""
    frozen = gc.get_freeze_count()
    with collection_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), collection_paused():
        raise KeyError
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
    gc.unfreeze()
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
