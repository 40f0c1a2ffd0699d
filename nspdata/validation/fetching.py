"""A dataset behind a URL, copied to the local disk for the time of its validation."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nspdata.dataset.manifest import MANIFEST
from nspdata.errors import ShardError
from nspdata.files.any import AnyFiles
from nspdata.interrupts import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS = 8
"""Files that are copied at a time."""


def fetch_file(url: str, target: Path) -> None:
    """Downloads a file to the local disk; creates its directory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with AnyFiles().open(url) as source, target.open("wb") as stream:
        shutil.copyfileobj(source, stream, 8 << 20)


@contextmanager
def local_directory(directory: str | Path, *, shards: bool = True) -> Iterator[Path]:
    """A local dataset directory as it is; of one behind a URL, a temporary copy of every file.

    Args:
        directory: a path or a URL.
        shards: False for empty files in place of the shards.

    Raises:
        InputError: the URL cannot be read.
        ShardError: there is no manifest.
    """
    url = str(directory).rstrip("/")
    if "://" not in url:
        yield Path(directory)
        return
    files = AnyFiles()
    if not files.exists(f"{url}/{MANIFEST}"):
        raise ShardError(
            f"{url}: no {MANIFEST}, so this is not a finished dataset; there is nothing to validate it against"
        )

    def copy(path: str) -> None:
        target = Path(copied, path.removeprefix(f"{url}/"))
        if shards or target.suffix != ".arrow":
            fetch_file(path, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()

    with temporary_directory("nspdata-validate-") as copied:
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(copy, [path for path, _ in files.match(url) if path.startswith(f"{url}/")]):
                pass
        yield Path(copied)
