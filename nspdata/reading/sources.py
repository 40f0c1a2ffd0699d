"""What there is to read: inputs become files, large files become byte ranges."""

from __future__ import annotations

import dataclasses
import os
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.config.build import InputConfig
from nspdata.errors import InputError
from nspdata.reading.saved import DESCRIPTIONS, saved_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nspdata.files.local import FileInfo, Files

SUFFIXES = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "text_document",
}
"""Format by suffix; after it may stand one of `COMPRESSIONS`."""

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2"}

LINE_FORMATS = frozenset({"jsonl", "text_line"})
"""Formats of which any range of bytes can be read by itself."""

IGNORED = frozenset({"readme", "license", "licence", "notice", "changelog"})
"""Names, in any case, alone or with one of `PAGES`, that a directory or a glob may hold beside its documents."""

PAGES = frozenset({"", ".md", ".txt", ".rst", ".html"})

IGNORED_FILES = DESCRIPTIONS | {
    "_success",
    "_metadata",
    "_common_metadata",
    "dataset_infos.json",
    "checksums",
    "sha256sums",
}
"""Whole names that are ignored as well, and so are hidden files and all that lies in a hidden directory, and `.crc` files."""

READ_REMOTELY = 100
"""Remote files, at most, that are opened before the work to see whether they can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to read, or a range of one.

    Attributes:
        path: as the file system opens it.
        name: relative to the deepest directory that all inputs share; ids and rejected records bear it.
        format: one of the input formats.
        compression: `gzip`, `zstd`, `bzip2` or "".
        size_bytes: of the file.
        version: of the file as it was listed; "" where the store does not say.
        start: first byte of the range; a record belongs to the range that holds its first byte.
        end: end of the range, or None for the end of the file.
    """

    path: str
    name: str
    format: str
    compression: str = ""
    size_bytes: int
    version: str = ""
    start: int = 0
    end: int | None = None


def expand_inputs(patterns: Sequence[str], files: Files, settings: InputConfig | None = None) -> list[Source]:
    """The files that paths, directories and globs name, each once, sorted by name.

    A directory gives all files below it, a glob the files it matches; either may hold beside its documents what
    `IGNORED` and `IGNORED_FILES` name. A file that is named by itself is always read. Of a directory that `datasets`
    saved, the Arrow files are read that its state names.

    Raises:
        InputError: a pattern matches nothing, or a file has an unknown suffix, or cannot be read.
    """
    input_format = (settings or InputConfig()).format
    chosen: dict[tuple[str, ...], Source] = {}
    for pattern in patterns:
        for (path, size, version), kind in _files_of(pattern, files, input_format):
            source_format, compression = (kind, "") if kind else _kind(path, input_format)
            chosen[_parts(path)] = Source(
                path=path, name="", format=source_format, compression=compression, size_bytes=size, version=version
            )
    names = _names(list(chosen))
    sources = [dataclasses.replace(source, name=names[parts]) for parts, source in chosen.items()]
    sources.sort(key=lambda source: source.name)
    local = [source for source in sources if "://" not in source.path]
    remote = [source for source in sources if "://" in source.path]
    for source in [*local, *remote[:: len(remote) // READ_REMOTELY + 1]]:
        _check_readable(source, files)
    return sources


def _files_of(pattern: str, files: Files, input_format: str) -> list[tuple[FileInfo, str]]:
    """The files to read of one pattern, each with the format where it is not the suffix that says it."""
    matched = files.find(pattern)
    if not matched:
        held = "the directory holds no file" if files.exists(pattern) else "matches no file"
        raise InputError(f"{pattern!r}: {held}; give existing files, directories, globs or URLs")
    if [file.path for file in matched] == [pattern] and input_format != "dataset":
        return [(matched[0], "")]
    saved, directories = saved_files([file.path for file in matched], files)
    if input_format == "dataset":
        if not saved:
            raise InputError(
                f"{pattern!r} is no directory that `datasets` saved: there is no state.json with data files"
            )
        return [(file, "arrow") for file in matched if file.path in saved]
    kept = [(file, "arrow") for file in matched if file.path in saved]
    kept += [
        (file, "")
        for file in matched
        if posixpath.dirname(file.path) not in directories and not _ignored(file.path, pattern)
    ]
    if not kept:
        raise InputError(
            f"{pattern!r} holds no document file, only {matched[0].path} and the like; known suffixes are {_known()}"
        )
    return kept


def _ignored(path: str, pattern: str) -> bool:
    root = "" if pattern.rstrip("/") == "." else pattern.rstrip("/") + "/"
    below = path.removeprefix(root) if path.startswith(root) else posixpath.basename(path)
    stem, suffix = posixpath.splitext(posixpath.basename(path).lower())
    return (
        any(part.startswith(".") for part in below.split("/"))
        or (stem in IGNORED and suffix in PAGES)
        or stem + suffix in IGNORED_FILES
        or suffix == ".crc"
    )


def _parts(path: str) -> tuple[str, ...]:
    """Where a file is, the same however the path is spelled: the scheme ("" for the local disk), directories, name."""
    scheme, separator, rest = path.rpartition("://")
    full = posixpath.normpath(rest) if separator else os.path.abspath(path)  # noqa: PTH100 - links are left as they are
    return (scheme, *full.replace(os.sep, "/").strip("/").split("/"))


def _names(paths: Sequence[tuple[str, ...]]) -> Mapping[tuple[str, ...], str]:
    """Each path below the deepest directory that all share; files of several schemes bear theirs in front."""
    names: dict[tuple[str, ...], str] = {}
    schemes = {parts[0] for parts in paths}
    for scheme in schemes:
        group = [parts for parts in paths if parts[0] == scheme]
        directories = [parts[:-1] for parts in group]
        levels = enumerate(zip(*directories, strict=False))
        depth = next((level for level, found in levels if len(set(found)) > 1), min(map(len, directories)))
        prefix = f"{scheme}://" if scheme and len(schemes) > 1 else ""
        names |= {parts: prefix + "/".join(parts[depth:]) for parts in group}
    return names


def _known() -> str:
    return f"{', '.join(sorted(SUFFIXES))}, each also with {', '.join(sorted(COMPRESSIONS))}"


def _kind(path: str, input_format: str) -> tuple[str, str]:
    stem, last = posixpath.splitext(path)
    compression = COMPRESSIONS.get(last.lower(), "")
    suffix = posixpath.splitext(stem)[1] if compression else last
    if input_format != "auto":
        return input_format, compression
    if suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: unknown suffix {suffix or last!r}; known are {_known()}; "
            "name the format with --input-format, or leave the file out"
        )
    return SUFFIXES[suffix.lower()], compression


def _check_readable(source: Source, files: Files) -> None:
    try:
        with files.open(source.path) as stream:
            stream.read(1)
    except OSError as error:
        raise InputError(f"{source.path}: cannot be read ({error.strerror or error})") from error
