"""Runs the Python blocks of docs/tutorials/*.md and writes what they print into the `text` block that follows each.

    python docs/generate_tutorials.py            # all pages
    python docs/generate_tutorials.py ibm-course # one page

A page is one program: its blocks run in order, in a directory of their own. A test runs every page and compares the output.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

PAGES = Path(__file__).parent / "tutorials"

BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
"""A Python block, and the block with its output if it prints something."""


def run_page(text: str, directory: str) -> str:
    """The page with the output of this run; the blocks run in a directory, which is the working directory afterwards too."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    os.chdir(directory)

    def run(match: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(match[1], "tutorial", "exec"), namespace)  # noqa: S102 - our own pages
        output = "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())
        return f"```python\n{match[1]}```\n" + (f"\n```text\n{output}```\n" if output else "")

    return BLOCK.sub(run, text)


def main(names: list[str]) -> None:
    """Rewrites the pages of these names, or all."""
    for page in sorted(PAGES.glob("*.md")):
        if names and page.stem not in names:
            continue
        with tempfile.TemporaryDirectory() as directory:
            text = run_page(page.read_text(encoding="utf-8"), directory)
            os.chdir(PAGES)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
