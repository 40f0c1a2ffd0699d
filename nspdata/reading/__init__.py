"""Reads input files of every format into batches of documents; bad records are counted and kept.

The names are imported when they are first used, because statistics need the reasons of rejections without the readers' packages.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nspdata.reading.inputs import expand_inputs
    from nspdata.reading.read import read_source
    from nspdata.reading.records import REASONS, ReadBatch, Rejected
    from nspdata.reading.sampling import sample_documents, sample_with_languages
    from nspdata.reading.sources import Source
    from nspdata.reading.units import split_sources

__all__ = [
    "REASONS",
    "ReadBatch",
    "Rejected",
    "Source",
    "expand_inputs",
    "read_source",
    "sample_documents",
    "sample_with_languages",
    "split_sources",
]

_MODULES = {
    "REASONS": "records",
    "ReadBatch": "records",
    "Rejected": "records",
    "Source": "sources",
    "expand_inputs": "inputs",
    "read_source": "read",
    "sample_documents": "sampling",
    "sample_with_languages": "sampling",
    "split_sources": "units",
}


def __getattr__(name: str) -> Any:
    """Imports a name when it is first used (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
