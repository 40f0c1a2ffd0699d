"""Rows that other programs made, as a dataset."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nspdata.api.datasets import Dataset


def import_rows(  # noqa: PLR0913 - the options of the command
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    kind: str,
    tokenizer: str | os.PathLike[str],
    overwrite: bool = False,
    command: str = "",
    on_rows: Callable[[int], None] = lambda _rows: None,
) -> Dataset:
    """Makes a dataset directory of rows from Google's script or from a CSV file of ids; see docs/export.md.

    Args:
        inputs: files, directories or globs, or their URLs; a file below a directory named `validation` or `test` belongs to that split.
        output: the directory to write, a path or a URL.
        kind: `tfrecord` or `csv`.
        tokenizer: the one that the rows were made with: a `vocab.txt`, a `tokenizer.json`, or a directory.
        overwrite: whether a dataset in the directory may be replaced.
        command: how it was made, for the dataset card.
        on_rows: called with the number of rows written so far.

    Raises:
        ConfigError: the directory holds something else.
        InputError: a file or a record cannot be used; the message names it.

    >>> import nspdata
    >>> nspdata.import_rows("course/*.csv", "imported", kind="csv", tokenizer="tokenizer")  # doctest: +SKIP
    Dataset('imported': train ... rows, ... tokens; ...)
    """
    from nspdata.api.datasets import open_dataset
    from nspdata.importing.run import make_import, run_import

    named = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
    job = make_import([os.fspath(name) for name in named], kind, os.fspath(tokenizer), command=command)
    run_import(job, os.fspath(output), overwrite=overwrite, on_rows=on_rows)
    return open_dataset(output)
