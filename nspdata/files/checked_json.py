"""Parses untrusted JSON within limits and checks it against a subset of JSON Schema."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from nspdata.errors import ShardError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from nspdata.errors import NspdataError

Schema = dict[str, Any]
"""JSON Schema with the keywords `type`, `const`, `enum`, `minimum`, `maximum`, `pattern`, `maxLength`, `minItems`,
`maxItems`, `items`, `prefixItems`, `properties`, `required`, `additionalProperties` and `anyOf`."""

MAX_BYTES = 1_000_000_000
"""The largest file that is parsed, in bytes."""

NESTED = {dict, list}

MAX_DEPTH = 64
"""Maximum nesting depth of objects and arrays."""

LARGEST = 2**53
"""The largest count, size or position in a file: every JSON reader represents it exactly."""

INTEGER: Schema = {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST}
COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST}
NUMBER: Schema = {"type": "number"}
TEXT: Schema = {"type": "string", "maxLength": 1_000_000}
BOOLEAN: Schema = {"type": "boolean"}
SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
OBJECT: Schema = {"type": "object"}

KINDS: dict[str, tuple[Any, str]] = {
    "object": (dict, "an object"),
    "array": (list, "a list"),
    "string": (str, "a string"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": (bool, "true or false"),
    "null": (type(None), "null"),
}


def list_of(items: Schema, *, max_items: int = 100_000_000) -> Schema:
    """Returns the schema of a list whose items have one schema."""
    return {"type": "array", "items": items, "maxItems": max_items}


def tuple_of(*items: Schema) -> Schema:
    """Returns the schema of a list of so many items, each with its own schema.

    >>> check(["a", -1], tuple_of(TEXT, COUNT), name="f")
    Traceback (most recent call last):
        ...
    nspdata.errors.ShardError: f: [1] must be a whole number from 0 to 9007199254740992, not -1
    """
    return {"type": "array", "prefixItems": list(items), "minItems": len(items), "maxItems": len(items)}


def map_of(values: Schema) -> Schema:
    """Returns the schema of an object with any keys whose values have one schema."""
    return {"type": "object", "additionalProperties": values}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Returns the schema of an object with these keys; others are ignored."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def exactly(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Returns the schema of an object with exactly these keys."""
    return {**record(required, optional), "additionalProperties": False}


def one_of(*choices: Schema) -> Schema:
    """Returns the schema of a value that matches one of the schemas."""
    return {"anyOf": list(choices)}


def parse(data: bytes | str, *, name: str, schema: Schema | None = None, error: type[NspdataError] = ShardError) -> Any:
    """Parses and checks JSON.

    Args:
        data: UTF-8, at most `MAX_BYTES`.
        name: the file, for the message.
        schema: what it must be; None for anything.
        error: the exception class to raise.

    Raises:
        NspdataError: of the class `error`: not JSON, nested deeper than `MAX_DEPTH`, NaN or infinite, or not as `schema` says.

    >>> parse('{"rows": 3}', name="m.json", schema=record({"rows": COUNT}))
    {'rows': 3}
    """
    if len(data) > MAX_BYTES:
        raise error(f"{name}: {len(data):,} bytes; a file of this kind has at most {MAX_BYTES:,}")
    try:
        value = json.loads(data, parse_constant=_not_finite, parse_float=_finite)
        too_deep = _is_deep(value)
        if not too_deep and re.search(rb"\\u[dD][89a-fA-F]", data.encode() if isinstance(data, str) else data):
            json.dumps(value, ensure_ascii=False).encode()  # an unpaired surrogate is a ValueError
    except RecursionError:
        too_deep = True
    except ValueError as problem:
        raise error(f"{name}: not JSON ({problem}); the file is damaged, restore it from a copy") from problem
    if too_deep:
        raise error(f"{name}: nested deeper than {MAX_DEPTH} levels; the file is damaged, restore it from a copy")
    if schema is not None:
        check(value, schema, name=name, error=error)
    return value


