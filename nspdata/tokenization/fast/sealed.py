"""Files of the user's cache: a head, a checksum, the content. They are replaced as a whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import xxhash

CHECKSUM_BYTES = 16


def sealed(content: bytes, head: bytes) -> bytes:
    """The bytes of a file."""
    return head + xxhash.xxh3_128_digest(content) + content


def opened(data: bytes, head: bytes) -> bytes | None:
    """The content of a file; None if it has another head or is corrupt."""
    content = data[len(head) + CHECKSUM_BYTES :]
    return content if data.startswith(head + xxhash.xxh3_128_digest(content)) else None


def replace_file(path: Path, data: bytes, *, most_files: int) -> None:
    """Writes a file, so that others read either the old or the new one, and deletes the oldest files of the directory.

    Raises:
        OSError: the directory cannot be written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    others = sorted(path.parent.glob("*.bin"), key=lambda other: other.stat().st_mtime)
    for other in others[:-most_files]:
        other.unlink(missing_ok=True)
