"""Runs the Python and console blocks of docs/tutorials/*.md and writes what they print into the pages.

    python docs/generate_tutorials.py            # all pages
    python docs/generate_tutorials.py ibm-course # one page

A page is one program: its blocks run in order, in a directory of their own. The output of a `python` block is the `text` block that
follows it; that of a command stands below it in its `console` block. A test runs every page and compares the output.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

PAGES = Path(__file__).parent / "tutorials"

BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?|```console\n(.*?)```\n", re.DOTALL)
"""A Python block and the block with its output if it prints something, or a block of commands."""


def run_page(text: str, directory: str) -> str:
    """The page with the output of this run; the blocks run in a directory, which is the working directory afterwards too."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    os.chdir(directory)

    def run(match: re.Match[str]) -> str:
        if match[3] is not None:
            return f"```console\n{run_commands(match[3])}```\n"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(match[1], "tutorial", "exec"), namespace)  # noqa: S102 - our own pages
        output = stripped(printed.getvalue())
        return f"```python\n{match[1]}```\n" + (f"\n```text\n{output}```\n" if output else "")

    return BLOCK.sub(run, text)


def run_commands(block: str) -> str:
    """The commands of a block, each with what it prints on stdout."""
    here = f'nspdata() {{ {shlex.quote(sys.executable)} -W ignore -m nspdata "$@"; }}; '
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
    parts = []
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        done = subprocess.run(  # noqa: S603 - our own pages
            ["/bin/bash", "-c", here + command], capture_output=True, text=True, check=False, env=environment
        )
        if done.returncode:
            sys.exit(f"{command}\n{done.stdout}{done.stderr}")
        parts.append(f"$ {command}\n{stripped(done.stdout)}")
    return "".join(parts)


def comparable(page: str) -> str:
    """The page with `#` for the numbers that differ from run to run, or from machine to machine.

    These are the times of a build, the lines of a training and the four digits of a score.

    >>> comparable("step 5  MLM 7.4 (1.7%)  5,738 tokens/s")
    'step # MLM # (#%)  # tokens/s'
    """
    varying = r"^(?:step +\d|  took ).*$|^\d\.\d{4}(?=  P\()"
    return re.sub(varying, lambda match: re.sub(r"[\d.,]+ ?", "#", match[0]), page, flags=re.MULTILINE)


def stripped(printed: str) -> str:
    """The lines without white space at their ends."""
    return "".join(f"{line.rstrip()}\n" for line in printed.splitlines())


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
