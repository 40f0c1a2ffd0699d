"""The examples of docs/export.md run, in order, and the page names every format."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nspdata.exporting.options import FORMATS
from tests.datasets import write_dataset
from tests.skips import require

PAGE = Path(__file__).parents[2] / "docs" / "export.md"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # readers of others leave files open
def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block in the namespace of those before it; mosaicml-streaming starts processes and is tested on its own."""
    require("datasets", "pandas", "tfrecord", "transformers")
    write_dataset(tmp_path / "data", rows=40, num_shards=2, max_seq_length=32)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    namespace: dict[str, Any] = {}
    parts = re.split(r"^```python\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    blocks = [part.split("```")[0] for before, part in pairwise(parts) if not before.endswith("needs streaming -->\n")]
    assert len(blocks) == 6
    for code in blocks:
        exec(compile(code, PAGE.name, "exec"), namespace)
    assert namespace["exported"].rows == 40
    assert namespace["row"]["label_convention"] == "1=next"
    assert namespace["dataset"].splits["train"].rows == 40


def test_the_page_names_every_format() -> None:
    """Each has a row in the table."""
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in FORMATS)
