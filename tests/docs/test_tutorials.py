"""The tutorials run, and print what their pages say."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import require

DOCS = Path(__file__).parents[2] / "docs"

comparable = runpy.run_path(str(DOCS / "generate_tutorials.py"))["comparable"]

RUN = """
import sys, tempfile
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from generate_tutorials import run_page
sys.stdout.write(run_page(Path(sys.argv[2]).read_text(encoding="utf-8"), sys.argv[3]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted((DOCS / "tutorials").glob("*.md")), ids=lambda page: page.stem)
def test_a_page_prints_what_it_says(page: Path, tmp_path: Path) -> None:
    """Every block runs in order in an empty directory; the output is that of the page."""
    require("torch", "transformers", "pandas")
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(DOCS), str(page), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert comparable(done.stdout) == comparable(page.read_text(encoding="utf-8"))


def test_only_times_and_trained_values_may_differ() -> None:
    """Numbers of a build's times, of a training's lines and of a score are not compared; all others are."""
    page = "rows 1,430\n  took       8 s, 56.7 kB of text\nstep 10  MLM 7.111 (2.8%)\n0.5665  P(B follows A)\n"
    other = "rows 1,430\n  took       9 s, 50.1 kB of text\nstep 10  MLM 7.113 (2.7%)\n0.5701  P(B follows A)\n"
    assert comparable(page) == comparable(other)
    assert comparable(page) != comparable(page.replace("1,430", "1,431"))
    assert comparable(page) != comparable(page.replace("MLM", "NSP"))
