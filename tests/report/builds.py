"""Builds in this process, which has imported everything already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nspdata.build.places import Places
from nspdata.build.prepare import prepare
from nspdata.build.run import run_build
from nspdata.config import Config, from_dict
from nspdata.shards import Manifest


def build(corpus: Path, output: Path, vocabulary: Path, settings: dict[str, Any] | None = None) -> Manifest:
    """Builds a dataset and gives its manifest."""
    config = from_dict(Config, settings or {})
    return run_build(prepare([str(corpus)], str(output), str(vocabulary), config, Places()), num_workers=1)
