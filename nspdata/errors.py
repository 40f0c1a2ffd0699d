"""The errors that a user can fix; each message names the rule, the value and the remedy."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


EXTRAS = {
    "apache_beam": "build",
    "orjson": "build",
    "spacy": "build",
    "tokenizers": "build",
    "xxhash": "build",
    "zstandard": "build",
    "apitools": "gcp",
    "google": "gcp",
    "fsspec": "remote",
    "jinja2": "report",
    "jsonschema": "report",
    "matplotlib": "report",
    "sklearn": "report",
    "threadpoolctl": "report",
    "datasets": "datasets",
    "numba": "fast",
    "torch": "train",
    "transformers": "train",
    "safetensors": "train",
    "tensorboard": "train",
    "typer": "cli",
    "rich": "cli",
    "click": "cli",
}
"""Which extra of nspdata installs a package."""


class BuildWarning(UserWarning):
    """A figure of a corpus or a dataset is out of range; `nspdata.build` gives one for each, with `warnings.warn`.

    >>> import warnings
    >>> warnings.warn("36% of a batch is padding", BuildWarning)  # doctest: +SKIP
    """


LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that break a line or control a terminal; a path or a damaged file can bring them into a message."""


class NspdataError(Exception):
    """Base of every error that nspdata raises on purpose. The text is one line.

    >>> try:
    ...     raise ShardError("data: no manifest.json")
    ... except NspdataError as error:
    ...     print(error)
    data: no manifest.json
    """

    def __str__(self) -> str:
        text = super().__str__().replace("\r\n", " ").replace("\n", " ")
        return LINE_BREAKS.sub(lambda found: ascii(found[0])[1:-1], text)


class ConfigError(NspdataError):
    """A setting or an argument is wrong (exit code 2).

    >>> raise ConfigError("seed must be a whole number, not 'one'")
    Traceback (most recent call last):
    nspdata.errors.ConfigError: seed must be a whole number, not 'one'
    """


class InputError(NspdataError):
    """The documents, or the directory they are in, cannot be used (exit code 1).

    >>> raise InputError("corpus/*.jsonl matches no file")
    Traceback (most recent call last):
    nspdata.errors.InputError: corpus/*.jsonl matches no file
    """


class UnsoundInputError(InputError):
    r"""Figures of the corpus are out of range; the message has one finding per line (exit code 1).

    >>> raise UnsoundInputError("the build stops:\n  - 90% of the tokens are in no row")
    Traceback (most recent call last):
    nspdata.errors.UnsoundInputError: the build stops:
      - 90% of the tokens are in no row
    """

    def __str__(self) -> str:
        return "\n".join(str(InputError(line)) for line in Exception.__str__(self).split("\n"))


class WorkerError(NspdataError):
    """A worker process ended before its work was done (exit code 1).

    >>> raise WorkerError("a worker process exited with code 3")
    Traceback (most recent call last):
    nspdata.errors.WorkerError: a worker process exited with code 3
    """


class ShardError(NspdataError):
    """A dataset directory is unfinished, corrupt, or not what its manifest says (exit code 1).

    >>> raise ShardError("data: no manifest.json, so this is not a finished dataset")
    Traceback (most recent call last):
    nspdata.errors.ShardError: data: no manifest.json, so this is not a finished dataset
    """


def missing_package(error: ModuleNotFoundError) -> str:
    """Returns the line for a package that is not installed, with the extra that installs it; "" for a module of nspdata.

    >>> missing_package(ModuleNotFoundError(name="spacy.tokens"))
    "needs the package 'spacy': pip install 'nspdata[build]'"
    """
    package = (error.name or "").partition(".")[0]
    if package in {"", "nspdata"}:
        return ""
    return f"needs the package {package!r}: pip install 'nspdata[{EXTRAS.get(package, 'all')}]'"


@contextmanager
def naming_extra(what: str) -> Iterator[None]:
    """Adds the extra to a `ModuleNotFoundError` of the block.

    Args:
        what: the name of the function that needs the package.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if not (message := missing_package(error)):
            raise
        raise ModuleNotFoundError(f"{what} {message}", name=error.name, path=error.path) from error


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Adds the path to an `OSError` of the block that has none: a failed write knows only a file descriptor."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise
