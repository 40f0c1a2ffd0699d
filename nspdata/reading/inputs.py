"""Expands paths, directories and globs into files of known format."""

from __future__ import annotations

import dataclasses
import logging
import os
import posixpath
from typing import TYPE_CHECKING

from nspdata.config.input import InputConfig
from nspdata.errors import InputError
from nspdata.reading.detect import by_suffix, check_fields, format_of, head_of, known_suffixes
from nspdata.reading.fields import matches
from nspdata.reading.saved import DESCRIPTIONS, saved_files
from nspdata.reading.sources import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nspdata.files.local import FileInfo, Files

LOG = logging.getLogger("nspdata")

IGNORED = frozenset({"readme", "license", "licence", "notice", "changelog"})
"""Names (case-insensitive, alone or with a suffix of `PAGES`) of files that are not documents."""

PAGES = frozenset({"", ".md", ".txt", ".rst", ".html"})

IGNORED_FILES = frozenset(
    {
        "_success",
        "_metadata",
        "_common_metadata",
        "dataset_infos.json",
        "checksums",
        "sha256sums",
    }
)
"""Complete names of more such files. Hidden files and directories, `.crc` files and the descriptions that `datasets` writes are
skipped without a message."""

OPENED_REMOTELY = 100
"""Maximum number of remote files that are opened before the build to check their content."""

LARGE_BYTES = 4 << 20
"""Remote `.json` files larger than this are always opened: only JSON lines can be split into ranges."""

NAMED = 5
"""Maximum number of skipped files named in a message."""


