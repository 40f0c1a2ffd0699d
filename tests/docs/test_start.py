"""docs/start.md, run to the letter: the page that every new user follows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.skips import require

DOCS = Path(__file__).parents[2] / "docs"

TRAINED = re.compile(r"```console\n\$ nspdata (?:train|score) .*?```", re.DOTALL)
"""The output of a training, whose figures differ between versions of torch."""


def comparable(text: str) -> str:
    """The page without times, speeds, memory and the figures of the training."""
    text = TRAINED.sub(lambda match: re.sub(r"-?\d[\d,.]*", "N", match[0]), text)
    return re.sub(r"(?m)^( +took +).*$", r"\1...", text)


def test_the_page_prints_what_it_says(tmp_path: Path) -> None:
    """Every command and every Python block, one after the other in an empty directory."""
    require("torch", "transformers", "apache_beam", "matplotlib")
    page = tmp_path / "start.md"
    shutil.copy(DOCS / "start.md", page)
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate_start.py"), str(page)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert comparable(page.read_text(encoding="utf-8")) == comparable((DOCS / "start.md").read_text(encoding="utf-8"))
