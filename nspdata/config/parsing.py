"""Reads settings from TOML, `key=value` assignments and flags into frozen dataclasses; knows no setting itself."""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def require(key: str, value: object, rule: str, *, holds: bool) -> None:
    """Raises ConfigError if a setting breaks its rule.

    Raises:
        ConfigError: it does not hold.
    """
    if not holds:
        raise ConfigError(f"{key} must be {rule}, not {value!r}")


def flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens nested settings to dotted keys.

    >>> flat({"seed": 1, "pairing": {"unit": "sentences"}})
    {'seed': 1, 'pairing.unit': 'sentences'}
    """
    result: dict[str, Any] = {}
    for key, value in tables.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return result


Table = typing.TypeVar("Table")


def from_dict(
    kind: type[Table], values: Mapping[str, Any], *, prefix: str = "", root: type[Any] | None = None
) -> Table:
    """Builds a tree of frozen dataclasses from nested dictionaries.

    Raises:
        ConfigError: an unknown key (the nearest known one is named), a value of the wrong type, or one out of range.

    >>> from nspdata.config.build import Config
    >>> from_dict(Config, {"pairing": {"max_seq_length": 512}}).pairing.max_seq_length
    512
    """
    hints = typing.get_type_hints(kind)
    arguments = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        if name not in hints:
            raise ConfigError(f"unknown setting {key!r}; {_nearest(key, root or kind)}")
        arguments[name] = _checked(hints[name], value, key, root or kind)
    return kind(**arguments)


def _nearest(key: str, root: type[Any]) -> str:
    """The setting that an unknown key may mean, found by its whole name and by its last part."""
    known = _names(root)
    last = key.rpartition(".")[2]
    if same := [name for name in known if name.rpartition(".")[2] == last]:
        return f"did you mean {' or '.join(map(repr, same))}?"
    close = difflib.get_close_matches(last, [name.rpartition(".")[2] for name in known], n=1, cutoff=0.75)
    whole = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
    if close and difflib.SequenceMatcher(None, key, whole).ratio() < 0.9:
        whole = next(name for name in known if name.rpartition(".")[2] == close[0])
    table = whole.rpartition(".")[0]
    beside = sorted(name for name in known if name.rpartition(".")[0] == table)
    return f"did you mean {whole!r}? Known {'there' if table else 'here'}: {', '.join(beside)}"


def _names(kind: type[Any], prefix: str = "") -> list[str]:
    """The dotted name of every setting; tables are left out."""
    names: list[str] = []
    for name, hint in typing.get_type_hints(kind).items():
        inner = dataclasses.is_dataclass(hint)
        names += _names(typing.cast("type[Any]", hint), f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
    return names


def _checked(hint: Any, value: Any, key: str, root: type[Any]) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"{key} is a table of settings, not {value!r}")
        return from_dict(typing.cast("type[Any]", hint), value, prefix=f"{key}.", root=root)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{key} must be one of {', '.join(map(repr, get_args(hint)))}, not {value!r}")
        return value
    if get_origin(hint) in {tuple, dict}:
        return _collection(hint, value, key, root)
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{key} must be of type {hint.__name__}, not {value!r}")
    return value


def _collection(hint: Any, value: Any, key: str, root: type[Any]) -> Any:
    """A list of one kind as a tuple, or a table of one kind; each item is checked."""
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{key} is a list, not {value!r}")
        return tuple(_checked(get_args(hint)[0], item, f"{key}[{number}]", root) for number, item in enumerate(value))
    if not isinstance(value, dict):
        raise ConfigError(f"{key} is a table, not {value!r}")
    kind = get_args(hint)[1]
    return {name: item if kind is Any else _checked(kind, item, f"{key}.{name}", root) for name, item in value.items()}


def read_settings(text: str, assignments: Iterable[str] = ()) -> dict[str, Any]:
    """Reads TOML and lays `key=value` assignments over it; a value is TOML, or else a plain string.

    Raises:
        ConfigError: the text is not TOML, or an assignment has no `=`.

    >>> read_settings("seed = 1", ["pairing.unit=sentences", "seed=2"])
    {'seed': 2, 'pairing': {'unit': 'sentences'}}
    """
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the settings are not TOML: {error}") from error
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(f"a setting is written key=value, not {assignment!r}")
        *path, name = key.strip().split(".")
        table = settings
        for part in path:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise ConfigError(f"{key!r}: {part!r} is a value, not a table of settings")
        table[name] = _toml_value(value.strip())
    return settings


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def assigned(flags: Mapping[str, Any]) -> list[str]:
    """The flags that were given as `key=value` assignments, each value as TOML.

    >>> assigned({"seed": 3, "input.text_field": "body", "input.id_field": None})
    ['seed=3', 'input.text_field="body"']
    """
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in flags.items() if value is not None]


def read_text(path: str | Path | None) -> str:
    """The text of a settings file; "" for none. Older versions of typer give the path as text.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8") if path else ""
    except OSError as error:
        raise ConfigError(f"--config {path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"--config {path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error


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
