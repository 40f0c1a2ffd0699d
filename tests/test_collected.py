"""Every test file is collected, and every docstring example runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import nspdata
from tests.conftest import COLLECTED

TESTS = Path(__file__).parent


def test_every_test_file_is_collected(request: pytest.FixtureRequest) -> None:
    """pytest, called as in `make test`, finds tests in each `tests/**/test_*.py`, whatever its folder is called."""
    whole = request.config.args == request.config.getini("testpaths")
    collected = request.session.stash[COLLECTED] if whole else collected_alone()
    assert collected == {path.relative_to(TESTS.parent).as_posix() for path in TESTS.rglob("test_*.py")}


def collected_alone() -> set[str]:
    """The files in which a process of its own finds tests; for a run of some tests only."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS.parent)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return {line.split("::")[0] for line in done.stdout.splitlines() if "::" in line}


MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(nspdata.__path__, "nspdata.")
    if not name.endswith("__main__") and not name.startswith("nspdata.api.")  # these need files: tests/api runs them
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    """The examples in docstrings give what they show."""
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
