"""The sample of an input of many small files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import pytest

from nspdata.config.input import InputConfig
from nspdata.files.local import LocalFiles
from nspdata.reading import expand_inputs, survey
from nspdata.reading.survey import take_sample
from nspdata.reading.units import expected_text_bytes
from tests.reading.formats import jsonl


class Opened(LocalFiles):
    """Local files, with the paths that were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: set[str] = set()

    def open(self, path: str) -> BinaryIO:
        self.paths.add(path)
        return super().open(path)


@pytest.mark.parametrize(("kept_bytes", "least", "most"), [(200, 9, 11), (2000, 14, 18), (10_000, 40, 40)])
def test_few_of_many_small_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_bytes: int, least: int, most: int
) -> None:
    """About `READ_FILES`, or as many as have the text that is kept, or all of a small input; the totals are estimated from them."""
    monkeypatch.setattr(survey, "READ_FILES", 10)
    for number in range(40):
        (tmp_path / f"{number}.jsonl").write_bytes(jsonl([(f"{number:02d}", "Ein Satz. " * 10)]))
    sources = expand_inputs([str(tmp_path)], LocalFiles())
    files: Any = Opened()
    sample = take_sample(
        sources,
        files,
        InputConfig(),
        expected_bytes=expected_text_bytes(sources),
        read_bytes=100_000,
        kept_bytes=kept_bytes,
    )
    assert least <= len(files.paths) <= most
    assert round(sample.counts["documents"]) == 40
    assert round(sample.counts["text_bytes"]) == 4000
    assert sample.whole == (most == 40)
