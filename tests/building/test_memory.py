"""The memory of a process and its children."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nspdata.building.memory import used_bytes

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="no Linux")

HOLDS = "held = bytearray(b'x' * 200_000_000); print(len(held), flush=True); input()"


def test_memory_of_children_is_added() -> None:
    """A child that holds 200 MB, and this process, which is counted with it and without it."""
    alone = used_bytes()
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdin
        child.stdout.readline()
        both = used_bytes()
        child.stdin.write(b"\n")
    assert 0 < alone < both
    assert both - alone > 100_000_000
