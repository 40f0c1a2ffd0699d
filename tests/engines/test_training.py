"""Training on a dataset in an object store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.building.corpus import INAUGURAL, digests, nspdata_command, write_vocabulary
from tests.servers import Server, server

__all__ = ["server"]

pytestmark = pytest.mark.engines


def test_training_on_a_url(server: Server, tmp_path: Path) -> None:
    """Two steps on the URL give the losses of two steps on the directory."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    nspdata_command(
        "build", INAUGURAL, "-o", tmp_path / "out", "--tokenizer", vocabulary, "--set", "output.num_shards=2"
    )
    for path in [*digests(tmp_path / "out"), "README.md"]:
        server.write(f"data/{path}", (tmp_path / "out" / path).read_bytes())
    options = ("--model", "tiny", "--steps", 2, "--set", "log.every=1")
    losses = []
    for name, place in {"near": tmp_path / "out", "far": f"{server.url}/data"}.items():
        nspdata_command("train", place, "-o", tmp_path / name, *options, NSPDATA_CACHE=str(tmp_path / "cache"))
        lines = (tmp_path / name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        losses.append([line.get("loss") for line in map(json.loads, lines)])
    assert losses[0] == losses[1]
    assert losses[0]
