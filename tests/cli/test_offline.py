"""The whole demonstration in a network namespace that has no network, not even a loopback address."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNSHARE = shutil.which("unshare")


def _is_allowed() -> bool:
    """Whether this machine lets a user make a network namespace."""
    return (
        bool(UNSHARE) and not subprocess.run([str(UNSHARE), "-rn", "true"], check=False, capture_output=True).returncode
    )


@pytest.mark.slow
@pytest.mark.timeout(1900)
@pytest.mark.parametrize("training", [False, True], ids=["without training", "whole"])
def test_the_demonstration_needs_no_network(tmp_path: Path, *, training: bool) -> None:
    """Tokenizer, build, validate, report, rows and training: no command opens a connection."""
    if not _is_allowed():
        pytest.skip("this machine makes no network namespaces")
    command = [str(UNSHARE), "-rn", sys.executable, "-m", "nspdata", "demo", str(tmp_path / "out")]
    done = subprocess.run(
        [*command, *([] if training else ["--no-training"])], capture_output=True, text=True, check=False, timeout=1800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("data/manifest.json", "data/report.html", *(["run/model/model.safetensors"] if training else [])):
        assert (tmp_path / "out" / name).exists()
