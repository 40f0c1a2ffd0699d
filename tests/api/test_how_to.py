"""The Python blocks of the how-to pages run, beside one small dataset and its tokenizer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.skips import require


@pytest.mark.parametrize("page", ["build", "languages", "notebooks", "tokenizer"])
def test_examples_run(page: str, workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks except the marked ones run one after another in one namespace."""
    require("apache_beam", "pandas")
    shutil.copytree(workplace, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    found = [block for block in blocks(ROOT / "docs" / f"{page}.md") if block.kind == "python" and not block.not_run]
    assert found
    for block in found:
        exec(compile(block.code, f"{page}.md:{block.line}", "exec"), namespace)
