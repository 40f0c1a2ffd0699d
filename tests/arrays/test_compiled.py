"""Compiled loops: cached on disk, and never from another source."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nspdata.arrays.compiled import compiled, is_compiled

pytestmark = pytest.mark.skipif(not is_compiled(), reason="numba is not installed, or switched off")

LOOP = """
from nspdata.arrays.compiled import compiled
from upgraded.constants import FACTOR

@compiled
def checked(number):
    if number > 9:
        raise ValueError("too large")
    return number

@compiled
def product(pair):
    return checked(pair.one) * FACTOR
"""

CONSTANTS = """
from upgraded.{place} import Pair
FACTOR = {factor}
"""

PAIR = """
from typing import NamedTuple

class Pair(NamedTuple):
    one: int
    other: int
"""

RUN = """
import sys
from upgraded.constants import Pair
from upgraded.loop import product
print(product(Pair(3, 4)), sum(product.entry.stats.cache_hits.values()))
"""


RUN_AND_COMPILE = """
import sys
from upgraded.constants import Pair
from upgraded.loop import product
first = product(Pair(3, 4))
registered = "numba.np.linalg" in sys.modules
print(first, product(Pair(1.5, 4)), registered, sum(product.entry.stats.cache_misses.values()))
"""


RUN_AND_RAISE = """
from upgraded.constants import Pair
from upgraded.loop import product
try:
    product(Pair(10, 4))
except ValueError as error:
    print(error, sum(product.entry.stats.cache_hits.values()))
"""


def install(directory: Path, *, place: str, factor: int) -> None:
    """Writes the package `upgraded`, in place of an earlier version."""
    package = directory / "upgraded"
    package.mkdir(exist_ok=True)
    for old in package.glob("*.py"):
        old.unlink()
    (package / "__init__.py").write_text("")
    (package / "loop.py").write_text(LOOP)
    (package / f"{place}.py").write_text(PAIR)
    (package / "constants.py").write_text(CONSTANTS.format(place=place, factor=factor))


def run(directory: Path, script: str = RUN, **environment: str) -> str:
    """What a script prints in a new process: of `RUN`, the result of the compiled function, and how many times it came from the cache."""
    paths = os.pathsep.join([str(directory), str(Path(__file__).parents[2])])
    settings = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    settings.pop("NUMBA_CACHE_DIR", None)
    found = subprocess.run([sys.executable, "-c", script], env=settings, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


def test_a_second_process_loads_the_cached_code(tmp_path: Path) -> None:
    """The same source is compiled once."""
    install(tmp_path, place="pairs", factor=2)
    assert run(tmp_path) == "6 0"
    assert run(tmp_path) == "6 1"


def test_a_process_with_cached_code_compiles_for_other_types(tmp_path: Path) -> None:
    """What numba can compile is registered when there is something to compile, not for cached code."""
    install(tmp_path, place="pairs", factor=2)
    assert run(tmp_path) == "6 0"
    assert run(tmp_path, RUN_AND_COMPILE) == "6 3.0 False 1"
    assert run(tmp_path, RUN_AND_COMPILE) == "6 3.0 False 0"


def test_cached_code_raises_what_a_loop_raises(tmp_path: Path) -> None:
    """Also a loop that the cached one calls, whose module is not imported for it."""
    install(tmp_path, place="pairs", factor=2)
    assert run(tmp_path) == "6 0"
    assert run(tmp_path, RUN_AND_RAISE) == "too large 1"


def test_a_changed_constant_of_another_module_is_compiled_again(tmp_path: Path) -> None:
    """numba compares only the file of the function, which does not change here."""
    install(tmp_path, place="pairs", factor=2)
    assert run(tmp_path) == "6 0"
    install(tmp_path, place="pairs", factor=5)
    assert run(tmp_path) == "15 0"
    assert run(tmp_path) == "15 1"


def test_a_cache_that_names_a_class_that_moved_is_overwritten(tmp_path: Path) -> None:
    """An upgrade in place moves the class of an argument; the old index cannot be unpickled any more."""
    install(tmp_path, place="pairs", factor=2)
    assert run(tmp_path) == "6 0"
    install(tmp_path, place="elsewhere", factor=2)
    assert run(tmp_path) == "6 0"
    assert run(tmp_path) == "6 1"


def test_without_a_writable_directory_nothing_is_cached(tmp_path: Path) -> None:
    """A read-only installation with a read-only home; files in place of the directories stop root, too."""
    install(tmp_path, place="pairs", factor=2)
    (tmp_path / "upgraded" / "__pycache__").write_text("")
    home = tmp_path / "home"
    home.write_text("")
    assert run(tmp_path, HOME=str(home), XDG_CACHE_HOME=str(home)) == "6 0"


def test_a_constant_argument_compiles_nothing_again() -> None:
    """A function that compiled code calls with constants, and with a variable, is compiled once for all of them."""

    @compiled
    def scaled(number: int, factor: int) -> int:
        return number * factor

    @compiled
    def total(number: int) -> int:
        return scaled(number, 3) + scaled(number, 5) + scaled(number, number)

    assert total(7) == 21 + 35 + 49
    assert len(scaled.inner.signatures) == 1  # type: ignore[attr-defined]


def test_a_loop_that_python_and_a_loop_call_has_two_forms() -> None:
    """Only the form for Python has an interface to it; the other one is put into its callers."""

    @compiled
    def half(number: int) -> int:
        return number // 2

    @compiled
    def quarter(number: int) -> int:
        return half(half(number))

    assert quarter(9) == 2
    assert not half.entry.signatures  # type: ignore[attr-defined]
    assert half(9) == 4
    assert len(half.entry.signatures) == len(half.inner.signatures) == 1  # type: ignore[attr-defined]
