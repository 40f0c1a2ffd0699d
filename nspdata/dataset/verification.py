"""Whether a shard's bytes are those that were written: its sha256, hashed once per file and process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, get_args

from nspdata.dataset.shards import file_sha256
from nspdata.errors import ConfigError, ShardError

if TYPE_CHECKING:
    from pathlib import Path

    from nspdata.dataset.manifest import ShardEntry

Verify = Literal["once", "always", "size"]
"""When the sha256 is checked: the first time this process opens the file, each time, or never (then only the size is)."""

SETTLED_S = 2.0
"""A file that changed less than this ago is not remembered: its next change may not change its time."""

_VERIFIED: set[tuple[int, int, int, int, str]] = set()


def check_verify(verify: object) -> Verify:
    """The value as one of `once`, `always`, `size`.

    Raises:
        ConfigError: it is none of them.

    >>> check_verify("once")
    'once'
    """
    for known in get_args(Verify):
        if verify == known:
            return known  # type: ignore[no-any-return]
    raise ConfigError(f"verify must be one of {', '.join(map(repr, get_args(Verify)))}, not {verify!r}")


def altered(path: Path, entry: ShardEntry, verify: Verify) -> str:
    """The sha256 of a file if it is not the manifest's; "" if it is, or if it need not be checked.

    A file is recognized by device, inode, size and modification time.
    """
    if verify == "size":
        return ""
    status = path.stat()
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, entry.sha256)
    if verify == "once" and key in _VERIFIED:
        return ""
    digest = file_sha256(path)
    if digest != entry.sha256:
        return digest
    if time.time() - status.st_mtime > SETTLED_S:
        _VERIFIED.add(key)
    return ""


def check_shard_bytes(path: Path, entry: ShardEntry, verify: Verify) -> None:
    """Checks the sha256 of a local shard.

    Raises:
        ShardError: it is not the manifest's.
    """
    digest = altered(path, entry, verify)
    if digest:
        raise ShardError(
            f"{path}: sha256 {digest[:12]}..., the manifest says {entry.sha256[:12]}...; the file was altered, copy the shard again"
        )