def check(value: Any, schema: Schema, *, name: str, error: type[NspdataError] = ShardError) -> None:
    """Checks a parsed value.

    Raises:
        NspdataError: of the class `error`; the message names the file, the key, the rule and the value.

    >>> check({"rows": -1}, record({"rows": COUNT}), name="m.json")
    Traceback (most recent call last):
        ...
    nspdata.errors.ShardError: m.json: rows must be a whole number from 0 to 9007199254740992, not -1
    """
    if problem := _problem(value, schema, ""):
        key, rule, found = problem
        shown = rule if found is _MISSING else f"{rule}, not {_shortened(found)}"
        raise error(f"{name}: {key or 'the whole'} {shown}")


_MISSING = object()

_Problem = tuple[str, str, Any]


def _problem(value: Any, schema: Schema, key: str) -> _Problem | None:
    """Returns the first part of a value that violates its schema: its key, the rule, and the value."""
    if "anyOf" in schema:
        problems = [_problem(value, choice, key) for choice in schema["anyOf"]]
        return None if None in problems else problems[-1]
    if not _is_allowed(value, schema):
        return key, f"must be {_rule(schema)}", value
    if isinstance(value, dict):
        return _problem_in_object(value, schema, key)
    if isinstance(value, list) and "prefixItems" in schema:
        pairs = enumerate(zip(value, schema["prefixItems"], strict=True))
        return next(filter(None, (_problem(item, inner, f"{key}[{index}]") for index, (item, inner) in pairs)), None)
    if isinstance(value, list) and "items" in schema and not _all_counts(value, schema["items"]):
        for index, item in enumerate(value):
            if problem := _problem(item, schema["items"], f"{key}[{index}]"):
                return problem
    return None


def _problem_in_object(value: dict[str, Any], schema: Schema, key: str) -> _Problem | None:
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name in schema.get("required", ()):
        if name not in value:
            return _joined(key, name), "is missing", _MISSING
    if not known and isinstance(others, dict) and _all_counts(value.values(), others):
        return None
    for name, item in value.items():
        inner = known.get(name, others)
        if inner is False:
            return _joined(key, name), "is not a known key", _MISSING
        if isinstance(inner, dict) and (problem := _problem(item, inner, _joined(key, name))):
            return problem
    return None


def _is_allowed(value: Any, schema: Schema) -> bool:
    """Whether a value satisfies the keywords that do not concern its items or properties."""
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is_kind(value, kind) for kind in kinds):
        return False
    if "const" in schema and (value != schema["const"] or type(value) is not type(schema["const"])):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf))
    if isinstance(value, str):
        return len(value) <= schema.get("maxLength", len(value)) and bool(re.search(schema.get("pattern", ""), value))
    return not isinstance(value, list) or schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))


def _is_kind(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind][0]) and (kind == "boolean" or not isinstance(value, bool))


def _all_counts(values: Collection[Any], schema: Schema) -> bool:
    """A fast check of many plain integers; False means that each must be checked."""
    if schema.get("type") != "integer" or set(schema) - {"type", "minimum", "maximum"} or not values:
        return False
    if set(map(type, values)) != {int}:
        return False
    return bool(schema.get("minimum", -math.inf) <= min(values) and max(values) <= schema.get("maximum", math.inf))


def _rule(schema: Schema) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(json.dumps, schema['enum']))}"
    kinds = schema.get("type", [])
    rule = " or ".join(KINDS[kind][1] for kind in ([kinds] if isinstance(kinds, str) else kinds))
    if "minimum" in schema and "maximum" in schema:
        rule += f" from {schema['minimum']} to {schema['maximum']}"
    if "pattern" in schema:
        rule += f" like {schema['pattern']}"
    if "maxLength" in schema:
        rule += f" of at most {schema['maxLength']:,} characters"
    if "maxItems" in schema:
        rule += f" of at most {schema['maxItems']:,} items"
    return rule


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _joined(key: str, name: str) -> str:
    shown = name if name.isprintable() and len(name) <= 100 else ascii(name[:100])
    return f"{key}.{shown}" if key else shown


def _is_deep(value: Any) -> bool:
    level, depth = [value], 0
    while level := [item for item in level if type(item) in NESTED]:
        depth += 1
        if depth > MAX_DEPTH:
            return True
        level = [item for part in level for item in (part.values() if isinstance(part, dict) else part)]
    return False


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _not_finite(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")
