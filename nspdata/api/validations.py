"""Validation of datasets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nspdata.api.inputs import Inputs
    from nspdata.validation.findings import Finding


def validate(dataset: str | os.PathLike[str], *, source: Inputs | None = None, fast: bool = False) -> list[Finding]:
    """Checks every checksum, every row and every rule of a dataset; with `source`, every row against its documents.

    Args:
        dataset: the dataset directory.
        source: everything that the dataset was built from, as it was given to `build`.
        fast: whether `source` is encoded by the fast encoder of a build instead of the plain one.

    Returns:
        What is wrong; an empty list if the dataset is valid.

    Raises:
        ShardError: the directory holds no finished dataset.
        InputError: the source cannot be read.

    >>> import nspdata
    >>> nspdata.validate("data", source="corpus.jsonl")
    []
    """
    from nspdata import validation

    directory = os.fspath(dataset)
    findings = validation.validate(directory)
    if source is None:
        return findings
    from nspdata.api.inputs import as_paths
    from nspdata.dataset.directory import open_directory

    with as_paths(source, open_directory(directory).config.input) as paths:
        more = validation.validate_source(directory, paths, fast=fast)
    return findings + [finding for finding in more if finding not in findings]
