"""examples/quickstart.ipynb runs, and shows what is stored in it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.skips import require

ROOT = Path(__file__).parents[2]


@pytest.mark.filterwarnings("ignore:Proactor event loop", "ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_shows_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs in order in an empty directory; its text is the stored one, but for times and trained values."""
    require("torch", "transformers", "datasets", "nbclient", "ipykernel")
    for name, value in {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)
    script = runpy.run_path(str(ROOT / "docs" / "generate_notebook.py"))
    stored = script["nbformat"].read(script["NOTEBOOK"], as_version=4)
    fresh = script["run_notebook"](script["NOTEBOOK"], str(tmp_path))
    assert script["text_outputs"](fresh) == script["text_outputs"](stored)
    assert any("Dataset(" in text for text in script["text_outputs"](stored)), "the outputs are not stored"
