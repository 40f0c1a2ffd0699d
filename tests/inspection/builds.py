"""Builds in this process, which has imported everything already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nspdata.building.prepare import prepare
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.dataset.manifest import Manifest
from nspdata.files.any import AnyFiles
from nspdata.pipelines.run import run_build


def build(corpus: Path, output: Path, vocabulary: Path, settings: dict[str, Any] | None = None) -> Manifest:
    """Builds a dataset and gives its manifest."""
    config = from_dict(Config, settings or {})
    return run_build(prepare([str(corpus)], str(output), str(vocabulary), config, AnyFiles()), num_workers=1)
