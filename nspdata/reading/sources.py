"""A file to read, or a range of one."""

from __future__ import annotations

from dataclasses import dataclass

LINE_FORMATS = frozenset({"jsonl", "text_line"})
"""Formats of which any range of bytes can be read by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to read, or a range of one.

    Attributes:
        path: as the file system opens it.
        name: relative to the deepest directory that all inputs share; in ids and rejected records; valid Unicode.
        format: one of the input formats.
        compression: `gzip`, `zstd`, `bzip2`, `xz` or "".
        size_bytes: of the file.
        start: first byte of the range; a record belongs to the range that holds its first byte.
        version: of the file as it was listed; "" where the store does not say.
        end: end of the range, or None for the end of the file.
        line_end: what ends a line; "" is what the first block says.
    """

    path: str
    name: str
    format: str
    compression: str = ""
    size_bytes: int
    start: int = 0
    end: int | None = None
    version: str = ""
    line_end: str = ""
