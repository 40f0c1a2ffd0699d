"""Shared by all tests: properties have no deadline, because the first example may compile a loop."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.skips import pytest_make_collect_report, pytest_runtest_makereport, pytest_terminal_summary

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport", "pytest_terminal_summary"]

settings.register_profile(
    "nspdata", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("nspdata")

os.environ.setdefault("NSPDATA_PROGRESS_SECONDS", "0")  # no lines of progress, however slow the machine is
