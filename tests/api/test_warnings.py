"""Figures out of range are Python warnings of the line that calls `nspdata.build`."""

from __future__ import annotations

import warnings
from pathlib import Path

import nspdata


def test_a_build_warns_of_figures_out_of_range(inside: Path) -> None:
    """Once for each figure: from the sample before the work, and at the end only what the sample did not show."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        dataset = nspdata.build("corpus.jsonl", "zh", tokenizer="tokenizer", language="zh", workers=1)
    given = [warning for warning in found if warning.category is nspdata.BuildWarning]
    assert [warning.filename for warning in given] == [__file__] * len(given)
    named = [str(warning.message) for warning in given if "sentences.language" in str(warning.message)]
    assert len(named) == 1
    assert named[0].startswith("sample: 100% of the letters are in a script that sentences.language = 'zh' is not")
    assert "language" in {warning.key for warning in dataset.warnings}
