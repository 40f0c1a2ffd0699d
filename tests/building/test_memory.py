"""The memory of a process and its children."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="no Linux")

HOLDS = "held = bytearray(b'x' * 200_000_000); print(len(held), flush=True); input()"

MEASURES = """
import subprocess, sys
from nspdata.building.memory import used_bytes
print(used_bytes())
with subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
    child.stdout.readline()
    print(used_bytes())
    child.stdin.write(b"\\n")
"""


def test_memory_of_children_is_added() -> None:
    """A process is measured alone and with a child that holds 200 MB. It is small: alone, the libraries that it shares with others count whole."""
    printed = subprocess.run([sys.executable, "-c", MEASURES, HOLDS], capture_output=True, text=True, check=True).stdout
    alone, both = map(int, printed.split())
    assert 5_000_000 < alone < 200_000_000
    assert 100_000_000 < both - alone < 250_000_000
