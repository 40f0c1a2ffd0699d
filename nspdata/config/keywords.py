"""Settings as Python keywords: `max_seq_length=128` or `pairing__max_seq_length=128`."""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nspdata.errors import ConfigError


def nested_settings(kind: type[Any], base: object, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as nested dictionaries: those of `base`, overridden by the keywords.

    Args:
        kind: the settings class.
        base: an instance of `kind`, the path of a TOML file, a mapping of tables, or None.
        keywords: a setting's whole name with `__` for the dots, or its last part if only one setting ends so.

    Raises:
        ConfigError: a keyword is no setting, or several settings end so; or the file cannot be read.

    >>> from nspdata.config.build import Config
    >>> nested_settings(Config, None, {"max_seq_length": 64, "input__format": "csv"})
    {'pairing': {'max_seq_length': 64}, 'input': {'format': 'csv'}}
    """
    tables = _tables(kind, base)
    for keyword, value in keywords.items():
        *path, name = _dotted(kind, keyword).split(".")
        table = tables
        for part in path:
            table = table.setdefault(part, {})
        table[name] = {**table.get(name, {}), **value} if isinstance(value, Mapping) else value
    return tables


def setting_names(kind: type[Any], prefix: str = "") -> list[str]:
    """The dotted name of every setting and of every table of settings."""
    names = []
    for name, hint in typing.get_type_hints(kind).items():
        names.append(f"{prefix}{name}")
        if dataclasses.is_dataclass(hint):
            names += setting_names(typing.cast("type[Any]", hint), f"{prefix}{name}.")
    return names


def _dotted(kind: type[Any], keyword: str) -> str:
    known = setting_names(kind)
    wanted = keyword.replace("__", ".")
    if wanted in known:
        return wanted
    ends = [name for name in known if name.rpartition(".")[2] == wanted]
    if len(ends) == 1:
        return ends[0]
    if ends:
        several = " or ".join(name.replace(".", "__") for name in ends)
        raise ConfigError(f"the keyword {keyword!r} may mean several settings; write {several}")
    parts = {name.rpartition(".")[2]: name for name in known} | {name: name for name in known}
    near = parts[difflib.get_close_matches(wanted, parts, n=1, cutoff=0.0)[0]]
    raise ConfigError(
        f"unknown keyword {keyword!r}; did you mean {near.replace('.', '__')!r}? Every setting is in docs/settings.md"
    )


def _tables(kind: type[Any], base: object) -> dict[str, Any]:
    if base is None:
        return {}
    if isinstance(base, kind):
        return dict(base.to_dict())
    if isinstance(base, str | os.PathLike):
        try:
            return tomllib.loads(Path(base).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"config={os.fspath(base)!r}: cannot be read ({error.strerror}); give a TOML file"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"config={os.fspath(base)!r}: not TOML ({error}); see docs/settings.md") from error
    if isinstance(base, Mapping):
        return {key: dict(value) if isinstance(value, Mapping) else value for key, value in base.items()}
    raise ConfigError(
        f"config must be settings of the class {kind.__name__}, the path of a TOML file or a mapping of tables, not a {type(base).__name__}"
    )
