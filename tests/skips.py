"""Skipped tests are listed at the end with their reasons; with NSPDATA_CI=1 those that CI must run are failures."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Generator
from typing import Any

import pytest

CI = "NSPDATA_CI"

NEEDED = (
    "needs a browser",
    "could not import",
    "needs nspdata[",
    "needs apache-beam",
    "needs PyYAML",
    "needs the weights",
)
"""Reasons that do not count in CI, where everything is installed; so does the shared text, if NSPDATA_SHARED is set."""


def require(*packages: str) -> None:
    """Skips a test if a package is missing; imports none, since some warn or start processes when they are imported."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"could not import {package}")


def may_not_skip(reason: str) -> bool:
    """Whether a skip is a failure here."""
    if os.environ.get(CI, "") in {"", "0"}:
        return False
    needed = NEEDED + (("needs the shared text",) if os.environ.get("NSPDATA_SHARED") else ())
    return any(part in reason for part in needed)


def judged(report: Any) -> Any:
    """The report, failed if it may not be skipped."""
    if report.skipped and isinstance(report.longrepr, tuple) and may_not_skip(reason := str(report.longrepr[2])):
        report.outcome = "failed"
        report.longrepr = f"{reason}\n{CI} is set: install what is missing, this test may not be skipped here"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """For a test that skips itself."""
    return judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """For a file that skips itself."""
    return judged((yield))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The last lines: how many were skipped, by reason."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] = reasons.get(reason.removeprefix("Skipped: "), 0) + 1
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {count} test{'s' * (count > 1)}: {reason}")
