"""The tutorials run, and print what their pages say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import require

DOCS = Path(__file__).parents[2] / "docs"

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
    assert done.stdout == page.read_text(encoding="utf-8")
