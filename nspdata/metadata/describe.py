"""The files that describe a dataset: statistics, card and Croissant record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.dataset.manifest import STATISTICS
from nspdata.metadata.card import card
from nspdata.metadata.croissant import croissant
from nspdata.statistics import to_dict, to_json

if TYPE_CHECKING:
    from nspdata.dataset.manifest import Manifest
    from nspdata.statistics import Statistics


def describe(manifest: Manifest, statistics: Statistics, command: str) -> dict[str, bytes]:
    """The files that describe a dataset to people and to catalogues, by path."""
    return {
        STATISTICS: (to_json(to_dict(statistics)) + "\n").encode(),
        "README.md": card(manifest, statistics, command=command).encode(),
        "croissant.json": croissant(manifest).encode(),
    }
