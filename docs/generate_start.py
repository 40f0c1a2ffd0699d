"""Runs docs/start.md, commands and Python, and writes the output below each: `python docs/generate_start.py`.

The commands run one after the other in one process, in an empty directory. A test runs the page and compares the output, without times and
without figures of the training.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("start.md")

BLOCK = re.compile(
    r"(?P<mark><!-- not run[^\n]*\n)?```(?P<kind>console|python)\n(?P<code>.*?)```\n(?:\n```text\n.*?```\n)?", re.DOTALL
)
"""A block, and the block with the output of a Python block."""


def command(line: str) -> None:
    """Runs `nspdata ...`."""
    from nspdata.cli import app

    program, *arguments = shlex.split(line)
    assert program == "nspdata", line
    code = app(arguments, standalone_mode=False)
    assert not code, line


def printed(run: Any) -> str:
    """What a call prints on stdout and stderr, without spaces at the ends of lines and without empty lines at both ends."""
    stream = io.TextIOWrapper(
        io.BytesIO(), encoding="utf-8", write_through=True
    )  # as a terminal's: it can be reconfigured
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run()
    text = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def run_page(text: str) -> str:
    """The page with the output of this run, in the working directory."""
    namespace: dict[str, Any] = {"__name__": "__main__"}

    def run(match: re.Match[str]) -> str:
        if match["mark"]:
            return match[0]
        code = match["code"]
        if match["kind"] == "python":
            output = printed(lambda: exec(compile(code, "start", "exec"), namespace))  # noqa: S102 - our own page
            return f"```python\n{code}```\n" + (f"\n```text\n{output}\n```\n" if output else "")
        line = code.splitlines()[0]
        return f"```console\n{line}\n{printed(lambda: command(line.removeprefix('$ ')))}\n```\n"

    return BLOCK.sub(run, text)


if __name__ == "__main__":
    os.environ |= {"COLUMNS": "100", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    source = Path(sys.argv[1]) if sys.argv[1:] else PAGE
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        made = run_page(source.read_text(encoding="utf-8"))
        os.chdir(PAGE.parent)
    source.write_text(made, encoding="utf-8")
