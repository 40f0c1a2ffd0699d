"""The shared real texts next to a checkout; tests are skipped with a reason if they are missing."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(os.environ.get("NSPDATA_SHARED", Path(__file__).parents[2] / "shared")) / "data"


def shared(name: str) -> Path:
    """The path of a shared file or directory; skips the test where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs the shared text {name}, which is not beside this checkout (set NSPDATA_SHARED)")
    return path


def documents(path: Path, *, limit: int | None = None) -> list[dict[str, Any]]:
    """The records of a JSON lines file, gzipped or not."""
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as lines:
        return [json.loads(line) for _, line in zip(range(limit or 1 << 60), lines, strict=False)]
