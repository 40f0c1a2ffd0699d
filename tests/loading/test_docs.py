"""The examples of docs/loading.md run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.datasets import write_dataset

PAGE = Path(__file__).parents[2] / "docs" / "loading.md"
NOT_RUN = "<!-- not run"


def examples() -> list[tuple[str, str]]:
    """The Python blocks of the page, each with its heading; not those that say they are not run."""
    text = PAGE.read_text(encoding="utf-8")
    found, heading = [], "First"
    for part in re.split(r"^(?=## |```python$)", text, flags=re.MULTILINE)[1:]:
        if part.startswith("## "):
            heading = part.splitlines()[0].removeprefix("## ")
        elif not text[: text.index(part)].rstrip().splitlines()[-1].startswith(NOT_RUN):
            found.append((heading, part.split("```")[1].removeprefix("python\n")))
    return found


def test_every_way_has_an_example() -> None:
    """The page shows the loops that people have, and the test finds them all."""
    found = [heading for heading, _ in examples()]
    assert found == [
        "First",
        "PyTorch",
        "Hugging Face Trainer",
        "Hugging Face Trainer",
        "accelerate",
        "Lightning",
        "JAX and numpy",
        "A loop in NVIDIA's style",
        "Packing",
        "Mixtures",
    ]
    assert PAGE.read_text(encoding="utf-8").count("```python") == len(found) + 1


RUN = """
import json, os, sys
for number, (heading, code) in enumerate(json.load(sys.stdin)):
    print(heading, file=sys.stderr, flush=True)
    os.makedirs(str(number))
    os.chdir(str(number))
    for name in ("data", "more"):
        os.symlink(f"../{name}", name)
    exec(compile(code, heading, "exec"), {"__name__": "__main__"})
    os.chdir("..")
"""


def test_examples_run(tmp_path: Path) -> None:
    """Every example runs as it stands, beside datasets of the names that it uses; the last heading printed is the one that failed."""
    for package in ("torch", "transformers", "accelerate", "datasets", "lightning"):
        pytest.importorskip(package)
    for name, seed in (("data", 0), ("more", 1)):
        write_dataset(tmp_path / name, rows=160, num_shards=2, max_seq_length=32, seed=seed)
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        input=json.dumps(examples()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
