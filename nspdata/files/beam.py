"""Files on the filesystems that Beam reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, cast

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from nspdata.files.local import FileInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class BeamFiles:
    """What Beam's filesystems reach (`gs://`, `s3://`, `hdfs://` and whatever is registered). See `nspdata.files.local.Files`."""

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """The files of a path, a directory or a glob."""
        return [(path, size) for path, size, _ in self.find(pattern)]

    def find(self, pattern: str) -> list[FileInfo]:
        """As `match`; the version is the time of the last update."""
        for tried in (pattern, f"{pattern.rstrip('/')}/**"):
            if found := self._matched(tried):
                return found
        return []

    def listing(self, directory: str) -> list[FileInfo]:
        """All files below a directory, whose name is taken literally."""
        return self._matched(f"{_literal(directory.rstrip('/'))}/**")

    def stat(self, path: str) -> FileInfo | None:
        """One file, whose name is taken literally."""
        return next(iter(self._matched(_literal(path))), None)

    def open(self, path: str) -> BinaryIO:
        """Opens a file as it lies, compressed or not."""
        return cast("BinaryIO", FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED))

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file; an object store shows it only when it is whole."""
        with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
            stream.write(bytes(data))

    def exists(self, path: str) -> bool:
        """Whether there is such a file, or a directory with a file in it."""
        return bool(self.match(path))

    def delete(self, path: str) -> None:
        """Removes a file or a directory."""
        if found := [name for name, _ in self.match(path)]:
            FileSystems.delete(found)

    def place(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Copies files inside the store."""
        if pairs:
            FileSystems.copy([source for source, _ in pairs], [target for _, target in pairs])

    def sync(self, directories: Iterable[str]) -> None:
        """Does nothing: an object is durable once it is written."""

    @staticmethod
    def _matched(pattern: str) -> list[FileInfo]:
        found = FileSystems.match([pattern])[0].metadata_list
        return sorted(
            FileInfo(file.path, file.size_in_bytes, str(file.last_updated_in_seconds or "")) for file in found
        )


def _literal(path: str) -> str:
    """The pattern that matches this path and no other."""
    return re.sub(r"([*?\[])", r"[\1]", path)
