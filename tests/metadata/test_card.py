"""The dataset card loads the dataset in five ways."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nspdata.dataset.manifest import read_manifest
from nspdata.metadata.card import card
from nspdata.statistics.recompute import recompute
from tests.datasets import write_dataset
from tests.skips import require


def test_the_code_of_a_card_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Each block on its own, in the directory of the dataset; it warns of masking twice."""
    from nspdata.metadata.huggingface import dataset_files

    require("datasets", "torch")
    data = write_dataset(tmp_path / "data", rows=12, num_shards=1, max_seq_length=32)
    manifest = read_manifest(data)
    from nspdata.dataset.directory import open_directory
    from nspdata.dataset.schema import row_schema

    text = card(manifest, recompute(data))
    (data / "README.md").write_text(text)
    for name, content in dataset_files(manifest.splits, row_schema(open_directory(data).metadata)).items():
        (data / name).write_bytes(content)
    monkeypatch.chdir(data)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 5
    for code in blocks:
        exec(compile(code, "README.md", "exec"), {})
        assert capsys.readouterr().out
    assert "a collator that masks again" in text
