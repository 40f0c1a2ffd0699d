"""Options of object stores: Beam's own names (`--s3_endpoint_url`, `--no_auth`), given once to a command and used by every reader and writer."""

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
    """Sets the options in a worker that has none: an engine may pass on no options of the pipeline."""
    if options and not _CONFIGURED and _passed() is None:
        configure(options)


def configured() -> tuple[str, ...]:
    """The options given to `configure`; none in a worker that another process started."""
    return _CONFIGURED[-1] if _CONFIGURED else ()


def is_worker() -> bool:
    """Whether a Beam engine started this process: the engine has passed the options on, and the launcher has checked them."""
    return _passed() is not None


def values() -> dict[str, Any]:
    """The options by name, without the leading dashes; a flag without a value is True."""
    passed = _passed()
    return parse(configured()) if passed is None else passed


def _passed() -> dict[str, Any] | None:
    """What Beam's engine passed on to this process; None where it did not start it. Beam is not imported for this."""
    module = sys.modules.get("apache_beam.options.value_provider")
    passed = None if _CONFIGURED or module is None else module.RuntimeValueProvider.runtime_options
    return None if passed is None else dict(passed)


def parse(options: Sequence[str]) -> dict[str, Any]:
    """Names and values of command-line options.

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
