"""What all tests share: properties are tried without a clock, for the first example may have to compile a loop."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "nspdata", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("nspdata")

os.environ.setdefault("NSPDATA_PROGRESS_SECONDS", "0")  # no lines of progress, however slow the machine is
