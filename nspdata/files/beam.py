"""Files on Beam's filesystems."""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, BinaryIO, cast

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from nspdata.errors import ConfigError, InputError
from nspdata.files import options
from nspdata.files.growing import SpooledFile
from nspdata.files.local import FileInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nspdata.files.growing import GrowingFile

REMEDIES = {
    "hdfs": "pip install 'nspdata[hadoop]', and give --hdfs_host, --hdfs_port and --hdfs_user after --",
    "azfs": "pip install 'nspdata[azure]', and set AZURE_STORAGE_CONNECTION_STRING or give --azure_connection_string after --",
}
"""What to install and to set for each scheme."""

NAMING = ("s3", "gs", *REMEDIES)


@lru_cache(maxsize=1)
def _set_options(given: tuple[str, ...]) -> None:
    """Sets the options of Beam's filesystems, which fail without options."""
    FileSystems.set_options(PipelineOptions(list(given)))


class BeamFiles:
    """Files on Beam's filesystems (`hdfs://`, `azfs://` and other registered schemes). See `nspdata.files.local.Files`."""

    def match(self, pattern: str) -> list[tuple[str, int]]:
        """The files of a path, a directory or a glob."""
        return [(path, size) for path, size, _ in self.find(pattern)]

    def find(self, pattern: str) -> list[FileInfo]:
        """Like `match`; the version is the time of the last update."""
        for tried in (pattern, f"{pattern.rstrip('/')}/**"):
            if found := self._matched(tried):
                return found
        return []

    def listing(self, directory: str) -> list[FileInfo]:
        """All files below a directory, whose name is taken literally."""
        literal = re.sub(r"([*?\[])", r"[\1]", directory.rstrip("/"))
        return self._matched(f"{literal}/**")

    def stat(self, path: str) -> FileInfo | None:
        """One file, whose name is taken literally; None if there is none."""
        with _errors(path):
            if not FileSystems.exists(path):
                return None
            found = FileSystems.get_filesystem(path).metadata(path)
        return FileInfo(path, found.size_in_bytes, str(found.last_updated_in_seconds or ""))

    def open(self, path: str) -> BinaryIO:
        """Opens a file without decompressing it."""
        with _errors(path):
            return cast("BinaryIO", FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED))

    def head(self, info: FileInfo, size: int) -> bytes:
        """The first bytes of a listed file."""
        with self.open(info.path) as stream:
            return stream.read(size)

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file; on a filesystem with directories under a temporary name, which is then renamed."""
        with _errors(path):
            directories = FileSystems.get_filesystem(path).has_dirs()
            temporary = _temporary(path) if directories else path
            if directories:
                self._make_directory(path.rpartition("/")[0])
            with FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
                stream.write(bytes(data))
            if directories:
                if FileSystems.exists(path):
                    FileSystems.delete([path])
                FileSystems.rename([temporary], [path])

    def create(self, path: str) -> GrowingFile:
        """See `Files.create`."""
        return SpooledFile(partial(self.write, path))

    def exists(self, path: str) -> bool:
        """Whether there is a file of this name, or a directory that contains a file."""
        return bool(self.match(path))

    def delete(self, *paths: str) -> None:
        """Removes files or directories."""
        for path in paths:
            with _errors(path):
                if FileSystems.exists(path):
                    FileSystems.delete([path])
                elif found := [name for name, _ in self.match(path)]:
                    FileSystems.delete(found)

    def place(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Copies files inside the store."""
        if pairs:
            with _errors(pairs[0][0]):
                FileSystems.copy([source for source, _ in pairs], [target for _, target in pairs])

    def sync(self, directories: Iterable[str]) -> None:
        """Does nothing: an object is durable once it is written."""

    @staticmethod
    def _make_directory(directory: str) -> None:
        if not FileSystems.exists(directory):
            try:
                FileSystems.mkdirs(directory)
            except BeamIOError:
                if not FileSystems.exists(directory):  # another worker may have created it
                    raise

    @staticmethod
    def _matched(pattern: str) -> list[FileInfo]:
        with _errors(pattern):
            found = FileSystems.match([pattern])[0].metadata_list
        return sorted(
            FileInfo(file.path, file.size_in_bytes, str(file.last_updated_in_seconds or "")) for file in found
        )


def _temporary(path: str) -> str:
    directory, _, name = path.rpartition("/")
    return f"{directory}/.{name}.{secrets.token_hex(8)}.tmp"


@contextmanager
def _errors(path: str) -> Iterator[None]:
    """Converts Beam's errors to those of nspdata: one line with the path and what to install or to set."""
    scheme = path.partition("://")[0]
    if not options.is_worker():
        _set_options(options.configured())
    try:
        yield
    except (ConfigError, InputError, FileNotFoundError):
        raise
    except ValueError as error:
        if "Unable to get filesystem" in str(error) and scheme not in NAMING:
            raise ConfigError(
                f"{path}: unknown scheme {scheme}://; known are {', '.join(f'{name}://' for name in NAMING)} and local paths"
            ) from error
        raise ConfigError(
            f"{path}: {scheme}:// cannot be used ({_line(error)}); {REMEDIES.get(scheme, 'check its options')}"
        ) from error
    except Exception as error:
        raise InputError(f"{path}: {_line(error)}; {REMEDIES.get(scheme, 'check its options')}") from error


def _line(error: BaseException) -> str:
    while isinstance(error, BeamIOError) and error.exception_details:
        error = next(iter(error.exception_details.values()))
    if isinstance(error, NameError) or "Failed to import" in str(error):  # Beam's module without its package
        return "the packages that read it are not installed"
    return " ".join(str(error).split())[:300] or type(error).__name__
