"""A file to read, or a range of one."""

from __future__ import annotations

from dataclasses import dataclass

LINE_FORMATS = frozenset({"jsonl", "text_line"})
"""Formats that can be read in byte ranges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to read, or a range of one.

    Attributes:
        path: path or URL of the file.
        name: path relative to the common directory of all inputs, as valid Unicode; used in document ids and rejected records.
        format: one of the input formats.
        compression: `gzip`, `zstd`, `bzip2`, `xz` or "".
        size_bytes: size of the file, bytes.
        start: first byte of the range; a record belongs to the range that contains its first byte.
        version: version of the file when it was listed; "" if the store has none.
        end: end of the range, or None for the end of the file.
        split: split of a `DatasetDict` that the file belongs to, or "".
        line_end: line end; "" detects it from the first block.
    """

    path: str
    name: str
    format: str
    compression: str = ""
    size_bytes: int
    start: int = 0
    end: int | None = None
    version: str = ""
    split: str = ""
    line_end: str = ""
