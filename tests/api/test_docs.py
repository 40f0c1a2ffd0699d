"""The examples of docs/python.md and of the README run, in order, as a user would type them."""

from __future__ import annotations

import importlib.util
import itertools
import re
from pathlib import Path
from typing import Any

import pytest

import nspdata
from tests.building.corpus import write_jsonl

ROOT = Path(__file__).parents[2]

PAGE = ROOT / "docs" / "python.md"

NEEDS_TORCH = "<!-- needs torch -->"


def examples(page: Path) -> list[tuple[str, bool]]:
    """The Python blocks of a page, and whether each needs torch."""
    parts = re.split(r"^```python\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [(part.split("```")[0], before.rstrip().endswith(NEEDS_TORCH)) for before, part in itertools.pairwise(parts)]


@pytest.mark.parametrize("page", [PAGE, ROOT / "README.md"], ids=lambda page: page.name)
def test_examples_run(
    page: Path, tmp_path: Path, corpus: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python blocks of a page run one after another in one namespace."""
    write_jsonl(tmp_path / "corpus.jsonl", corpus[:16])
    write_jsonl(tmp_path / "corpus" / "a.jsonl", corpus[:16])
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    torch_missing = importlib.util.find_spec("torch") is None
    for number, (code, needs_torch) in enumerate(examples(page)):
        if needs_torch and torch_missing:
            continue
        smaller = code.replace("vocab_size=30522", "vocab_size=2000")
        exec(compile(smaller, f"{page.name}, block {number}", "exec"), namespace)
    assert (tmp_path / "report.html").exists()


def test_every_public_name_is_on_the_page() -> None:
    """Each name of `nspdata.__all__` and `nspdata.beam.__all__` is explained."""
    text = PAGE.read_text(encoding="utf-8")
    explained = set(re.findall(r"\w+", text))
    other = {
        "__version__",
        "Dataset",
        "Estimate",
        "Examples",
        "TokenizerFit",
        "TrainedTokenizer",
    }  # what the functions return
    assert set(nspdata.__all__) - other <= explained
    assert set(nspdata.beam.__all__) <= explained
