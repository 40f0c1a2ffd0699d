"""Finds the text and the id in a record: field names, dotted paths, and a different field per file."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nspdata.config.input import InputConfig

PARAGRAPH = "\n\n"
"""Joins a text that is given as a list of paragraphs."""


def fields_of(settings: InputConfig, name: str) -> tuple[str, str]:
    """The field of the text and the field of the id in one input file.

    Args:
        settings: `text_field` and `id_field` are a field name, or rules `GLOB=FIELD` separated by commas.
        name: the file's name, relative to the directory that all inputs share.

    >>> from nspdata.config.build import InputConfig
    >>> fields_of(InputConfig(text_field="web/*.csv=body,content"), "web/a.csv")
    ('body', 'id')
    >>> fields_of(InputConfig(text_field="web/*.csv=body,content"), "b.jsonl")
    ('content', 'id')
    """
    return _field(settings.text_field, name, "text"), _field(settings.id_field, name, "id")


def language_field_of(rules: str, name: str) -> str:
    """The field of the language in one input file; "" if no rule matches.

    >>> language_field_of("meta.lang", "a.jsonl"), language_field_of("web/*=lang", "a.jsonl")
    ('meta.lang', '')
    """
    return _field(rules, name, "")


def _field(rules: str, name: str, default: str) -> str:
    if "=" not in rules:
        return rules
    for rule in rules.split(","):
        pattern, equals, field = rule.rpartition("=")
        if not equals:
            default = field
        elif matches(name, [pattern]):
            return field
    return default


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a file's relative name, its base name or one of its directories matches one of the globs.

    >>> matches("logs/2024/a.txt", ["*.md", "logs/*"]), matches("a.txt", ["*.md"])
    (True, False)
    """
    parts = name.split("/")
    candidates = [name, *parts, *("/".join(parts[start:]) for start in range(1, len(parts)))]
    return any(fnmatchcase(candidate, pattern) for pattern in patterns for candidate in candidates)


def lookup(record: Mapping[str, Any], path: str) -> Any:
    """The value of a field. A dot descends into an object, and into each object of a list.

    >>> lookup({"payload": {"text": "x"}}, "payload.text"), lookup({"a.b": 1}, "a.b")
    ('x', 1)
    >>> lookup({"sections": [{"text": "x"}, {"text": "y"}]}, "sections.text")
    ['x', 'y']
    """
    if path in record or "." not in path:
        return record.get(path)
    value: Any = record
    for key in path.split("."):
        value = [_step(item, key) for item in value] if isinstance(value, list) else _step(value, key)
    return value


def _step(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def joined(value: Any) -> Any:
    r"""Joins a list of paragraphs into one text; returns other values unchanged.

    >>> joined(["One.", None, "Two."]), joined("One."), joined([1])
    ('One.\n\nTwo.', 'One.', [1])
    """
    if not isinstance(value, list):
        return value
    items = [item for item in value if item is not None]
    if all(isinstance(item, str) for item in items):
        return PARAGRAPH.join(filter(None, items))
    if all(isinstance(item, bytes) for item in items):
        return PARAGRAPH.encode().join(filter(None, items))
    return value
