"""Where a dataset directory is stored: the protocol, and the local disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.shards import file_sha256, shard_path
from nspdata.errors import ShardError

if TYPE_CHECKING:
    from nspdata.dataset.manifest import Manifest, ShardEntry


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
        """Looks for every shard as far as that is cheap; ShardError names the first that is wrong."""
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

    def __init__(self, directory: str | Path, *, verify: bool = False) -> None:
        """Nothing is read yet; `verify` compares the sha256 of each shard when it is first opened."""
        self.name = str(directory)
        self._verify = verify
        self._verified: set[str] = set()

    def manifest(self) -> Manifest:
        """See `Store.manifest`."""
        return read_manifest(self.name)

    def vocabulary(self) -> str:
        """See `Store.vocabulary`."""
        path = Path(self.name) / "tokenizer" / "vocab.txt"
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
        if self._verify and entry.path not in self._verified:
            digest = file_sha256(path)
            if digest != entry.sha256:
                raise ShardError(
                    f"{path}: sha256 {digest[:12]}..., the manifest says {entry.sha256[:12]}...; copy the shard again"
                )
            self._verified.add(entry.path)
        return path.open("rb")

    def ahead(self, entries: list[ShardEntry]) -> None:
        """See `Store.ahead`: the disk needs no notice."""
