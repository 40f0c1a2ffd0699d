"""Memory: what a process has at most does not grow with the dataset."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nspdata.dataset.manifest import read_manifest
from tests.datasets import rewrite_manifest, write_dataset

CODE = """
import sys
from pathlib import Path
from nspdata.loading import Loader
for batches, _ in enumerate(Loader(sys.argv[1], batch_size=256)):
    if batches == 1200:
        break
line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(line.split()[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the memory of a process")
def test_memory_is_bounded(tmp_path: Path) -> None:
    """Four windows of a dataset of 2.6 GB take less than 400 MB, pages of mapped shards counted."""
    directory = write_dataset(tmp_path / "data", rows=80_000, num_shards=2, max_seq_length=128, vocab_size=30_522)
    entries = read_manifest(directory).splits["train"]
    copies = []
    for number in range(100):
        for entry in entries:
            path = entry.path.replace("data-", f"copy{number}-")
            os.link(directory / entry.path, directory / path)
            copies.append(dataclasses.replace(entry, path=path))
    rewrite_manifest(directory, splits={"train": copies})
    assert sum(entry.bytes for entry in copies) > 2.5e9
    done = subprocess.run([sys.executable, "-c", CODE, str(directory)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400
