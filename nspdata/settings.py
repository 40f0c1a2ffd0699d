"""Settings from the command line: a file, `--set key=value` over it, and the flags over both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nspdata.config import Config, from_dict, read_settings
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def load_config(path: Path | None, assignments: Sequence[str], flags: dict[str, Any]) -> Config:
    """Reads the settings of a build.

    Args:
        path: a TOML file, or None.
        assignments: `key=value` strings.
        flags: dotted keys and the values that flags gave; None where a flag was not given.
    """
    settings = read_settings(_text(path), assignments)
    for key, value in flags.items():
        if value is not None:
            *tables, name = key.split(".")
            table = settings
            for part in tables:
                table = table.setdefault(part, {})
            table[name] = value
    return from_dict(Config, settings)


def _text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--config {path}: cannot be read ({error.strerror})") from error


def share(text: str | None) -> float | None:
    """A share as `0.01` or `1%`.

    >>> share("1%"), share("0.5")
    (0.01, 0.5)
    """
    if text is None:
        return None
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise ConfigError(f"a share is written like 0.01 or 1%, not {text!r}") from error
