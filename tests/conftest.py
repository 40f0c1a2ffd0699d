"""Shared by all tests: properties have no deadline, because the first example may compile a loop."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.skips import pytest_make_collect_report, pytest_runtest_makereport, pytest_terminal_summary

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport", "pytest_terminal_summary"]

COLLECTED = pytest.StashKey[set[str]]()
"""Names of the files in which tests were collected, also of tests that are deselected."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Remembers the file of each test."""
    item.session.stash.setdefault(COLLECTED, set()).add(item.nodeid.partition("::")[0])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips the tests of a GPU where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("torch sees no CUDA device here")


settings.register_profile(
    "nspdata", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("nspdata")

os.environ.setdefault("NSPDATA_PROGRESS_SECONDS", "0")  # no lines of progress, however slow the machine is
os.environ.setdefault("NSPDATA_SHAPE_CACHE", "0")  # answers of earlier runs would hide what a test asks spaCy
os.environ.setdefault("NSPDATA_NUMBA", "1")  # loops are compiled, whatever this machine has compiled before
