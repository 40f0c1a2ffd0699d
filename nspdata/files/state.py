"""State files: JSON with its length and checksum, so that an empty, truncated or altered file is detected.

```
{"length": 17, "checksum": "0123456789abcdef0123456789abcdef", "value":
{"fingerprint":""}}
```

The file as a whole is JSON too. Length and checksum (BLAKE2b, 16 bytes) are of the bytes of the value.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from nspdata.errors import ShardError
from nspdata.files.checked_json import parse

if TYPE_CHECKING:
    from nspdata.files.checked_json import Schema
    from nspdata.files.local import Files

HEAD = re.compile(rb'\{"length": (\d{1,15}), "checksum": "([0-9a-f]{32})", "value":\n')


def seal(value: bytes) -> bytes:
    """The bytes of a state file.

    Args:
        value: JSON.
    """
    head = f'{{"length": {len(value)}, "checksum": "{_checksum(value)}", "value":\n'
    return head.encode() + value + b"}\n"


def unseal(data: bytes) -> bytes | None:
    """Returns the value of a state file; None if the file is empty, truncated or altered.

    >>> unseal(seal(b"[1]")), unseal(seal(b"[1]")[:-1]), unseal(seal(b"[1]").replace(b"[1]", b"[2]"))
    (b'[1]', None, None)
    """
    head = HEAD.match(data)
    if not head or not data.endswith(b"}\n"):
        return None
    value = data[head.end() : -2]
    return value if len(value) == int(head[1]) and _checksum(value) == head[2].decode() else None


def unseal_head(data: bytes, size: int) -> bytes | None:
    """Returns the first bytes of the value of a state file, without a comparison of the checksum unless `data` is the whole file.

    Args:
        data: the first bytes of the file.
        size: bytes of the whole file.

    Returns:
        None if the file is empty, truncated or, as far as `data` shows, altered.
    """
    if len(data) == size:
        return unseal(data)
    head = HEAD.match(data)
    return data[head.end() :] if head and head.end() + int(head[1]) + len(b"}\n") == size else None


def write_state(files: Files, path: str, value: Any) -> None:
    """Writes a JSON value."""
    files.write(path, seal(json.dumps(value).encode()))


def read_state(files: Files, path: str, schema: Schema | None = None) -> Any:
    """Reads the value of a state file; None if it is missing, empty, truncated, altered, or not as the schema says."""
    try:
        with files.open(path) as stream:
            value = unseal(stream.read())
        return None if value is None else parse(value, name=path, schema=schema)
    except (FileNotFoundError, ShardError):
        return None


def _checksum(value: bytes) -> str:
    return hashlib.blake2b(value, digest_size=16).hexdigest()
