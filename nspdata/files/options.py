"""Options of object stores with Beam's names (`--s3_endpoint_url`, `--no_auth`), for all readers and writers of a process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONFIGURED: list[tuple[str, ...]] = []


def configure(options: Sequence[str]) -> None:
    """Sets the options of all object stores in this process and in those that it forks; call it before the first use.

    Args:
        options: Beam's options, such as `--s3_endpoint_url=http://localhost:9000`; options of other parts are ignored.
    """
    _CONFIGURED[:] = [tuple(options)]


def receive(options: Sequence[str]) -> None:
    """Sets the options in a worker without options, because an engine may not pass on the options of the pipeline."""
    if options and not _CONFIGURED and _passed() is None:
        configure(options)


def configured() -> tuple[str, ...]:
    """Returns the options given to `configure`; empty in a worker that another process started."""
    return _CONFIGURED[-1] if _CONFIGURED else ()


def is_worker() -> bool:
    """Whether a Beam engine started this process. The engine then passes the options, which the launcher has checked."""
    return _passed() is not None


def values() -> dict[str, Any]:
    """Returns the options by name, without the leading dashes; a flag without a value is True."""
    passed = _passed()
    return parse(configured()) if passed is None else passed


def _passed() -> dict[str, Any] | None:
    """Returns the options that Beam's engine passed to this process; None if it did not start it. Does not import Beam."""
    module = sys.modules.get("apache_beam.options.value_provider")
    passed = None if _CONFIGURED or module is None else module.RuntimeValueProvider.runtime_options
    return None if passed is None else dict(passed)


def parse(options: Sequence[str]) -> dict[str, Any]:
    """Parses names and values of command-line options.

    >>> parse(["--s3_endpoint_url", "http://localhost:9000", "--no_auth", "--region=eu"])
    {'s3_endpoint_url': 'http://localhost:9000', 'no_auth': True, 'region': 'eu'}
    """
    found: dict[str, Any] = {}
    name = ""
    for option in options:
        if option.startswith("--"):
            name, separator, value = option.removeprefix("--").partition("=")
            found[name] = value if separator else True
        elif name and found[name] is True:
            found[name] = option
    return found