def expand_inputs(patterns: Sequence[str], files: Files, settings: InputConfig | None = None) -> list[Source]:
    """Lists the files that paths, directories and globs match, each once, sorted by name.

    A directory stands for all files below it. In directories and globs, files of unknown format and files listed in `IGNORED`
    and `IGNORED_FILES` are skipped, and a log message names them. A file given by its own path is always read. In a
    directory written by `datasets`, the Arrow files listed in its state are read.

    Raises:
        InputError: a pattern matches nothing; a given file has an unknown format; a file cannot be read, or none of its
            first records contains the text field.
    """
    settings = settings or InputConfig()
    chosen: dict[tuple[str, ...], tuple[FileInfo, str | None, bool]] = {}
    skipped: list[str] = []
    for pattern in patterns:
        for file, split, given in _files_of(pattern, files, settings.format, skipped):
            chosen.setdefault(_parts(file.path), (file, split, given))
    names = _names(list(chosen))
    excluded = [pattern for pattern in settings.exclude.split(",") if pattern]
    kept = sorted(
        (
            (names[parts], *found)
            for parts, found in chosen.items()
            if not (excluded and matches(names[parts], excluded))
        ),
        key=lambda found: found[0],
    )
    remote = [file.path for _, file, *_ in kept if "://" in file.path]
    opened = set(remote[:: len(remote) // OPENED_REMOTELY + 1])
    sources = []
    for name, (path, size, version), split, given in kept:
        by_name, compression = ("arrow", "") if split is not None else by_suffix(path)
        source = Source(
            path=path,
            name=name,
            format=by_name if split is not None or settings.format == "auto" else settings.format,
            compression=compression,
            split=split or "",
            size_bytes=size,
            version=version,
        )
        look = "://" not in path or path in opened
        settled = source if split is not None else _settled(source, by_name, files, settings, look=look, given=given)
        if settled:
            sources.append(settled)
        else:
            skipped.append(name)
    if not sources:
        raise InputError(
            f"{', '.join(map(repr, patterns))}: no readable document file"
            f"{f', only {_some(skipped)}' if skipped else ''}; known suffixes are {known_suffixes()}"
        )
    if skipped:
        LOG.warning("skipped, because they are not documents (%d): %s", len(skipped), _some(skipped))
    if empty := [source.name for source in sources if not source.size_bytes]:
        LOG.warning("empty files (%d): %s", len(empty), _some(empty))
    return sources


def _some(names: Iterable[str]) -> str:
    found = sorted(set(names))
    return ", ".join(found[:NAMED]) + (f" and {len(found) - NAMED} more" if len(found) > NAMED else "")


def _settled(  # noqa: PLR0913 - what decides the format
    source: Source, by_name: str, files: Files, settings: InputConfig, *, look: bool, given: bool
) -> Source | None:
    """Finds the format and the line end of a source in its content; None if it has no known format and was not given by its path."""
    if settings.format == "auto" and by_name == "json" and not source.compression and source.size_bytes > LARGE_BYTES:
        look = True
    if not look and source.format:
        return source
    head = head_of(source, files)
    if settings.format == "auto":
        source = dataclasses.replace(source, format=format_of(head, by_name))
    if not source.format:
        if not given:
            return None
        raise InputError(
            f"{source.path}: unknown suffix {posixpath.splitext(source.path)[1]!r}; known suffixes are {known_suffixes()}; name the format with --input-format"
        )
    check_fields(source, head, files, settings)
    return dataclasses.replace(source, line_end=head.line_end().decode() if head.data and not head.whole else "")


def _files_of(
    pattern: str, files: Files, input_format: str, skipped: list[str]
) -> list[tuple[FileInfo, str | None, bool]]:
    """The files of one pattern, each with its split if it is part of a saved dataset, and whether the pattern is its path."""
    matched = files.find(pattern)
    if not matched:
        held = "the directory is empty" if files.exists(pattern) else "matches no file"
        raise InputError(f"{pattern!r}: {held}; give existing files, directories, globs or URLs")
    if [file.path for file in matched] == [pattern] and input_format != "dataset":
        return [(matched[0], None, True)]
    saved = saved_files([file.path for file in matched], files)
    kept = [(file, saved.splits.get(file.path), False) for file in matched if file.path in saved.splits]
    if input_format == "dataset":
        if not kept:
            raise InputError(
                f"{pattern!r} is not a directory written by `datasets`: it has no state.json with data files"
            )
        return kept
    root = "" if pattern.rstrip("/") == "." else pattern.rstrip("/") + "/"
    for file in matched:
        if (saved.directories and posixpath.dirname(file.path) in saved.directories) or _hidden(file.path, root):
            continue
        if _ignored(file.path):
            skipped.append(file.path)
        else:
            kept.append((file, None, False))
    if not kept:
        raise InputError(
            f"{pattern!r} contains no document files, only files such as {matched[0].path}; known suffixes are {known_suffixes()}"
        )
    return kept


def _hidden(path: str, root: str) -> bool:
    """Whether a file is not a document by its name; only names below `root`, the directory that was given, are looked at."""
    name = path.rpartition("/")[2]
    below = path[len(root) :] if path.startswith(root) else name
    if below.startswith(".") or "/." in below:
        return True
    name = name.lower()
    return name.endswith(".crc") or name in DESCRIPTIONS


def _ignored(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    if name in IGNORED_FILES:
        return True
    stem, dot, suffix = name.rpartition(".")
    return (stem in IGNORED and dot + suffix in PAGES) if dot else name in IGNORED


def _parts(path: str) -> tuple[str, ...]:
    """A normalized path: scheme ("" for the local disk), directories, name."""
    scheme, separator, rest = path.rpartition("://")
    full = posixpath.normpath(rest) if separator else os.path.abspath(path)  # noqa: PTH100 - links are left as they are
    return (scheme, *full.replace(os.sep, "/").strip("/").split("/"))


def _names(paths: Sequence[tuple[str, ...]]) -> Mapping[tuple[str, ...], str]:
    """Each path relative to the deepest common directory; with several schemes, the scheme comes first."""
    names: dict[tuple[str, ...], str] = {}
    schemes = {parts[0] for parts in paths}
    for scheme in schemes:
        group = [parts for parts in paths if parts[0] == scheme]
        directories = [parts[:-1] for parts in group]
        levels = enumerate(zip(*directories, strict=False))
        depth = next((level for level, found in levels if len(set(found)) > 1), min(map(len, directories)))
        prefix = f"{scheme}://" if scheme and len(schemes) > 1 else ""
        names |= {parts: _unicode(prefix + "/".join(parts[depth:])) for parts in group}
    return names


def _unicode(name: str) -> str:
    """The name as valid Unicode; bytes that are not UTF-8 become escapes."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
