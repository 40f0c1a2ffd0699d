"""Beam's lineage of a build: what it read, and which directory it wrote (`apache_beam.metrics.metric.Lineage`).

Called from inside of a step. Paths of file systems that Beam does not know are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apache_beam.io.filesystems import FileSystems

if TYPE_CHECKING:
    from collections.abc import Sequence


def report_sources(paths: Sequence[str]) -> None:
    """Reports the file of a unit of input, or the directories of its files if there are several."""
    for path in paths if len(paths) == 1 else {path.rpartition("/")[0] for path in paths}:
        if _known(path):
            FileSystems.report_source_lineage(path)


def report_sink(output: str) -> None:
    """Reports the dataset directory."""
    if _known(output):
        FileSystems.report_sink_lineage(output)


def _known(path: str) -> bool:
    try:
        FileSystems.get_filesystem(path)
    except ValueError:
        return False
    return True
