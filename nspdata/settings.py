"""Settings from the command line: a file, `--set key=value` over it, and the flags over both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nspdata.config import Config, from_dict, read_settings
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def load_config(path: Path | None, assignments: Sequence[str], flags: dict[str, Any]) -> Config:
    """Reads the settings of a build.

    Args:
        path: a TOML file, or None.
        assignments: `key=value` strings.
        flags: dotted keys and the values that flags gave; None where a flag was not given.
    """
    return from_dict(Config, read_settings(read_text(path), [*assignments, *assigned(flags)]))


def assigned(flags: Mapping[str, Any]) -> list[str]:
    """The flags that were given as `key=value` assignments, each value as TOML.

    >>> assigned({"seed": 3, "input.text_field": "body", "input.id_field": None})
    ['seed=3', 'input.text_field="body"']
    """
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in flags.items() if value is not None]


def read_text(path: Path | None) -> str:
    """The text of a settings file; "" for none.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8") if path else ""
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
