"""Runs examples/quickstart.ipynb in an empty directory and stores the outputs in it.

    python docs/generate_notebook.py

A test runs the notebook and compares the text of its outputs. Cells with the tag `varies` print times or trained values; they are not compared.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "examples" / "quickstart.ipynb"

SECONDS = 300
"""The longest time of one cell."""


def run_notebook(path: Path, directory: str) -> Any:
    """The notebook with the outputs of this run; its kernel runs in a directory."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": directory}},
        record_timing=False,
    )
    client.execute()
    return notebook


def text_outputs(notebook: Any) -> list[str]:
    """What each cell shows as text, in order; of a cell with the tag `varies`, nothing."""
    return [
        "".join(
            output.get("text") or output.get("data", {}).get("text/plain", "")
            for output in cell.get("outputs", [])
            if output.get("name") != "stderr"
        )
        if "varies" not in cell.metadata.get("tags", [])
        else ""
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def main() -> None:
    """Runs the notebook and writes it."""
    with tempfile.TemporaryDirectory() as directory:
        notebook = run_notebook(NOTEBOOK, directory)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata.get("language_info", {}).pop("version", None)
    text = re.sub(r"[ \t]+\n", "\n", nbformat.writes(notebook))
    NOTEBOOK.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
