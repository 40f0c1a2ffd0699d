"""JSON with hostile values."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from nspdata.files.checked_json import LARGEST

HOSTILE: list[Any] = [
    None, True, False, -1, 0, 1, 0.5, -0.0, 10**12, -(10**12), LARGEST + 1, 10**30, 1e308, "", "x", "\x00", "\ud800", "../../etc",
    "9" * 500, [], [[]], {}, {"": None}, [None], [-1], [10**30], [0.5], {"a": {"b": []}},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values, the first few of long lists only."""
    yield path
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for index, (key, item) in enumerate(items):
        if index < 12:
            yield from places(item, (*path, key))


def mutated(text: bytes, number: int) -> bytes:
    """The text with one or two values replaced, removed or added, or some bytes changed."""
    chance = random.Random(number)  # a seed of its own: a failure is repeated by its number
    if number % 4 == 0:
        data = bytearray(text)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        return bytes(data) if chance.random() < 0.7 else bytes(data[: chance.randrange(len(data))])
    value = {"whole": json.loads(text)}
    for _ in range(chance.randint(1, 2)):
        *path, last = chance.choice(list(places(value))[1:])
        inner: Any = value
        for key in path:
            inner = inner[key]
        action = chance.random()
        if action < 0.7:
            inner[last] = copy.deepcopy(chance.choice(HOSTILE))
        elif action < 0.85:
            del inner[last]
        elif isinstance(inner, dict):
            inner[chance.choice(["surprise", "", last])] = copy.deepcopy(chance.choice(HOSTILE))
        value.setdefault("whole", None)
    return json.dumps(value["whole"]).encode()
