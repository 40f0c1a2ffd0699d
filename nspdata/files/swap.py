"""Replaces the content of a dataset directory as a whole: built in `.build/new`, then moved into the directory.

`commit` writes the journal `.build/swap.json`. From then on the new content is valid: any process that finds the journal
completes the swap, which is idempotent. Before that the old content is unchanged.
"""

from __future__ import annotations

import posixpath
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nspdata.errors import NspdataError, ShardError
from nspdata.files.checked_json import COUNT, TEXT, exactly, list_of, tuple_of
from nspdata.files.lease import OWNERS, check_held
from nspdata.files.local import TEMPORARY, join
from nspdata.files.lock import LOCK, locked
from nspdata.files.owners import WORK
from nspdata.files.state import read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.files.local import Files

NEW = f"{WORK}/new"
"""Directory in which new content is built."""

JOURNAL = f"{WORK}/swap.json"

SWAP = exactly({"place": list_of(tuple_of(TEXT, COUNT)), "last": TEXT, "delete": list_of(TEXT)})
"""The journal: name and size of each file to place, the file to place last, and the names to delete."""

PATIENCE_S = 10.0
"""Seconds that a reader waits for a swap which another process is completing."""


def commit(directory: str, files: Files, *, last: str, owned: Sequence[str], lease: str = "") -> None:
    """Replaces the owned files and directories of a directory with the content of `.build/new`.

    Args:
        directory: the dataset directory.
        files: the file system of the directory.
        last: the file that is moved after all others.
        owned: names in the directory; their files that are not in the new content are removed.
        lease: token of the lease of the directory; "" if a lock of the system holds it.

    Raises:
        InputError: another build has taken the directory.
    """
    new = [(name, size) for name, size in _names(join(directory, NEW), files) if not is_temporary(name)]
    kept = {name for name, _ in new}
    tops = {name.partition("/")[0] for name in kept}
    old = [name for name, _ in _names(directory, files) if name.partition("/")[0] in owned]
    stale = sorted({name.partition("/")[0] for name in old} - tops)
    stale += [name for name in old if name.partition("/")[0] in tops and name not in kept]
    journal = {"place": [[name, size] for name, size in new if name != last], "last": last, "delete": stale}
    check_held(directory, lease, files)
    write_state(files, join(directory, JOURNAL), journal)
    complete(directory, files)


def pending(directory: str, files: Files) -> bool:
    """Whether a swap was committed and not completed."""
    return files.stat(join(directory, JOURNAL)) is not None


def complete(directory: str, files: Files) -> None:
    """Completes a committed swap and removes the files that the build has left; idempotent.

    Raises:
        ShardError: files of the new content are missing.
    """
    path = join(directory, JOURNAL)
    journal = read_state(files, path, SWAP)
    staged = dict(_names(join(directory, NEW), files))
    if journal is None:
        journal = _made_again(directory, staged)
    _check_names(directory, [*(name for name, _ in journal["place"]), *journal["delete"], journal["last"]])
    _place(directory, files, [(str(name), int(size)) for name, size in journal["place"]], staged)
    if journal["delete"]:
        files.delete(*(join(directory, name) for name in journal["delete"]))
    last = journal["last"]
    if last in staged:
        files.place([(join(directory, f"{NEW}/{last}"), join(directory, last))])
        files.sync([directory])
    sweep(directory, files, owned=sorted({str(name).partition("/")[0] for name, _ in journal["place"]}))
    files.delete(path)
    clear(directory, files)


def _place(directory: str, files: Files, names: Sequence[tuple[str, int]], staged: dict[str, int]) -> None:
    present: dict[str, int] | None = None
    pairs = []
    for name, size in names:
        if staged.get(name) == size:
            pairs.append((join(directory, f"{NEW}/{name}"), join(directory, name)))
            continue
        present = dict(_names(directory, files)) if present is None else present
        if present.get(name) != size:
            raise ShardError(f"{directory}: the finished build in {NEW} lacks {name}; build again with --overwrite")
    files.place(pairs)
    files.sync(sorted({posixpath.dirname(target) for _, target in pairs} | {directory} if pairs else set()))


def _check_names(directory: str, names: Sequence[str]) -> None:
    """Checks that a swap changes nothing outside its directory, not even through a symbolic link.

    Raises:
        ShardError: it would.
    """
    local = "://" not in directory
    root = Path(directory).resolve() if local else Path()
    parents = dict.fromkeys(posixpath.dirname(name) for name in names)
    outside = {parent for parent in parents if local and not Path(directory, parent).resolve().is_relative_to(root)}
    for name in names:
        plain = name == posixpath.normpath(name) and not name.startswith(("/", "..")) and name not in {"", "."}
        if not plain or posixpath.dirname(name) in outside:
            raise ShardError(
                f"{directory}: {JOURNAL} names {name!r}, outside of the directory; remove {join(directory, WORK)}"
            )


def _made_again(directory: str, staged: dict[str, int]) -> dict[str, Any]:
    """Returns a journal that replaces a corrupt one: the new content is complete, only the names to delete are unknown."""
    if "manifest.json" not in staged:
        raise ShardError(f"{directory}: {JOURNAL} is damaged, and {NEW} has no manifest; build again with --overwrite")
    names = [[name, size] for name, size in staged.items() if name != "manifest.json"]
    return {"place": names, "last": "manifest.json", "delete": []}


def settle(directory: str, files: Files) -> None:
    """Completes an interrupted swap for a reader; does nothing if there is none.

    Raises:
        ShardError: it cannot be completed from here.
    """
    patience = time.monotonic() + PATIENCE_S
    while pending(directory, files):
        try:
            with locked(directory, files):
                if pending(directory, files):
                    complete(directory, files)
        except ShardError:
            raise
        except (NspdataError, OSError) as error:
            if time.monotonic() < patience and isinstance(error, NspdataError):
                time.sleep(0.1)
                continue
            raise ShardError(
                f"{directory}: its replacement by a new build was interrupted, and cannot be completed from here ({error}); "
                "run the same build again, or any command on it with permission to write"
            ) from error


def clear(directory: str, files: Files) -> None:
    """Removes everything in `.build` except the lock."""
    kept = {LOCK, OWNERS}
    found = {f"{WORK}/{name.partition('/')[0]}" for name, _ in _names(join(directory, WORK), files)}
    files.delete(*(join(directory, name) for name in sorted((found | {NEW, f"{WORK}/shards", f"{WORK}/spill"}) - kept)))


def sweep(directory: str, files: Files, *, owned: Sequence[str]) -> None:
    """Removes temporary files that a crash has left, in `.build` and among the owned names."""
    for name, _ in _names(directory, files):
        top = name.partition("/")[0]
        if is_temporary(name) and ("/" not in name or top == WORK or top in owned):
            files.delete(join(directory, name))


def is_temporary(name: str) -> bool:
    """Whether a file is a temporary file of a write."""
    return TEMPORARY.fullmatch(posixpath.basename(name)) is not None


def _names(directory: str, files: Files) -> list[tuple[str, int]]:
    """Returns the path below the directory, and the size, of each file in it."""
    root = directory.rstrip("/") + "/"
    return [(_below(file.path, root), file.size) for file in files.listing(directory)]


def _below(path: str, root: str) -> str:
    """`Path` leaves out the "./" of a root such as "./out", a listing may too."""
    return path.removeprefix(root) if path.startswith(root) else posixpath.relpath(path, root)
