"""Files on the filesystems that Beam reads."""

from __future__ import annotations

from typing import BinaryIO, cast

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems


class BeamFiles:
    """What Beam's filesystems reach (`gs://`, `s3://`, `hdfs://` and whatever is registered). See `nspdata.files.local.Files`."""

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """The files of a path, a directory or a glob."""
        for tried in (pattern, f"{pattern.rstrip('/')}/**"):
            found = FileSystems.match([tried])[0].metadata_list
            if found:
                return sorted((file.path, file.size_in_bytes) for file in found)
        return []

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
