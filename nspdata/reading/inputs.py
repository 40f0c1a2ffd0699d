"""Expands paths, directories and globs into files of known format."""

from __future__ import annotations

import dataclasses
import logging
import os
import posixpath
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from nspdata.config.input import InputConfig
from nspdata.errors import InputError
from nspdata.reading.detect import by_suffix, check_fields, format_of, head_of, known_suffixes
from nspdata.reading.fields import matches
from nspdata.reading.saved import DESCRIPTIONS, saved_files
from nspdata.reading.seek_points import with_seek_points
from nspdata.reading.sources import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
"""Complete names of more such files. Hidden files and directories, checksums and indexes beside files and the descriptions that `datasets` writes are
skipped without a message."""

BESIDE = (".crc", ".gzi")
"""How the names of files end that programs write beside a file: a checksum, an index of `bgzip`."""

NO_DOCUMENTS = (".", *IGNORED, *IGNORED_FILES, *DESCRIPTIONS)
"""How the name of each such file begins, in lower case, except those of `BESIDE`; compared first, as there may be a million names."""

OPENED_REMOTELY = 100
"""Maximum number of remote files that are opened before the build to check their content."""

LARGE_BYTES = 4 << 20
"""Remote `.json` files larger than this are always opened: only JSON lines can be split into ranges."""

DOTS = frozenset({"", ".", ".."})

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
    chosen: dict[str, tuple[FileInfo, str | None, bool]] = {}
    skipped: list[str] = []
    for pattern in patterns:
        found = _files_of(pattern, files, settings.format, skipped)
        for path, file in zip(_full_paths([file.path for file, *_ in found]), found, strict=True):
            chosen.setdefault(path, file)
    named = sorted(zip(_names(list(chosen)), chosen.values(), strict=True), key=itemgetter(0))
    if excluded := [pattern for pattern in settings.exclude.split(",") if pattern]:
        named = [(name, file) for name, file in named if not matches(name, excluded)]
    remote = [file.path for _, (file, *_) in named if "://" in file.path]
    opened = set(remote[:: len(remote) // OPENED_REMOTELY + 1])
    sources = []
    for name, ((path, size, version), split, given) in named:
        by_name, compression = ("arrow", "") if split is not None else _by_tail(path)
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
    return with_seek_points(sources, files)


def _some(names: Iterable[str]) -> str:
    found = sorted(set(names))
    return ", ".join(found[:NAMED]) + (f" and {len(found) - NAMED} more" if len(found) > NAMED else "")


def _settled(  # noqa: PLR0913 - what decides the format
    source: Source, by_name: str, files: Files, settings: InputConfig, *, look: bool, given: bool
) -> Source | None:
    """Finds the format and the line end of a source in its content; None if it has no known format and was not given by its path."""
    if not look and source.format:
        long_json = by_name == "json" and settings.format == "auto" and source.size_bytes > LARGE_BYTES
        if source.compression or not long_json:
            return source
    head = head_of(source, files)
    found = format_of(head, by_name) if settings.format == "auto" else source.format
    if found != source.format:
        source = dataclasses.replace(source, format=found)
    if not source.format:
        if not given:
            return None
        raise InputError(
            f"{source.path}: unknown suffix {posixpath.splitext(source.path)[1]!r}; known suffixes are {known_suffixes()}; name the format with --input-format"
        )
    check_fields(source, head, files, settings)
    line_end = head.line_end().decode() if head.data and not head.whole else ""
    return source if line_end == source.line_end else dataclasses.replace(source, line_end=line_end)


def _files_of(  # noqa: C901 - one loop over a million names
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
    unread: dict[str, bool] = {}
    for file in matched:
        directory, _, name = file.path.rpartition("/")
        if directory not in unread:
            unread[directory] = directory in saved.directories or _hidden_directory(directory + "/", root)
        lower = name.lower()
        if unread[directory]:
            continue
        if not lower.startswith(NO_DOCUMENTS) and not lower.endswith(BESIDE):
            kept.append((file, None, False))
        elif _hidden(lower):
            continue
        elif _ignored(lower):
            skipped.append(file.path)
        else:
            kept.append((file, None, False))
    if not kept:
        raise InputError(
            f"{pattern!r} contains no document files, only files such as {matched[0].path}; known suffixes are {known_suffixes()}"
        )
    return kept


def _hidden_directory(directory: str, root: str) -> bool:
    """Whether a directory below `root`, the directory that was given, is hidden or in a hidden one."""
    below = directory[len(root) :] if directory.startswith(root) else ""
    return below.startswith(".") or "/." in below


def _hidden(lower: str) -> bool:
    """Whether the name of a file, in lower case, says that it is not a document, and not worth a message."""
    return lower[:1] == "." or lower.endswith(BESIDE) or lower in DESCRIPTIONS


def _ignored(lower: str) -> bool:
    if lower in IGNORED_FILES:
        return True
    stem, dot, suffix = lower.rpartition(".")
    return (stem in IGNORED and dot + suffix in PAGES) if dot else lower in IGNORED


def _by_tail(path: str) -> tuple[str, str]:
    """`by_suffix`, computed once for all names that are equal from their first dot on."""
    start = path.rfind("/") + 1
    return _by_tail_alone(path[path.find(".", start) :]) if path[start : start + 1] != "." else by_suffix(path)


@lru_cache(maxsize=1024)
def _by_tail_alone(tail: str) -> tuple[str, str]:
    return by_suffix(f"a{tail}")


def _full_paths(paths: Sequence[str]) -> list[str]:
    """Normalized paths of files: scheme ("" for the local disk), `://`, directories, name."""
    normalized: dict[str, str] = {}
    result = []
    for path in paths:
        directory, _, name = path.rpartition("/")
        if not directory or directory.endswith(":/") or name in DOTS:
            result.append(_normalized(path))
            continue
        full = normalized.get(directory)
        if full is None:
            full = normalized[directory] = _normalized(directory + "/") + "/"
        result.append(full + name)
    return result


def _normalized(path: str) -> str:
    scheme, separator, rest = path.rpartition("://")
    full = posixpath.normpath(rest) if separator else os.path.abspath(path)  # noqa: PTH100 - links are left as they are
    return f"{scheme}://{full.replace(os.sep, '/').strip('/')}"


def _names(paths: Sequence[str]) -> list[str]:
    """Each normalized path relative to the deepest common directory; with several schemes, the scheme comes first."""
    directories: dict[str, dict[str, None]] = {}
    for directory in dict.fromkeys(path[: path.rindex("/")] for path in paths):
        scheme, _, rest = (directory + "/").rpartition("://")
        directories.setdefault(scheme, {})[rest] = None
    starts = {scheme: len(scheme) + len("://") + _common(found) for scheme, found in directories.items()}
    if len(starts) == 1:
        (start,) = starts.values()
        return [_unicode(path[start:]) for path in paths]
    schemes = [path.rpartition("://")[0] for path in paths]
    return [
        _unicode((f"{scheme}://" if scheme else "") + path[starts[scheme] :])
        for scheme, path in zip(schemes, paths, strict=True)
    ]


def _common(directories: Iterable[str]) -> int:
    """Length of the longest directory that is part of all; each ends with `/` or is empty."""
    first, last = min(directories), max(directories)  # what these two share, all share
    equal = next(
        (index for index, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    return first.rfind("/", 0, equal) + 1


def _unicode(name: str) -> str:
    """The name as valid Unicode; bytes that are not UTF-8 become escapes."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
