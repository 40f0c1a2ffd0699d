"""What is skipped is said, and CI skips nothing that it must run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest
def test_browser(): pytest.skip("needs a browser: none is installed")
def test_text(): pytest.skip("needs the shared text x, which is not beside this checkout")
def test_other(): pytest.skip("only on Mars")
"""


@pytest.mark.parametrize(
    ("environment", "code", "failed"),
    [({}, 0, 0), ({"NSPDATA_CI": "1"}, 1, 1), ({"NSPDATA_CI": "1", "NSPDATA_SHARED": "/"}, 1, 2)],
)
def test_skips_are_listed_and_judged(environment: dict[str, str], code: int, failed: int, tmp_path: Path) -> None:
    """In CI a missing browser fails, and a missing shared text where it was promised."""
    (tmp_path / "test_some.py").write_text(TESTS)
    clean = {key: value for key, value in os.environ.items() if key not in {"NSPDATA_CI", "NSPDATA_SHARED"}}
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.skips", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=tmp_path,
        env={**clean, **environment, "PYTHONPATH": os.pathsep.join([root, clean.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    lines = done.stdout.splitlines()
    assert "skipped 1 test: only on Mars" in lines
    assert f"{failed} failed" in lines[-1] or not failed
