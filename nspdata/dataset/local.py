"""Where a dataset directory is stored: the protocol, and the local disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from nspdata.dataset.manifest import VOCABULARY, read_manifest
from nspdata.dataset.shards import shard_path
from nspdata.dataset.verification import check_shard_bytes, check_verify
from nspdata.errors import ShardError

if TYPE_CHECKING:
    from nspdata.dataset.manifest import Manifest, ShardEntry
    from nspdata.dataset.verification import Verify


class Store(Protocol):
    """A dataset directory, on this machine or elsewhere."""

    name: str

    def manifest(self) -> Manifest:
        """The manifest; ShardError if there is none."""
        ...

    def vocabulary(self) -> str:
        """The text of `tokenizer/vocab.txt`; ShardError if there is none."""
        ...

    def check(self, entries: list[ShardEntry]) -> None:
        """Checks that every shard exists if the check is cheap; ShardError names the first that does not."""
        ...

    def read(self, path: str) -> bytes | None:
        """The bytes of a small file, relative to the dataset directory; None if there is no such file."""
        ...

    def open(self, entry: ShardEntry) -> BinaryIO:
        """The shard as a local file of the right size; ShardError if it cannot be read."""
        ...

    def ahead(self, entries: list[ShardEntry]) -> None:
        """Says which shards will be fetched next."""
        ...


class LocalStore:
    """A directory on this machine."""

    def __init__(self, directory: str | Path, *, verify: Verify = "once") -> None:
        """Reads nothing; `verify` says when the sha256 of a shard is checked."""
        self.name = str(directory)
        self._verify = check_verify(verify)

    def manifest(self) -> Manifest:
        """See `Store.manifest`."""
        return read_manifest(self.name)

    def vocabulary(self) -> str:
        """See `Store.vocabulary`."""
        path = Path(self.name) / VOCABULARY
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise ShardError(f"{path}: cannot be read ({error.strerror}); copy the whole dataset directory") from error

    def read(self, path: str) -> bytes | None:
        """See `Store.read`."""
        file = Path(self.name) / path
        try:
            return file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ShardError(f"{file}: cannot be read ({error.strerror}); check its permissions") from error

    def check(self, entries: list[ShardEntry]) -> None:
        """See `Store.check`."""
        for entry in entries:
            shard_path(self.name, entry)

    def open(self, entry: ShardEntry) -> BinaryIO:
        """See `Store.open`."""
        path = shard_path(self.name, entry)
        check_shard_bytes(path, entry, self._verify)
        return path.open("rb")

    def ahead(self, entries: list[ShardEntry]) -> None:
        """See `Store.ahead`: the disk needs no notice."""
