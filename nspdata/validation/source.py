"""Checks a dataset against its source: reads and tokenizes the documents again, and looks up every row in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.validation.fetching import local_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nspdata.validation.findings import Finding


def validate_source(
    directory: str | Path,
    inputs: Sequence[str],
    *,
    fast: bool = False,
    num_workers: int = 1,
    on_read: Callable[[int], None] = lambda _size: None,
) -> list[Finding]:
    """Checks every row of a dataset directory against the documents that it was built from.

    Rows with an invalid shape are skipped here; `validate` reports them.

    Args:
        directory: a dataset directory; one behind a URL is copied to a temporary directory first.
        inputs: what it was built from, all of it, as `build` was given it.
        fast: whether the fast encoder of a build is used; a sample of the documents is then encoded by the plain one too,
            and compared. Otherwise the plain one encodes every document.
        num_workers: processes that encode documents and look up rows; 0 for one per processor. The findings are the same
            for any number.
        on_read: called with the number of bytes of text read so far.

    Returns:
        What is wrong; an empty list if the dataset is valid.

    Raises:
        ShardError: the directory holds no manifest.
        InputError: an input cannot be read.
        ConfigError: the pipeline that split the sentences is not installed.
    """
    from nspdata.validation.comparing import compare  # needs the packages of nspdata[build]

    with local_directory(directory) as place:
        return compare(place, inputs, fast=fast, num_workers=num_workers, on_read=on_read)
