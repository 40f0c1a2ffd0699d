"""Validation of datasets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from nspdata.api.inputs import Inputs
    from nspdata.validation.findings import Finding


def validate(
    dataset: str | os.PathLike[str],
    *,
    source: Inputs | None = None,
    fast: bool = False,
    workers: int = 1,
    on_progress: Callable[[str], None] | None = None,
) -> list[Finding]:
    """Checks every checksum, every row and every rule of a dataset; with `source`, every row against its documents.

    Args:
        dataset: the dataset directory, a path or a URL.
        source: everything that the dataset was built from, as it was given to `build`.
        fast: whether `source` is encoded by the fast encoder of a build instead of the plain one; the plain one then encodes
            a sample of 1% of the documents, which is compared.
        workers: processes; 0 for one per processor. The result is the same for any number.
        on_progress: called with a short text about what is being read.

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

    show = on_progress or (lambda _text: None)
    with validation.local_directory(os.fspath(dataset)) as directory:
        findings = validation.validate(directory, num_workers=workers, on_shard=lambda path, _size: show(path))
        if source is None:
            return findings
        from nspdata.api.inputs import as_paths, named_paths
        from nspdata.config.build import Config
        from nspdata.dataset.directory import open_directory

        files = named_paths(source) is not None  # of a dataset that cannot be opened, files can be checked all the same
        config = Config() if files else open_directory(directory).config
        with as_paths(source, config.input, language_field=config.sentences.language_field) as paths:
            more = validation.validate_source(
                directory,
                paths,
                fast=fast,
                num_workers=workers,
                on_read=lambda size: show(f"{size / 1e6:,.0f} MB of text read"),
            )
    return findings + [finding for finding in more if finding not in findings]
