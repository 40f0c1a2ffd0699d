"""A file to read, or a range of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        start: first byte of the range, counted in the decompressed file; a record belongs to the range that contains its first byte.
        version: version of the file when it was listed; "" if the store has none.
        end: end of the range, or None for the end of the file.
        split: split of a `DatasetDict` that the file belongs to, or "".
        line_end: line end; "" detects it from the first block.
        stored_start: of a range of a compressed file, the byte of the file at which decompression begins.
        stored_end: the byte at which decompression of the next range begins, or None for the end of the file.
        seek_points: of a whole compressed file, where ranges may begin; see `nspdata.reading.seek_points`.
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
    stored_start: int = 0
    stored_end: int | None = None
    seek_points: Sequence[tuple[int, int]] = ()

    @property
    def is_range(self) -> bool:
        """Whether it is a range of a file, not a whole one."""
        return self.start > 0 or self.end is not None

    @property
    def can_be_split(self) -> bool:
        """Whether ranges of the file can be read."""
        return self.format in LINE_FORMATS and (not self.compression or self.is_range or bool(self.seek_points))

    @property
    def stored_range(self) -> tuple[int, int | None]:
        """First byte, and end or None for the end of the file, of what the range takes on the disk."""
        return (self.stored_start, self.stored_end) if self.compression else (self.start, self.end)

    @property
    def stored_bytes(self) -> int:
        """Size of the file or of the range on the disk, bytes."""
        start, end = self.stored_range
        return (self.size_bytes if end is None else end) - start
